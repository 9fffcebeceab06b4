"""The interface between the build and the functions that write captions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import msgspec

from scar.evidence.picture_evidence import PictureEvidence
from scar.sample import Caption, Negative, Reason, Region


@dataclass(frozen=True, eq=False)
class GoldTask:
    """A region that needs a true caption.

    Attributes:
        image: path of the image file.
        evidence: what is known about the picture.
        region: the region that the caption describes.
        key: seed of the build, source and original id of the region, as one text; it seeds every random choice for the
            region.
    """

    image: Path
    evidence: PictureEvidence
    region: Region
    key: str


class Gold(msgspec.Struct, frozen=True):
    """A true caption and the reason why it is true.

    A generator may return a subclass with fields of its own, which its `write_negatives` reads.
    """

    caption: Caption
    reason: Reason

    @property
    def author(self) -> str | None:
        """Who wrote the caption, for the provenance; None stands for the generator itself."""
        return None


class Rejected(msgspec.Struct, frozen=True):
    """The reason why a region gets no captions, for the counts of the build."""

    reason: str


GoldOfTask: TypeAlias = tuple[GoldTask, Gold]
"""A task with the true caption of its region."""

NineNegatives: TypeAlias = tuple[Negative, ...]
"""Nine false captions: three for each part, in the order of `PARTS`."""


@dataclass(frozen=True, slots=True)
class Generator:
    """The functions that write the ten captions of a region: one true caption and nine false ones.

    Both `write_golds` and `write_negatives` take a batch and return one result for each member, in the same order. No
    result depends on the others of its batch.

    Attributes:
        name: name of the generator in the provenance of a corpus.
        version: version of the generator in the provenance; it changes when the same input gives other captions.
        write_golds: writes the true caption of the region of each task, or says why there is none.
        write_negatives: takes `GoldOfTask`s and a Counter; writes the nine false captions for each gold, or says why
            there are none. It adds the number of candidates that each veto refused to the Counter.
        fit: adapts both functions to a source, and returns a generator with the adapted ones. It takes the generator,
            golds of the source that `write_golds` wrote, a seed, and whether these golds are of all pictures of the
            source or of a sample. None if nothing is adapted.
        reads_texts: whether it needs what human texts say; otherwise they are not parsed.
        usage: counts of what its captions took so far, such as tokens; it grows while captions are written, so that the
            generator belongs to one process. None for a generator that takes nothing.
    """

    name: str
    version: str
    write_golds: Callable[[Sequence[GoldTask]], list[Gold | Rejected]]
    write_negatives: Callable[..., list[NineNegatives | Rejected]]
    fit: Callable[[Generator, Sequence[GoldOfTask], str, bool], Generator] | None = None
    reads_texts: bool = False
    usage: Counter[str] | None = None
