"""The records of the corpus: a picture with its regions, and a sample about one region.

A reader turns annotation files into `Picture`s. The build selects a `Region`, writes a `Caption` that is true of it and
nine `Negative`s that are false of it. Together they are a `Sample`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, get_args

import msgspec

from scar.errors import InputError
from scar.run_lengths import decode_full_runs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

Part: TypeAlias = Literal["scene", "relation", "object"]
PARTS: tuple[Part, ...] = ("scene", "relation", "object")
"""The parts of a caption that a negative can replace, in the order in which a row of the corpus has its negatives."""

Split: TypeAlias = Literal["train", "eval"]
SPLITS: tuple[Split, ...] = ("train", "eval")

NEGATIVES_PER_PART = 3

Reason: TypeAlias = Literal["human", "mask", "annotated", "direction", "model", "ordinal", "position"]
"""The evidence for a gold caption: a human text, masks, an annotated relation, boxes, what a model says, a rank, a part
of the picture."""
REASONS: tuple[Reason, ...] = get_args(Reason)
"""The reasons, in the order in which a generator prefers them."""

RANKING_REASONS: tuple[Reason, ...] = ("ordinal", "position")
"""Reasons of captions that say only where a thing is in the picture, or which of its kind it is."""


class Box(msgspec.Struct, frozen=True):
    """A rectangle in pixels of the displayed image: x0, y0 is its top left corner, x1, y1 its bottom right corner.

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
        """Area in square pixels; 0 if x1, y1 is not right of and below x0, y0."""
        return (self.x1 - self.x0) * (self.y1 - self.y0) if self.x1 > self.x0 and self.y1 > self.y0 else 0

    @property
    def center(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def intersection(self, other: Box) -> Box:
        """The rectangle that both boxes cover; its area is 0 if they do not overlap."""
        return Box(max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1))

    def intersection_area(self, other: Box) -> float:
        """Area in square pixels that both boxes cover; 0 if they do not overlap."""
        x0 = self.x0 if self.x0 > other.x0 else other.x0  # max() and min() take ten times as long
        x1 = self.x1 if self.x1 < other.x1 else other.x1
        if x1 <= x0:
            return 0
        y0 = self.y0 if self.y0 > other.y0 else other.y0
        y1 = self.y1 if self.y1 < other.y1 else other.y1
        return (x1 - x0) * (y1 - y0) if y1 > y0 else 0

    def iou(self, other: Box) -> float:
        """Intersection over union of the two boxes, 0 to 1; 0 if one of them has no area."""
        shared = self.intersection_area(other)
        union = self.area + other.area - shared
        return shared / union if union else 0.0


class Mask(msgspec.Struct, frozen=True):
    """The pixels of a thing in COCO's compressed run-length encoding, in the frame of the thing's `Region.box`.

    Attributes:
        size: height and width of the whole image in pixels.
        counts: the run lengths, column by column, in COCO's text form.
    """

    size: tuple[int, int]
    counts: str

    @classmethod
    def from_array(cls, pixels: ArrayLike, threshold: float | None = None) -> Self:
        """Make a mask from an (H, W) array: numpy, nested lists, a torch tensor or a Pillow image of one channel.

        Args:
            pixels: booleans or integers, whose values that are not zero belong to the thing; with a threshold also
                floats, such as probabilities or logits.
            threshold: values above it belong to the thing; None for booleans and integers.

        Raises:
            InputError: ``pixels`` is no such array, is empty, holds a NaN, or holds floats and there is no threshold.
        """
        import numpy as np
        from pycocotools import mask

        inside = _to_booleans(pixels, threshold)
        rle = mask.encode(np.asfortranarray(inside, dtype=np.uint8))
        return cls(size=(rle["size"][0], rle["size"][1]), counts=rle["counts"].decode())

    def to_array(self) -> NDArray[np.bool_]:
        """(H, W) array; True for the pixels of the thing.

        Raises:
            InputError: the runs do not fill the image, or ``counts`` is no run-length code.
        """
        import numpy as np

        height, width = self.size
        try:
            lengths = decode_full_runs(self.counts, self.size)
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"a mask of {width} x {height} pixels is damaged: {error}.") from error
        inside = np.arange(len(lengths)) % 2 == 1
        return np.ascontiguousarray(np.repeat(inside, lengths).reshape(width, height).T)


