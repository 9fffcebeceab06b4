"""What the masks of two close things show: one rests on, rides, holds or hides the other, or is beside or near it.

The kinds for which a test means something, and what a caption says then, are the rules of `contacts.toml`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from math import sqrt
from typing import NamedTuple

import numpy as np

from scar.errors import BadRecord
from scar.evidence.contact_tests import (
    CONTACT_TESTS,
    HOLDING_TESTS,
    NEIGHBOR_TESTS,
    ONE_LANDMARK_TESTS,
    RESTING_TESTS,
)
from scar.evidence.geometry import is_apart, measure_gaps
from scar.evidence.mask_runs import MaskRuns
from scar.evidence.open_pairs import find_open_pairs, is_between
from scar.evidence.thing_groups import find_groups
from scar.language.exclusion import find_preposition_class
from scar.language.lexicon import resolve_category
from scar.language.relation_phrase import BEARING, BEHIND, IN_FRONT_OF, NEAR, NEXT_TO
from scar.language.word_tables import read_word_table
from scar.sample import Box, Mask, Picture, Region

_CLEAR_RATIO = 2.5
"""A thing is held by the person whom it touches this much more than any other."""

_MIN_HAND_SHARE = 0.15
"""Least share of a thing's outline that the hand of a person touches who may hold it."""

_MAX_REGIONS = 200
"""Most regions of a picture whose pairs are looked at."""

_MIN_RELATIVE_SHARE = 0.05
"""Least area of a thing next to which another one is, relative to that: nobody finds a bus by a bird."""

PLACING = (NEXT_TO, IN_FRONT_OF, BEHIND)
"""Predicates that say where a thing is, not what bears or holds it: their landmark is a thing that one sees first."""

_MIN_BORNE_SHARE = 0.1
"""Least area of a thing that counts among several on one bearer, relative to the largest: smaller ones are missed."""

_PLACING_TESTS = NEIGHBOR_TESTS | {"before", "in_front"}
"""Tests for where a thing is, not for what bears or holds it."""

_MIN_APART_SHARE = 0.7
"""Least gap between two things that are not next to each other, as a share of their mean (geometric) size."""

_CONTACT_CLASSES = frozenset({"on", "in", "under", "held by", "worn by", "ridden by", "holding", "wearing", "riding"})
"""Classes of predicates that are false of two things whose masks do not touch; but see `_MAX_STRAY_SHARE`."""

_AT_PREDICATES = ("at", "sitting at", "standing at")
"""Predicates with the same meaning; who is "looking at" a thing may be far from it."""

_MAX_STRAY_SHARE = 0.3
"""Something may be between a thing and what bears it: a plate up to this share of the thing's height, or what fills a
bowl. Two boxes that have no more than this share of the smaller one in common are not in or at each other."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule of `contacts.toml`; the file explains the columns."""

    test: str
    subject: str
    landmark: str
    predicate: str
    inverse: str
    inverse_of_several: bool = False


class Contact(NamedTuple):
    """A relation of a region to another one that masks show.

    Attributes:
        predicate: what a caption says of the region: "on", "held by", "with".
        landmark: the other region.
        several: whether the relation holds for several regions of the landmark's name: "a table with cups".
    """

    predicate: str
    landmark: Region
    several: bool = False


