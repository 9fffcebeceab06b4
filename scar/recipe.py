"""What to build: sources and the seed, from a TOML file or from options, checked when they become records.

A recipe::

    about = "what `scar build --list` says of it"
    seed = 0
    skip_bad = true          # leave out records that cannot be used, and count them, instead of stopping
    overlap = "drop-train"   # or "refuse", or "keep": train images that an eval split has
    refine = true            # draw negatives again as long as a blind model finds the gold captions

    [[source]]               # a data set that sources.toml knows, below --data-root
    dataset = "coco_stuff"
    split = "train"
    max_per_image = 5

    [[source]]               # or any files; paths are relative to the recipe
    name = "Mine"
    split = "eval"
    instances = "annotations/instances_val2017.json"
    captions = "annotations/captions_val2017.json"
    images = "val2017"
    licence = "CC BY 4.0"

`Source` and `Recipe` say what each key means.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from scar.annotations import READERS
from scar.build.leakage import Overlap
from scar.build.select import Limits
from scar.common.tables import make_record, read_toml
from scar.errors import RecipeError
from scar.sample import SPLITS, Split

T = TypeVar("T", bound=msgspec.Struct)

_HERE = Path(__file__).parent
_LIMITS = Limits()


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One image set with its annotation files, and how samples are chosen of it.

    Attributes:
        name: as it stands in the file names of the corpus.
        split: train or eval.
        images: the folder that its file names are relative to.
        reader: the format of its files: coco, refcoco, visual_genome or ade20k.
        instances: the COCO-style instances JSON, for the readers coco and refcoco.
        captions: the COCO-style captions JSON, if there is one.
        files: other files or folders, by what the reader calls them: ``stuff`` (coco), ``refs`` (refcoco),
            ``image_data``, ``objects``, ``region_descriptions``, ``relationships``, ``coco_val`` and
            ``coco_captions_train`` and ``_val`` (visual_genome), ``release`` (ade20k).
        licence: of the annotations, as the provenance tells it.
        get: where to get the files, for the message that one is missing.
        max_per_image: most samples of one image.
        min_side: shortest side of a box in pixels.
        min_area_share: smallest share of the image that a box covers, 0 to 1.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+-]*$", max_length=80)]
    split: Split
    images: Path
    reader: str = "coco"
    instances: Path | None = None
    captions: Path | None = None
    files: dict[str, Path] = {}
    licence: str | None = None
    get: str | None = None
    max_per_image: Annotated[int, msgspec.Meta(ge=1)] = _LIMITS.max_per_image
    min_side: Annotated[float, msgspec.Meta(ge=0)] = _LIMITS.min_side
    min_area_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = _LIMITS.min_area_share

    def __post_init__(self) -> None:
        reader = READERS.get(self.reader)
        if reader is None:
            raise ValueError(f"no reader is called {self.reader!r}; there are {', '.join(READERS)}")
        given = self.inputs.keys()
        missing = [role for role in reader.required if role not in given]
        if missing:
            raise ValueError(f"the reader {self.reader} needs {_join_roles(missing)}")
        useless = [role for role in given if role not in (*reader.required, *reader.optional)]
        if useless:
            takes = _join_roles([*reader.required, *reader.optional])
            raise ValueError(f"the reader {self.reader} does not read {_join_roles(useless)}, only {takes}")

    @property
    def key(self) -> str:
        """Name and split, as the report lists it."""
        return f"{self.name}/{self.split}"

    @property
    def inputs(self) -> dict[str, Path]:
        """Its annotation files and folders, by what the reader calls them."""
        own = {"instances": self.instances, "captions": self.captions}
        return {role: path for role, path in own.items() if path is not None} | self.files

    @property
    def limits(self) -> Limits:
        return Limits(self.max_per_image, self.min_side, self.min_area_share)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides what a build writes.

    Attributes:
        sources: built one after the other.
        seed: of every random choice.
        skip_bad: leave out records that cannot be used, and count them, instead of stopping.
        overlap: what becomes of train images that an eval split of the recipe has: ``refuse`` stops the build,
            ``drop-train`` leaves them out of the train split and counts their records as ``in_eval``, ``keep`` keeps
            them.
        decode_images: see that every image decodes to its last row; else only that it begins and ends as one does.
        refine: draw negatives again as long as a blind model finds the gold captions; see `scar.build.refine`.
    """

    sources: tuple[Source, ...]
    seed: int = 0
    skip_bad: bool = False
    overlap: Overlap = "refuse"
    decode_images: bool = False
    refine: bool = False


