"""Nouns by number, with what tells them apart as tables of pairs; each noun is looked up once.

Rules about kinds of things, such as "a cup may be on a table", do not tell all nouns apart. Nouns with the same answer
to every rule share a class, and a rule is asked once a class.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from scar.generators.rules.draws import Bools, Floats, Ints
from scar.generators.rules.noun_pool import find_pool
from scar.language.lexicon import Thing, resolve_category


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
        classes: (N,) class of each noun, a number in `class_members`.
        class_members: a noun of each class.
    """

    def __init__(self, nouns: Iterable[str]) -> None:
        self.numbers: Mapping[str, int] = {noun: number for number, noun in enumerate(dict.fromkeys(nouns))}
        self.nouns: Sequence[str] = tuple(self.numbers)
        self.things: Sequence[Thing] = tuple(map(resolve_category, self.nouns))
        self._pool, self._own = find_pool(self.nouns)
        self.classes: Ints = np.array(self._pool.classes, np.intp)[self._own]
        self.class_members: Sequence[str] = self._pool.class_members

    def __len__(self) -> int:
        return len(self.nouns)

    def find(self, nouns: Iterable[str]) -> Ints:
        """(N,) numbers of nouns.

        Raises:
            KeyError: the table lacks one.
        """
        return np.array([self.numbers[noun] for noun in nouns], np.intp)

    def ask(self, question: Hashable, rule: Callable[[str], float]) -> Floats:
        """(N,) what a rule says of each noun; nouns of one class share its answer.

        ``question`` stands for the rule: two rules with one question give the same answers.
        """
        found: Floats = self._pool.ask(question, rule)[self.classes]
        return found

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
        return self._pool.take_pairs("same", self._own)

    @cached_property
    def confusable(self) -> Bools:
        """(N, N) table of `scar.language.lexicon.is_confusable`."""
        return self._pool.take_pairs("confusable", self._own)

    @cached_property
    def interchangeable(self) -> Bools:
        """(N, N) table of `scar.language.lexicon.is_interchangeable`."""
        return self.related | self.confusable

    @cached_property
    def persons(self) -> Bools:
        """(N, N) table: two nouns may mean the same person, as "man" and "skier" do, and "man" and "woman" do not."""
        return self._pool.take_pairs("persons", self._own)

    @cached_property
    def related(self) -> Bools:
        """(N, N) table of `scar.language.lexicon.is_related`."""
        return self._pool.take_pairs("related", self._own)
