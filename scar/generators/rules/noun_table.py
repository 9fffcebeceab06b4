"""Nouns by number, with what tells them apart as tables of pairs; each noun is looked up once.

Rules about kinds of things, such as "a cup may be on a table", do not tell all nouns apart. Nouns with the same answer
to every rule share a class, and a rule is asked once a class.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np

from scar.evidence.thing_groups import find_groups
from scar.generators.rules.draws import Bools, Ints
from scar.language import english, wordnet
from scar.language.attribute_swaps import is_other_person
from scar.language.exclusion import describe_landmark, list_exception_words
from scar.language.lexicon import (
    Thing,
    find_confusion_groups,
    find_side,
    read_colours,
    read_person_nouns,
    read_verbs,
    resolve_category,
)


class Numbers(dict[Any, int]):
    """Gives each thing a number, from 0, in the order in which things are first looked up."""

    def __missing__(self, key: Hashable) -> int:
        self[key] = number = len(self)
        return number


class NounTable:
    """Nouns, and what rules and WordNet say of them and of their pairs.

    Args:
        nouns: nouns or categories; one that comes again is the same.

    Attributes:
        numbers: noun -> its number, from 0.
        nouns: the nouns in the order of their numbers.
        things: the thing that each noun names.
        classes: (N,) class of each noun.
    """

    def __init__(self, nouns: Iterable[str]) -> None:
        self.numbers: Mapping[str, int] = {noun: number for number, noun in enumerate(dict.fromkeys(nouns))}
        self.nouns: Sequence[str] = tuple(self.numbers)
        self.things: Sequence[Thing] = tuple(map(resolve_category, self.nouns))
        classes = Numbers()
        self.classes: Ints = np.array([classes[_find_class(noun)] for noun in self.nouns], np.intp)
        members = {number: noun for noun, number in reversed(list(zip(self.nouns, self.classes.tolist(), strict=True)))}
        self.class_members: Sequence[str] = [members[number] for number in range(len(members))]

    def __len__(self) -> int:
        return len(self.nouns)

    def find(self, nouns: Iterable[str]) -> Ints:
        """(N,) numbers of nouns.

        Raises:
            KeyError: the table lacks one.
        """
        return np.array([self.numbers[noun] for noun in nouns], np.intp)

    def ask(self, rule: Callable[[str], float]) -> Any:
        """(N,) what a rule says of each noun; nouns of one class share its answer."""
        return np.array([rule(noun) for noun in self.class_members])[self.classes] if self.nouns else np.zeros(0)

    @cached_property
    def names(self) -> Mapping[str, int]:
        """The names of the things, each with its number from 0; nouns for one thing share a name."""
        numbers = Numbers()
        for thing in self.things:
            numbers[thing.name]
        return dict(numbers)

    @cached_property
    def name_numbers(self) -> Ints:
        """(N,) number of the name of each noun's thing; nouns for the same thing share it."""
        return np.array([self.names[thing.name] for thing in self.things], np.intp)

    @cached_property
    def same(self) -> Bools:
        """(N, N) table: captions may call both things by the same word."""
        return self._share(lambda noun: resolve_category(noun).words)

    @cached_property
    def confusable(self) -> Bools:
        """(N, N) table of `scar.language.lexicon.is_confusable`."""
        return self._share(find_confusion_groups)

    @cached_property
    def interchangeable(self) -> Bools:
        """(N, N) table of `scar.language.lexicon.is_interchangeable`."""
        return self.related | self.confusable

    @cached_property
    def persons(self) -> Bools:
        """(N, N) table: two nouns may mean the same person, as "man" and "skier" do, and "man" and "woman" do not."""
        is_person = np.array([thing.kind == "person" for thing in self.things], bool)
        found: Bools = is_person[:, None] & is_person
        for noun in filter(self.numbers.get, read_person_nouns()):
            for other in read_person_nouns():
                if other in self.numbers and is_other_person(noun, other):
                    found[self.numbers[noun], self.numbers[other]] = False
        return found

    @cached_property
    def related(self) -> Bools:
        """(N, N) table of `scar.language.lexicon.is_related`."""
        found = np.eye(len(self), dtype=bool)
        singular = english.to_singular
        forms = [[thing.name for thing in self.things], [thing.noun for thing in self.things]]
        forms += [[singular(form) for form in several] for several in forms]
        for several in {tuple(form) for form in forms}:
            _add_lineages(found, several)
        heads = [singular(thing.head) for thing in self.things]
        colours = set(read_colours())
        coloured = np.array([thing.modifier in colours for thing in self.things], bool)
        modifiers = Numbers()
        modifier = np.array([modifiers[thing.modifier] for thing in self.things], np.intp)
        for members in _group(heads):
            pair = np.ix_(members, members)
            is_alike = modifier[members][:, None] == modifier[members]
            found[pair] = is_alike | ~(coloured[members][:, None] & coloured[members])
        return found

    def _share(self, find_keys: Callable[[str], Iterable[Hashable]]) -> Bools:
        """(N, N) table: two nouns have a key in common."""
        found = np.zeros((len(self), len(self)), bool)
        holders: dict[Hashable, list[int]] = {}
        for number, noun in enumerate(self.nouns):
            for key in set(find_keys(noun)):
                holders.setdefault(key, []).append(number)
        for members in holders.values():
            found[np.ix_(members, members)] = True
        return found


@lru_cache(maxsize=1 << 16)
def _find_class(noun: str) -> Hashable:
    """All that the rules of the tables ask of a noun."""
    thing = resolve_category(noun)
    name = thing.name if thing.name in _list_verb_words() or thing.name == "teddy bear" else ""
    described = describe_landmark(noun) & list_exception_words()
    return thing.kind, thing.found_in, thing.is_hollow, find_side(noun), find_groups(noun), name, described


@cache
def _list_verb_words() -> frozenset[str]:
    """The kinds and names of things that verbs accept."""
    return frozenset(word for verb in read_verbs().values() for word in (*verb.subjects, *verb.landmarks))


def _add_lineages(found: Bools, forms: Sequence[str]) -> None:
    """Mark the pairs of which one form is a synonym or a hyponym of the other in WordNet."""
    holders: dict[int, list[int]] = {}
    for number, form in enumerate(forms):
        for sense in wordnet.find_senses(form):
            holders.setdefault(sense, []).append(number)
    for number, form in enumerate(forms):
        for sense in wordnet.find_lineage(form):
            for other in holders.get(sense, ()):
                found[number, other] = found[other, number] = True
    for members in _group([wordnet.find_lemma(form) or form.lower() for form in forms]):
        found[np.ix_(members, members)] = True


def _group(keys: Sequence[Hashable]) -> list[list[int]]:
    """The indices of equal keys, group by group."""
    groups: dict[Hashable, list[int]] = {}
    for index, key in enumerate(keys):
        groups.setdefault(key, []).append(index)
    return list(groups.values())
