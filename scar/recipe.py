"""What to build: sources and the seed, from a TOML file or from options, checked when they become records.

A recipe::

    seed = 0

    [[source]]
    name = "COCO_mini"
    split = "eval"
    instances = "annotations/instances_val2017.json"   # paths are relative to the recipe
    captions = "annotations/captions_val2017.json"
    images = "val2017"
    licence = "CC BY 4.0"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from scar.errors import RecipeError
from scar.sample import Split
from scar.select import Limits

T = TypeVar("T", bound=msgspec.Struct)

_LIMITS = Limits()


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One image set with its annotation files, and how samples are chosen of it.

    Attributes:
        name: as it stands in the file names of the corpus.
        split: train or eval.
        instances: the COCO-style instances JSON.
        images: the folder that its file names are relative to.
        captions: the COCO-style captions JSON, if there is one.
        licence: of the annotations, as the provenance tells it.
        max_per_image: most samples of one image.
        min_side: shortest side of a box in pixels.
        min_area_share: smallest share of the image that a box covers, 0 to 1.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+-]*$", max_length=80)]
    split: Split
    instances: Path
    images: Path
    captions: Path | None = None
    licence: str | None = None
    max_per_image: Annotated[int, msgspec.Meta(ge=1)] = _LIMITS.max_per_image
    min_side: Annotated[float, msgspec.Meta(ge=0)] = _LIMITS.min_side
    min_area_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = _LIMITS.min_area_share

    @property
    def key(self) -> str:
        """Name and split, as the report lists it."""
        return f"{self.name}/{self.split}"

    @property
    def limits(self) -> Limits:
        return Limits(self.max_per_image, self.min_side, self.min_area_share)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides what a build writes.

    Attributes:
        sources: built one after the other.
        seed: of every random choice.
        skip_bad: leave out records that cannot be used, and count them, instead of stopping.
    """

    sources: tuple[Source, ...]
    seed: int = 0
    skip_bad: bool = False


class _Head(msgspec.Struct, forbid_unknown_fields=True):
    """The recipe file less its sources, which are checked one by one."""

    source: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    skip_bad: bool = False


def load(path: Path) -> Recipe:
    """Read a recipe file.

    Raises:
        RecipeError: it cannot be read, is no TOML, or has a key or value that does not validate.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        problem = f"{path}: {error.strerror or error}; give a recipe, or 'demo', or --instances and --images."
        raise RecipeError(problem) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{path}: not TOML: {error}.") from None
    return parse(content, place=str(path), base=path.parent)


def parse(content: Mapping[str, Any], place: str, base: Path) -> Recipe:
    """Recipe from parsed TOML or from options.

    Args:
        content: ``source`` as a list of tables, ``seed``, ``skip_bad``.
        place: file name, for messages.
        base: folder that paths are relative to.

    Raises:
        RecipeError: a key or value does not validate, or two sources would write one file.
    """
    head = _convert(content, _Head, place, base)
    sources = []
    for number, table in enumerate(head.source, start=1):
        sources.append(_convert(table, Source, f"{place}, source {number} ({table.get('name', 'no name')})", base))
    keys = [source.key.casefold() for source in sources]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            raise RecipeError(f"{place}: two sources are {sources[number].key}; give each its own name and split.")
    return Recipe(sources=tuple(sources), seed=head.seed, skip_bad=head.skip_bad)


def _convert(content: Mapping[str, Any], kind: type[T], place: str, base: Path) -> T:
    def to_path(_: type, value: Any) -> Path:
        if not isinstance(value, str):
            raise ValueError(f"expected a path, got {value!r}")  # msgspec adds the key to a ValueError
        return base / value

    try:
        return msgspec.convert(content, type=kind, dec_hook=to_path)
    except msgspec.ValidationError as error:
        keys = ", ".join(field.name for field in msgspec.structs.fields(kind))
        raise RecipeError(f"{place}: {error}; the keys are {keys}.") from None
