"""Which relations boxes and masks leave open between a region and the other things of its picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from scar.evidence.contact import is_contact_denied
from scar.evidence.picture_evidence import PictureEvidence
from scar.language.exclusion import find_preposition_class, is_passive
from scar.language.relation_phrase import (
    ABOVE,
    AND,
    BELOW,
    DIRECTIONS,
    LEFT,
    NEXT_TO,
    RIGHT,
    RelationPhrase,
    find_form,
)
from scar.sample import Region

OPEN = ""
"""The denial of predicates that neither boxes nor masks deny, such as "watching"."""


@cache
def find_denial(predicate: str) -> str:
    """The simpler predicate that holds wherever this one does, and that boxes and masks can deny; `OPEN` if none.

    A posture holds only if its preposition does. Predicates with the same denial hold alike.

    >>> find_denial("sitting on"), find_denial("held by"), find_denial("watching")
    ('on', 'held by', '')
    """
    predicate = predicate.removeprefix(AND)
    preposition = "held by" if is_passive(predicate) else _DENIABLE.get(find_preposition_class(predicate), OPEN)
    is_vague = find_form(predicate) == "action" and RelationPhrase(predicate).verb is None
    return OPEN if is_vague and preposition in (NEXT_TO, ABOVE) else preposition


def may_hold(evidence: PictureEvidence, denial: str, region: Region, other: Region) -> bool:
    """Whether boxes and masks leave open that predicates with a denial hold for two regions of a picture."""
    if other.id == region.id:
        return False
    if denial == OPEN or other.crowd:
        return True
    indices = evidence.indices
    if denial in DIRECTIONS:
        return not evidence.box_pairs.out_of_direction[denial][indices[region.id]][indices[other.id]]
    if denial == NEXT_TO:
        return not evidence.box_pairs.far_apart[indices[region.id]][indices[other.id]]
    key = (denial, region.id, other.id)
    if key not in evidence.held:
        evidence.held[key] = not is_contact_denied(denial, region, other)
    return evidence.held[key]


def find_held(
    evidence: PictureEvidence, region: Region, others: Iterable[Region], denials: Iterable[str]
) -> dict[str, frozenset[int]]:
    """For each of ``denials``, the ids of the ``others`` with which the region may stand in that relation."""
    several = tuple(others)
    return {
        denial: frozenset([other.id for other in several if may_hold(evidence, denial, region, other)])
        for denial in denials
    }


_DENIABLE: Mapping[str, str] = {
    **{name: name for name in ("on", "in", "under", "behind", "in front of", "next to", ABOVE, BELOW)},
    **{name: name for name in ("held by", "worn by", "ridden by", "holding", "wearing", "riding")},
    "at": "next to",
    "against": "on",
    "with": "on",
    "left": LEFT,
    "right": RIGHT,
}
"""Class of prepositions -> the predicate that holds wherever the class does, and that boxes and masks can deny."""
