"""Read all pictures of a source, as tests of several formats do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scar.accounting import Tally
from scar.annotations import open_index
from scar.recipe import Source
from scar.sample import Picture, Split

WIDTH, HEIGHT = 80, 60
"""Size of the images of the fixture `folder`, in pixels."""


def read_pictures(source: Source, tally: Tally) -> list[Picture]:
    """Every picture of a source; there are as many as its index says."""
    index = open_index(source, tally)
    pictures = [ref.read_picture(tally) for ref in index]
    assert len(pictures) == len(index)
    return pictures


def read_labels(folder: Path, reader: str, tally: Tally | None = None, **changes: Any) -> list[Picture]:
    """Every picture whose annotations lie in ``labels`` below a folder, and whose image in ``images``."""
    instances = changes.pop("instances", folder / "labels")
    source = Source(name="T", split="eval", reader=reader, instances=instances, images=folder / "images", **changes)
    return read_pictures(source, tally or Tally())


def ade20k_source(release: Path, split: Split = "train") -> Source:
    """A folder with a release of ADE20K as a source."""
    return Source(name="ADE", split=split, reader="ade20k", images=release / "images", files={"release": release})