def find_contacts(picture: Picture) -> Mapping[int, tuple[Contact, ...]]:
    """Find what the masks show of each region: its relations to others, by its id, in the order of `contacts.toml`.

    Crowds and regions whose mask is missing or damaged have none, nor has any region of a picture with more than
    `_MAX_REGIONS`. `PictureEvidence.contacts` keeps them.
    """
    regions = [region for region in picture.regions if not region.crowd]
    has_mask = [region.mask is not None or region.make_mask is not None for region in regions]
    if len(regions) > _MAX_REGIONS or sum(has_mask) < 2:
        return {}
    found: dict[int, list[Contact]] = {}
    is_open, groups = find_open_pairs(regions, picture), [find_groups(region.category) for region in regions]
    open_to = [set(np.flatnonzero(row).tolist()) for row in is_open]
    members = {name: [i for i, held in enumerate(groups) if name in held] for name in frozenset().union(*groups)}
    known = _Whereabouts()
    for rule in _read_rules():
        told: list[tuple[Region, Region]] = []
        for i in members.get(rule.subject, ()):
            if not open_to[i] or known.exclude(rule, i):
                continue
            others = [j for j in members.get(rule.landmark, ()) if j in open_to[i]]
            if not others:
                continue
            passed = [j for j in others if _passes(rule, regions[i], regions[j])]
            known.note(rule, i, passed)
            if rule.test == "unsettled":
                continue
            open_to[i].difference_update(passed)
            for j in passed:
                open_to[j].discard(i)
            if rule.test in _PLACING_TESTS:
                passed = [j for j in passed if j not in known.held]
            if rule.test in NEIGHBOR_TESTS:
                passed = [j for j in passed if known.share_holder(i, j)]
                passed = [j for j in passed if not is_between(regions, regions[i], regions[j])]
            if rule.test == "grasped" and _count_touching(regions[i], [regions[j] for j in others]) > 1:
                continue
            landmarks = [regions[j] for j in passed]
            told += ((regions[i], other) for other in _keep_clear(rule, regions[i], landmarks))
        for subject, contact in _iter_said(rule, told):
            found.setdefault(subject.id, []).append(contact)
    return {number: tuple(contacts) for number, contacts in found.items()}


@dataclass(frozen=True, eq=False, slots=True)
class _Whereabouts:
    """What rules have shown so far of the regions of a picture, by their index.

    Attributes:
        resting: regions that rest on something: nobody holds them.
        unsettled: regions that may be in a hand or in food: what bears them is open.
        held: regions that a person holds or wears: nobody says what they are next to.
        holders: the bowl that a region is in, and the like.
    """

    resting: set[int] = field(default_factory=set)
    unsettled: set[int] = field(default_factory=set)
    held: set[int] = field(default_factory=set)
    holders: dict[int, int] = field(default_factory=dict)

    def exclude(self, rule: _Rule, i: int) -> bool:
        """Whether what is known of a region excludes the relation of a rule."""
        if rule.test in HOLDING_TESTS:
            return i in self.resting
        if rule.test in RESTING_TESTS:
            return i in self.unsettled
        return rule.test in _PLACING_TESTS and i in self.held

    def note(self, rule: _Rule, i: int, landmarks: Sequence[int]) -> None:
        """Note what a test shows of a region that passed it with some landmarks."""
        if not landmarks:
            return
        for tests, indices in (
            (RESTING_TESTS, self.resting),
            (HOLDING_TESTS, self.held),
            ({"unsettled"}, self.unsettled),
        ):
            if rule.test in tests:
                indices.add(i)
        if rule.test == "within":
            self.holders.setdefault(i, landmarks[0])

    def share_holder(self, i: int, j: int) -> bool:
        """Whether two regions are in the same thing, or both in none."""
        return self.holders.get(i) == self.holders.get(j)


def _iter_said(rule: _Rule, pairs: Sequence[tuple[Region, Region]]) -> Iterator[tuple[Region, Contact]]:
    """Yield subject and contact of what a caption says of each pair, in both directions.

    Several cups on one table make it one "with cups"; "next to" and the like need a landmark that one sees first.
    """
    borne = Counter(
        (bearer.id, resolve_category(thing.category))
        for thing, bearer in pairs
        if thing.box.area >= _MIN_BORNE_SHARE * max(other.box.area for other, second in pairs if second is bearer)
    )
    for thing, other in pairs:
        for subject, predicate, landmark in ((thing, rule.predicate, other), (other, rule.inverse, thing)):
            if predicate in PLACING and landmark.box.area < _MIN_RELATIVE_SHARE * subject.box.area:
                continue
            if predicate:
                several = predicate == BEARING and borne[subject.id, resolve_category(landmark.category)] > 1
                if rule.inverse_of_several and subject is other and not several:
                    continue
                yield subject, Contact(predicate, landmark, several)


def _count_touching(thing: Region, persons: Sequence[Region]) -> int:
    """Number of persons who touch a thing: it may be in the hand of one and be seen before another."""
    first = _read_runs(thing)
    seconds = [_read_runs(person) for person in persons]
    return sum(first is not None and second is not None and _is_at_hand(first, second) for second in seconds)


def _is_at_hand(thing: MaskRuns, person: MaskRuns) -> bool:
    return thing.share_touching(person) >= _MIN_HAND_SHARE


