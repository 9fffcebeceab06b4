"""All nouns that this process has met, with the tables of their pairs: each pair is looked up once, not once a batch.

The tables grow noun by noun. What they say of a pair depends on the two nouns alone, so no result depends on which
nouns came before.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cache, lru_cache

import numpy as np

from scar.evidence.thing_groups import find_groups
from scar.generators.rules.draws import Bools, Floats, Ints
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

_MAX_NOUNS = 4096
"""Most nouns in the pool: with more it starts anew, as four tables of so many pairs take 64 MiB."""

_MAX_ANSWERS = 1 << 14
"""Most questions whose answers are kept."""


class NounPool:
    """Nouns by number, and tables of what WordNet and the word tables say of their pairs.

    Attributes:
        numbers: number of each noun, in the order in which they came.
        things: the thing that each noun names.
        classes: number of each noun's class: rules do not tell nouns of one class apart.
        class_members: a noun of each class.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.things: list[Thing] = []
        self.classes: list[int] = []
        self.class_members: list[str] = []
        self._class_numbers: dict[Hashable, int] = {}
        self._holders: dict[Hashable, list[int]] = {}
        self._tables = {name: np.zeros((0, 0), bool) for name in ("same", "confusable", "persons", "related")}
        self._answers: dict[Hashable, Floats] = {}

    def find(self, nouns: Iterable[str]) -> Ints:
        """(N,) numbers of nouns; new ones are added."""
        several = list(nouns)
        missing = [noun for noun in dict.fromkeys(several) if noun not in self.numbers]
        if missing:
            self._make_room(len(self.numbers) + len(missing))
            for noun in missing:
                self._add_noun(noun)
        return np.array([self.numbers[noun] for noun in several], np.intp)

    def take_pairs(self, table: str, numbers: Ints) -> Bools:
        """(N, N) part of a table of pairs, "same", "confusable", "persons" or "related", for (N,) numbers."""
        found: Bools = self._tables[table][np.ix_(numbers, numbers)]
        return found

    def ask(self, question: Hashable, rule: Callable[[str], float]) -> Floats:
        """(C,) what a rule says of a noun of each class. ``question`` stands for the rule: it is asked once."""
        known = self._answers.get(question)
        count = len(self.class_members)
        if known is None or len(known) < count:
            known = np.zeros(0) if known is None else known
            more = np.array([rule(noun) for noun in self.class_members[len(known) :]], float)
            known = np.concatenate((known, more))
            if len(self._answers) >= _MAX_ANSWERS:
                self._answers.clear()
            self._answers[question] = known
        return known

    def _make_room(self, count: int) -> None:
        """Let the tables have at least ``count`` rows and columns."""
        size = len(self._tables["same"])
        if count <= size:
            return
        for name, table in self._tables.items():
            larger = np.zeros((max(count, 2 * size, 256),) * 2, bool)
            larger[:size, :size] = table
            self._tables[name] = larger

    def _add_noun(self, noun: str) -> None:
        """Give a noun its number and fill its rows and columns."""
        number, thing = len(self.numbers), resolve_category(noun)
        self.numbers[noun] = number
        self.things.append(thing)
        key = _find_class(noun)
        if key not in self._class_numbers:
            self._class_numbers[key] = len(self.class_members)
            self.class_members.append(noun)
        self.classes.append(self._class_numbers[key])
        self._mark("same", number, self._share([("word", word) for word in thing.words], number))
        self._mark(
            "confusable", number, self._share([("group", group) for group in find_confusion_groups(noun)], number)
        )
        if thing.kind == "person":
            self._mark("persons", number, self._share(["person"], number))
            self._part_persons(noun)
        self._mark("related", number, [number, *self._find_lineages(thing, number)])
        self._relate_heads(thing, number)

    def _mark(self, table: str, number: int, others: Sequence[int], value: bool = True) -> None:
        found = self._tables[table]
        found[number, others] = found[others, number] = value

    def _share(self, keys: Iterable[Hashable], number: int) -> list[int]:
        """The nouns with one of the keys of a noun, which is among them."""
        found: list[int] = []
        for key in dict.fromkeys(keys):
            holders = self._holders.setdefault(key, [])
            holders.append(number)
            found += holders
        return found

    def _part_persons(self, noun: str) -> None:
        """Unmark the nouns that are false of a person whom another one means, such as "woman" for "man"."""
        for other in filter(self.numbers.__contains__, read_person_nouns()):
            for one, false in ((noun, other), (other, noun)):
                if is_other_person(one, false):
                    self._tables["persons"][self.numbers[one], self.numbers[false]] = False

    def _find_lineages(self, thing: Thing, number: int) -> list[int]:
        """The nouns of which one is a synonym or a hyponym of the other in WordNet, in one of four forms of both."""
        forms = (thing.name, thing.noun, english.to_singular(thing.name), english.to_singular(thing.noun))
        found: list[int] = []
        for which, form in enumerate(forms):
            senses, lineage = wordnet.find_senses(form), wordnet.find_lineage(form)
            for sense in senses:
                found += self._holders.get(("lineage", which, sense), ())
                self._holders.setdefault(("sense", which, sense), []).append(number)
            for sense in lineage:
                found += self._holders.get(("sense", which, sense), ())
                self._holders.setdefault(("lineage", which, sense), []).append(number)
            found += self._share([("lemma", which, wordnet.find_lemma(form) or form.lower())], number)
        return found

    def _relate_heads(self, thing: Thing, number: int) -> None:
        """Nouns with one last word are related, unless different colours stand before it."""
        colours = read_colours()
        others = self._share([("head", english.to_singular(thing.head))], number)
        is_coloured = thing.modifier in colours
        unlike = [
            other
            for other in others
            if is_coloured and self.things[other].modifier in colours and self.things[other].modifier != thing.modifier
        ]
        self._mark("related", number, others)
        self._mark("related", number, unlike, value=False)


def find_pool(nouns: Iterable[str]) -> tuple[NounPool, Ints]:
    """The pool of this process, and the (N,) numbers of nouns in it.

    A full pool stays as it is for those who hold it, and a new one takes its place.
    """
    several = list(nouns)
    if sum(noun not in _get_pool().numbers for noun in several) + len(_get_pool().numbers) > _MAX_NOUNS:
        _get_pool.cache_clear()
    pool = _get_pool()
    return pool, pool.find(several)


@cache
def _get_pool() -> NounPool:
    return NounPool()


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