class _RecipeTable(msgspec.Struct, forbid_unknown_fields=True):
    """The recipe file less its sources, which are checked one by one."""

    source: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    skip_bad: bool = False
    overlap: Overlap = "refuse"
    decode_images: bool = False
    refine: bool = False
    about: str = ""


def list_built_in() -> dict[str, str]:
    """Names of the recipes that come with the package, and what they are about."""
    found = {}
    for path in sorted((_HERE / "recipes").glob("*.toml")):
        found[path.stem] = str(tomllib.loads(path.read_text(encoding="utf-8"))["about"])
    return found


def read_recipe(recipe: Path | str, data_root: Path | None = None) -> Recipe:
    """Read a recipe file.

    Args:
        recipe: its path, or the name of a recipe that comes with the package.
        data_root: the folder that holds the data sets; needed if the recipe names any.

    Raises:
        RecipeError: it cannot be read, is no TOML, or has a key or value that does not validate.
    """
    path = _HERE / "recipes" / f"{recipe}.toml" if recipe in list_built_in() else Path(recipe)
    place = str(recipe)
    if not path.is_file():
        known = ", ".join(["demo", *list_built_in()])
        raise RecipeError(f"{place}: no such file; give a recipe file, or one of {known}, or --instances and --images.")
    return parse_recipe(read_toml(path, RecipeError), file_name=place, base=path.parent, data_root=data_root)


def parse_recipe(content: Mapping[str, Any], file_name: str, base: Path, data_root: Path | None = None) -> Recipe:
    """Recipe from parsed TOML or from options.

    Args:
        content: ``source`` as a list of tables, ``about``, and what `Recipe` has.
        file_name: file name, for messages.
        base: folder that paths are relative to.
        data_root: folder that the paths of data sets are relative to.

    Raises:
        RecipeError: a key or value does not validate, or two sources would write one file.
    """
    head = _convert_table(content, _RecipeTable, file_name, base)
    sources = []
    for number, table in enumerate(head.source, start=1):
        where = f"{file_name}, source {number} ({table.get('name', table.get('dataset', 'no name'))})"
        if "dataset" in table:
            sources.append(_parse_dataset(table, where, data_root))
        else:
            sources.append(_convert_table(table, Source, where, base))
    keys = [source.key.casefold() for source in sources]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            raise RecipeError(f"{file_name}: two sources are {sources[number].key}; give each its own name and split.")
    settings = {field: getattr(head, field) for field in ("seed", "skip_bad", "overlap", "decode_images", "refine")}
    return Recipe(sources=tuple(sources), **settings)


def _parse_dataset(table: Mapping[str, Any], where: str, data_root: Path | None) -> Source:
    """Source from a row of sources.toml and what the recipe says beside it."""
    rows = read_datasets()
    name, split = table["dataset"], table.get("split")
    if name not in rows:
        raise RecipeError(f"{where}: no data set is called {name!r}; there are {', '.join(rows)}.")
    if split not in SPLITS:
        raise RecipeError(f"{where}: split is {split!r}, not one of {', '.join(SPLITS)}.")
    if data_root is None:
        raise RecipeError(f"{where}: where the data sets are is not said; give --data-root.")
    row = {key: value for key, value in rows[name].items() if key not in SPLITS}
    own = rows[name].get(split, {})
    extra = {key: value for key, value in table.items() if key != "dataset"}
    fixed = sorted(extra.keys() & {"reader", "files", "instances", "captions", "images"})
    if fixed:
        raise RecipeError(f"{where}: {', '.join(fixed)} of a data set stands in sources.toml; leave it out.")
    merged = row | own | extra | {"files": {**row.get("files", {}), **own.get("files", {})}}
    return _convert_table(merged, Source, where, data_root)


@cache
def read_datasets() -> dict[str, dict[str, Any]]:
    return tomllib.loads((_HERE / "annotations" / "sources.toml").read_text(encoding="utf-8"))


def _convert_table(content: Mapping[str, Any], kind: type[T], where: str, base: Path) -> T:
    def to_path(_: type, value: Any) -> Path:
        if not isinstance(value, str):
            raise ValueError(f"expected a path, got {value!r}")  # msgspec adds the key to a ValueError
        return base / value

    return make_record(content, kind, where, RecipeError, dec_hook=to_path)


def _join_roles(roles: list[str]) -> str:
    return ", ".join(roles)