def _keep_clear(rule: _Rule, thing: Region, landmarks: Sequence[Region]) -> Sequence[Region]:
    """Of several landmarks of one thing, the one that it clearly touches most; none if it is not clear which."""
    if len(landmarks) < 2 or rule.test not in ONE_LANDMARK_TESTS:
        return landmarks
    shares = []
    for other in landmarks:
        first, second = _read_runs(thing), _read_runs(other)
        shares.append(first.share_touching(second) + first.share_within(second) if first and second else 0.0)
    *_, second_most, most = sorted(shares)
    return [landmarks[shares.index(most)]] if most >= _CLEAR_RATIO * second_most else []


def is_contact_denied(predicate: str, region: Region, other: Region) -> bool:
    """Whether the boxes and masks clearly deny that a predicate holds for a region and another one.

    They deny these predicates, and no others, such as "looking at":

    - "next to" if the gap is about as large as the two things, and "near" if the larger one would fit into the gap.
    - "in front of" and "behind" if there is a gap from left to right; or if the thing in front ends higher in the
      picture than the other one, and the boxes cover less than half of each other.
    - "on", "in", "at", "held by", "wearing" and the like if the two do not touch. A plate may be between a thing and
      the table that it is on. Where a mask is missing, boxes that overlap deny nothing.
    - "under" likewise, except for a lower region that overlaps the other one from left to right.
    - "with" if the other thing is neither on nor in the region.

    Args:
        predicate: what a caption says of the region.
        region: the region.
        other: the landmark.
    """
    a, b = region.box, other.box
    gap_x, gap_y = measure_gaps(a, b)
    meaning = find_preposition_class(predicate)
    if meaning == NEXT_TO:
        least_x, least_y = _MIN_APART_SHARE * sqrt(a.width * b.width), _MIN_APART_SHARE * sqrt(a.height * b.height)
        return gap_x >= least_x or gap_y >= least_y
    if predicate == NEAR:
        return is_apart(a, b)
    if meaning in PLACING:
        near, far = (a, b) if meaning == IN_FRONT_OF else (b, a)
        covers = a.intersection_area(b) >= 0.5 * min(a.area, b.area)
        ends_higher = near.y1 < far.y1 - 0.03 * (a.height + b.height) / 2
        return (not covers and ends_higher) or gap_x >= 0.1 * min(a.width, b.width)
    if predicate == BEARING:
        return is_contact_denied("on", other, region) and is_contact_denied("in", other, region)
    if meaning not in _CONTACT_CLASSES and predicate not in _AT_PREDICATES:
        return False
    if meaning == "under" and gap_x < 0 and a.center[1] > b.center[1]:
        return False
    if not a.intersection_area(b):
        return True
    first, second = _read_runs(region), _read_runs(other)
    if first is None or second is None or first.height != second.height:
        return False
    if first.share_touching(second) >= 0.01 or first.share_within(second) >= 0.01:
        return False
    if meaning in ("in", "at"):
        return a.intersection_area(b) < _MAX_STRAY_SHARE * min(a.area, b.area)
    return meaning != "on" or not first.share_above(second, _MAX_STRAY_SHARE)


def _passes(rule: _Rule, thing: Region, other: Region) -> bool:
    first, second = _read_runs(thing), _read_runs(other)
    if first is None or second is None or first.height != second.height:
        return False
    return CONTACT_TESTS[rule.test](first, second)


def _read_runs(region: Region) -> MaskRuns | None:
    """The mask of a region as runs; None if it has none, or an empty or damaged one."""
    return _decode_runs(region.make_mask, region.mask, region.box)


@lru_cache(maxsize=2048)  # the rules of `contacts.toml` and the vetoes ask for the masks of one picture again and again
def _decode_runs(make_mask: Callable[..., Mask | None] | None, mask: Mask | None, box: Box) -> MaskRuns | None:
    try:
        mask = mask if make_mask is None else make_mask()
    except BadRecord:  # the builder counts it when it reads the region itself
        return None
    runs = None if mask is None else MaskRuns.from_mask(mask, box)
    return runs if runs is not None and len(runs.starts) else None


@cache
def _read_rules() -> tuple[_Rule, ...]:
    rows = ({key: value for key, value in row.items() if key != "why"} for row in read_word_table("contacts")["rule"])
    return tuple(_Rule(**row) for row in rows)
