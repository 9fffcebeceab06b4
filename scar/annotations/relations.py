"""Relations that annotation files state, checked against the regions that are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scar.accounting import Tally
from scar.errors import BadRecord
from scar.sample import Region, Relation


def iter_known_relations(
    relations: Sequence[tuple[int, str, int]], regions: Sequence[Region], where: str, tally: Tally
) -> Iterator[Relation]:
    """Relations whose ends are both there.

    Args:
        relations: subject, predicate, object.
        regions: of the picture.
        where: for the message, with a gap for the predicate.
        tally: counts the others, or they are raised.
    """
    known = {region.id for region in regions}
    for subject, predicate, target in relations:
        lost = next((end for end in (subject, target) if end not in known), None)
        if lost is None:
            yield Relation(subject, predicate, target)
        else:
            problem = f"annotation {lost} is not among those of the image"
            tally.ignore_records(BadRecord(where.format(predicate), problem, "relation_no_region"))