class Region(msgspec.Struct, frozen=True):
    """One annotated thing in a picture.

    Attributes:
        id: id of the annotation in the source, unique within the source.
        box: bounding box of the thing in pixels. What a reader gives is in the frame of its annotations until
            `scar.annotations.upright` has turned it into the displayed frame.
        category: name of the thing's category in the source.
        mask: pixels of the thing; None if the source has no mask of it, or the mask is not decoded yet.
        crowd: whether the box contains many things of the category.
        phrases: texts of the source about this thing, such as referring expressions.
        target: whether the region may become a sample. Other regions only say what else the picture shows.
        make_mask: function that decodes the mask, for `with_mask`; None if nothing is left to decode. Readers set it
            instead of ``mask``, because decoding takes time and few regions need it. It returns None if the source has
            no mask of the thing. Without an argument, the mask is in the frame of the annotations. With an EXIF
            orientation, 1 to 8, as its argument, the mask is turned from the stored into the displayed frame.
    """

    id: int
    box: Box
    category: str
    mask: Mask | None = None
    crowd: bool = False
    phrases: tuple[str, ...] = ()
    target: bool = True
    make_mask: Callable[..., Mask | None] | None = None

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
        """This region with its mask decoded; without a mask if the source has none of it.

        Raises:
            BadRecord: the source's mask is not valid for this image.
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
        id: id of the image in the source.
        file: path of the image below the source's image folder, with forward slashes.
        width: width in pixels, in the frame of the boxes; see `Region.box`.
        height: height in pixels, in the same frame.
        regions: the annotated things, in the source's order.
        captions: sentences of the source about the whole image.
        relations: annotated relations between the regions.
        scene: the scene label, such as "kitchen"; None if the source has none for this image.
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
        """Predicate and object of each relation, by the id of its subject.

        A relation is left out if its object is not among `regions`; its subject need not be among them.
        """
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
        """The object, relation and scene that are not empty, joined by spaces."""
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
    """A caption that is false of the region, with the name of the part that differs from the gold caption."""

    part: Part
    caption: Caption


class Sample(msgspec.Struct, frozen=True):
    """One row of the corpus: a thing in a scene, one true caption and nine false ones.

    Attributes:
        id: ``<source>/<split>/<region id>``.
        source: name of the source, as in the file names of the corpus.
        split: train or eval.
        image: path of the image relative to the folder of the corpus, with forward slashes.
        image_id: id of the image in the source.
        region: the thing that the captions are about.
        gold: the true caption. If only the texts of captions are known, `Caption.object` holds the whole text.
        negatives: three captions with another scene, three with another relation, three with another object. A train
            row without provenance gives one only.
        reason: the evidence for the true caption, one of `REASONS`; None in a corpus that does not say it.
        author: the model that wrote the true caption, its prompt and the key of its reply; None if the rules did.
    """

    id: str
    source: str
    split: Split
    image: str
    image_id: int
    region: Region
    gold: Caption
    negatives: tuple[Negative, ...]
    reason: str | None = None
    author: str | None = None

    @property
    def captions(self) -> tuple[str, ...]:
        """The texts to rank: the gold caption, then the negatives; ten, unless `negatives` has fewer."""
        return (self.gold.text, *(negative.caption.text for negative in self.negatives))


def _to_booleans(pixels: Any, threshold: float | None) -> NDArray[np.bool_]:
    """(H, W) booleans of an array-like; see `Mask.from_array`."""
    import numpy as np

    if hasattr(pixels, "detach"):  # numpy reads no tensor on a GPU, with a gradient, or of bfloat16
        pixels = pixels.detach().cpu()
        pixels = pixels.double() if pixels.is_floating_point() else pixels
    try:
        values = np.asarray(pixels)
    except (ValueError, TypeError) as error:
        raise InputError(f"a mask is an (H, W) array, and this {type(pixels).__name__} is none: {error}.") from error
    if values.ndim != 2 or not values.size:
        raise InputError(f"a mask is an (H, W) array with pixels, not one of shape {values.shape}.")
    kind = values.dtype.kind
    if kind not in "buif":
        raise InputError(f"a mask holds booleans or numbers, not {values.dtype}.")
    if kind == "f" and np.isnan(values).any():
        row, column = np.argwhere(np.isnan(values))[0].tolist()
        raise InputError(
            f"a mask with NaN, first in row {row}, column {column}: decide first what belongs to the thing."
        )
    if threshold is None and kind == "f":
        raise InputError("a mask of floats: give `threshold`, such as 0.5 for probabilities or 0 for logits.")
    if threshold is not None and not math.isfinite(threshold):
        raise InputError(f"threshold {threshold} of a mask is not finite.")
    inside: NDArray[np.bool_] = values != 0 if threshold is None else values > threshold
    return inside
