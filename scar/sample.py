"""The records of the corpus: a picture with its regions, and a sample about one region.

A reader turns annotation files into `Picture`s. The build selects a `Region`, writes a `Caption` that is true of it and
nine `Negative`s that are false of it. Together they are a `Sample`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Part: TypeAlias = Literal["scene", "relation", "object"]
PARTS: tuple[Part, ...] = ("scene", "relation", "object")
"""The part of the caption that a negative replaces, in the order of the negatives in a row."""

Split: TypeAlias = Literal["train", "eval"]
SPLITS: tuple[Split, ...] = ("train", "eval")

NEGATIVES_PER_PART = 3


class Box(msgspec.Struct, frozen=True):
    """A rectangle in pixels of the original image. x0, y0 is its top left pixel; x1, y1 is just outside it.

    >>> Box.from_xywh(10, 20, 30, 40)
    Box(x0=10, y0=20, x1=40, y1=60)
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @classmethod
    def from_xywh(cls, x: float, y: float, width: float, height: float) -> Self:
        """Make a box from COCO's form: the top left corner, width and height, in pixels."""
        return cls(x, y, x + width, y + height)

    @property
    def xywh(self) -> tuple[float, float, float, float]:
        """The box in COCO's form: x and y of the top left corner, width and height, in pixels."""
        return self.x0, self.y0, self.width, self.height

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Square pixels; 0 if x1, y1 is not right of and below x0, y0."""
        return (self.x1 - self.x0) * (self.y1 - self.y0) if self.x1 > self.x0 and self.y1 > self.y0 else 0

    @property
    def center(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def intersection(self, other: Box) -> Box:
        """The rectangle that both boxes cover; its area is 0 if they do not overlap."""
        return Box(max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1))

    def intersection_area(self, other: Box) -> float:
        """Area of the intersection in square pixels."""
        x0 = self.x0 if self.x0 > other.x0 else other.x0  # max() and min() take ten times as long
        x1 = self.x1 if self.x1 < other.x1 else other.x1
        if x1 <= x0:
            return 0
        y0 = self.y0 if self.y0 > other.y0 else other.y0
        y1 = self.y1 if self.y1 < other.y1 else other.y1
        return (x1 - x0) * (y1 - y0) if y1 > y0 else 0

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        shared = self.intersection_area(other)
        union = self.area + other.area - shared
        return shared / union if union else 0.0


class Mask(msgspec.Struct, frozen=True):
    """The pixels of a thing in COCO's compressed run-length encoding.

    Attributes:
        size: height and width of the image in pixels.
        counts: the run lengths, column by column, in COCO's text form.
    """

    size: tuple[int, int]
    counts: str

    @classmethod
    def from_array(cls, pixels: NDArray[np.bool_]) -> Self:
        """Make a mask from an (H, W) array; non-zero is inside."""
        import numpy as np
        from pycocotools import mask

        rle = mask.encode(np.asfortranarray(pixels, dtype=np.uint8))
        return cls(size=(rle["size"][0], rle["size"][1]), counts=rle["counts"].decode())

    def to_array(self) -> NDArray[np.bool_]:
        """(H, W) array, True inside."""
        import warnings

        import numpy as np
        from pycocotools import mask

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # pycocotools 2.0.11 lacks numpy 2's copy keyword
            decoded = mask.decode({"size": list(self.size), "counts": self.counts.encode()})
        return np.ascontiguousarray(decoded).astype(bool)


class Region(msgspec.Struct, frozen=True):
    """One annotated thing in a picture.

    Attributes:
        id: the source's record id, unique within the source.
        box: its bounding box.
        category: its name in the source.
        mask: its pixels, if the source has them and they are decoded.
        crowd: whether the box contains many things of the category.
        phrases: texts of the source about this thing, such as referring expressions.
        target: whether it may become a sample. Other regions only say what else the picture shows.
        make_mask: decodes the mask. Readers set it instead of the mask: decoding takes time and few regions need it.
    """

    id: int
    box: Box
    category: str
    mask: Mask | None = None
    crowd: bool = False
    phrases: tuple[str, ...] = ()
    target: bool = True
    make_mask: Callable[[], Mask | None] | None = None

    def __eq__(self, other: object) -> bool:
        """Compare everything except `make_mask`."""
        return isinstance(other, Region) and self._compared == other._compared

    def __hash__(self) -> int:
        """Hash the id only: regions are often keys of a dictionary."""
        return hash(self.id)

    @property
    def _compared(self) -> tuple[object, ...]:
        return self.id, self.box, self.category, self.mask, self.crowd, self.phrases, self.target

    def with_mask(self) -> Self:
        """This region with its mask decoded.

        Raises:
            BadRecord: the source's data is no mask of this image.
        """
        return self if self.make_mask is None else msgspec.structs.replace(self, mask=self.make_mask(), make_mask=None)


class Relation(msgspec.Struct, frozen=True):
    """An annotated relation, such as "on" or "holding", between two regions; `subject` and `object` are their ids."""

    subject: int
    predicate: str
    object: int


class Picture(msgspec.Struct, frozen=True, dict=True):
    """One image with all its annotations.

    Attributes:
        id: the source's image id.
        file: path below the source's image folder, with forward slashes.
        width: width in pixels.
        height: height in pixels.
        regions: its regions in the source's order.
        captions: sentences about the whole image.
        relations: annotated relations between its regions.
        scene: the scene label, such as "kitchen", if the source has one.
    """

    id: int
    file: str
    width: int
    height: int
    regions: tuple[Region, ...]
    captions: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
    scene: str | None = None

    def __hash__(self) -> int:
        return hash((self.id, self.file))

    @cached_property
    def regions_by_category(self) -> dict[str, tuple[Region, ...]]:
        """The regions by category; the categories are in the order of their first regions."""
        found: dict[str, list[Region]] = {}
        for region in self.regions:
            found.setdefault(region.category, []).append(region)
        return {category: tuple(regions) for category, regions in found.items()}

    @cached_property
    def relations_by_subject(self) -> dict[int, tuple[tuple[str, Region], ...]]:
        """Predicate and object of each relation by the id of its subject; an object without a region is left out."""
        by_id = {region.id: region for region in self.regions} if self.relations else {}
        found: dict[int, list[tuple[str, Region]]] = {}
        for relation in self.relations:
            if relation.object in by_id:
                found.setdefault(relation.subject, []).append((relation.predicate, by_id[relation.object]))
        return {subject: tuple(pairs) for subject, pairs in found.items()}


class Caption(msgspec.Struct, frozen=True):
    """``<object> <relation> <scene>``. Each part has its own article, so the joined text is English.

    >>> gold = Caption("a salad fork", "on", "a table")
    >>> gold.text
    'a salad fork on a table'
    >>> gold.swap("object", "a teaspoon").text
    'a teaspoon on a table'
    """

    object: str
    relation: str
    scene: str

    @property
    def text(self) -> str:
        """The parts that are not empty, joined by spaces."""
        if self.object and self.relation and self.scene:
            return f"{self.object} {self.relation} {self.scene}"
        return " ".join(part for part in (self.object, self.relation, self.scene) if part)

    def swap(self, part: Part, value: str) -> Self:
        """This caption with one part replaced."""
        return type(self)(
            value if part == "object" else self.object,
            value if part == "relation" else self.relation,
            value if part == "scene" else self.scene,
        )


class Negative(msgspec.Struct, frozen=True):
    """A caption that is false of the region, and the part that differs from the gold caption."""

    part: Part
    caption: Caption


class Sample(msgspec.Struct, frozen=True):
    """One row of the corpus: a thing in a scene, one true caption and nine false ones.

    Attributes:
        id: ``<source>/<split>/<region id>``.
        source: name of the source, as in the file names.
        split: train or eval.
        image: path relative to the folder of the build, with forward slashes.
        image_id: the source's image id.
        region: the thing that the captions are about.
        gold: the true caption. If only its text is known, the text is in `object`.
        negatives: three scene, three relation and three object swaps, in this order.
    """

    id: str
    source: str
    split: Split
    image: str
    image_id: int
    region: Region
    gold: Caption
    negatives: tuple[Negative, ...]

    @property
    def captions(self) -> tuple[str, ...]:
        """The ten texts to rank, gold first."""
        return (self.gold.text, *(negative.caption.text for negative in self.negatives))
