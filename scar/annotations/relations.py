"""Check the relations of annotation files against the regions of the picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from scar.accounting import Tally
from scar.annotations.coco_records import CocoImage, CocoRelation
from scar.errors import BadRecord
from scar.sample import Region, Relation


def iter_known_relations(
    relations: Iterable[Relation], regions: Sequence[Region], where: str, tally: Tally
) -> Iterator[Relation]:
    """Iterate over the relations whose subject and object are both regions.

    Args:
        relations: the relations that the files give.
        regions: the regions of the picture.
        where: names the file and the relation in error messages; it has ``{!r}`` where the predicate goes.
        tally: counts the relations that are left out.

    Raises:
        BadRecord: a relation has an unknown subject or object and ``tally`` does not skip such records.
    """
    known = {region.id for region in regions}
    for relation in relations:
        unknown = next((end for end in (relation.subject, relation.object) if end not in known), None)
        if unknown is None:
            yield relation
        else:
            problem = f"annotation {unknown} is not among those of the image"
            tally.ignore_records(BadRecord(where.format(relation.predicate), problem, "relation_no_region"))


def group_relations(
    relations: Sequence[tuple[str, CocoRelation]], images: Mapping[int, CocoImage], tally: Tally
) -> dict[int, list[Relation]]:
    """Group the relations by image id; count those that cannot be used."""
    by_image: dict[int, list[Relation]] = defaultdict(list)
    for where, relation in relations:
        predicate = relation.predicate.strip()
        if relation.image_id not in images:
            problem = f"its image {relation.image_id} is not among the images"
            tally.ignore_records(BadRecord(where, problem, "relation_no_image"))
        elif not predicate:
            tally.ignore_records(BadRecord(where, "its predicate is empty", "empty_relation"))
        else:
            by_image[relation.image_id].append(Relation(relation.subject, predicate, relation.object))
    return dict(by_image)
