"""Whether a relation that is true of a region may also be true of another thing that a reader could mean."""

from __future__ import annotations

from collections.abc import Mapping

from scar.evidence.contact import is_contact_denied
from scar.evidence.depth import is_other_depth
from scar.evidence.geometry import find_denied_positions, is_out_of_direction
from scar.evidence.picture_evidence import PictureEvidence
from scar.language.exclusion import excludes, find_preposition_class
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import AND, DIRECTIONS
from scar.sample import Region

_SOLE: Mapping[str, tuple[str, ...]] = {
    "holding": ("held by",),
    "carrying": ("carried by", "held by"),
    "wearing": ("worn by",),
    "riding": ("ridden by", "worn by"),
    "on": ("worn by",),
}
"""Predicate -> what masks show of the landmark, if another one has the relation to it: a board has one rider."""

_CLOSE = frozenset({"on", "in", "under", "next to", "near", "at", "held by", "worn by", "holding", "wearing", "riding"})
"""Classes of prepositions that are false of two things at clearly different distances from the viewer."""

_ROOMY = frozenset({"animal", "vehicle", "ridden", "train", "afloat"})
"""Kinds of things that several may ride."""


def find_undenied(predicate: str, landmark: NounPhrase | None, evidence: PictureEvidence, region: Region) -> set[int]:
    """Ids of the rivals of a region of which a relation may be true too; empty if it tells the region apart.

    Args:
        predicate: the predicate of the relation.
        landmark: the thing to which it relates the region; None for a position.
        evidence: what is known about the picture.
        region: the region of which the relation is true. Its rivals are those of `PictureEvidence.list_rivals`.
    """
    rivals = evidence.list_rivals(region)
    return {other.id for other in rivals if may_hold(predicate, landmark, evidence, other)}


def may_hold(predicate: str, landmark: NounPhrase | None, evidence: PictureEvidence, region: Region) -> bool:
    """Whether boxes and masks leave open that a relation is true of a region; False only if they clearly deny it.

    The arguments are those of `find_undenied`, but ``region`` may be any region of the picture.
    """
    predicate = predicate.removeprefix(AND)
    if landmark is None:
        return predicate not in find_denied_positions(region.box, evidence.picture)
    key = (predicate, landmark.noun, landmark.plural, region.id)
    if key not in evidence.verdicts:
        evidence.verdicts[key] = _may_hold(predicate, landmark, evidence, region)
    return evidence.verdicts[key]


def _may_hold(predicate: str, landmark: NounPhrase, evidence: PictureEvidence, region: Region) -> bool:
    others = [other for other in evidence.find_meant_regions(landmark.noun) if other.id != region.id]
    if predicate in DIRECTIONS:
        denials = (is_out_of_direction(predicate, region.box, other.box) for other in others)
        return not (any(denials) if landmark.plural else all(denials))
    return any(
        not is_contact_denied(predicate, region, other) and not _is_told_otherwise(predicate, evidence, region, other)
        for other in others
    )


def _is_told_otherwise(predicate: str, evidence: PictureEvidence, region: Region, other: Region) -> bool:
    """Whether masks show what excludes a relation: who rides a horse is not next to it; a board has one rider.

    Of several relations that masks show of a pair, each is true.
    """
    if find_preposition_class(predicate) in _CLOSE and is_other_depth(region, other, evidence.picture):
        return True
    own = [contact for contact in evidence.contacts.get(region.id, ()) if contact.landmark.id == other.id]
    if any(contact.predicate == predicate for contact in own):
        return False
    noun, other_noun = evidence.things[region.category].name, evidence.things[other.category].name
    if any(excludes(noun, contact.predicate, predicate, other_noun) for contact in own):
        return True
    if evidence.things[other.category].kind in _ROOMY:
        return False
    holders = (contact for contact in evidence.contacts.get(other.id, ()) if contact.landmark.id != region.id)
    return any(contact.predicate in _SOLE.get(predicate, ()) for contact in holders)
