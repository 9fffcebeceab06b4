"""What to build: the sources and the settings of a build, from a TOML file or from options.

An example of a recipe file::

    about = "one line for `scar build --list`"
    seed = 0
    skip_bad = true          # skip and count records that cannot be used, instead of stopping
    overlap = "drop-train"   # or "refuse" or "keep": what to do with train images that an eval split also has
    word_file = "words.toml" # your words for categories, plurals and scenes; see `scar.language.user_words`
    parses = "parses"        # a folder that keeps the parses of captions, so that no text is parsed twice

    [[source]]               # a data set of sources.toml, below --data-root
    dataset = "coco_stuff"
    split = "train"
    max_per_image = 5

    [[source]]               # or your own files; paths are relative to the recipe
    name = "Mine"
    split = "eval"
    instances = "annotations/instances_val2017.json"
    captions = "annotations/captions_val2017.json"
    images = "val2017"
    licence = "CC BY 4.0"

`Source` and `Recipe` document each key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_type_hints

import msgspec

from scar.common.tables import check_values, make_record, read_toml
from scar.errors import RecipeError
from scar.sample import SPLITS, Split

Overlap: TypeAlias = Literal["refuse", "drop-train", "keep"]
"""What a build does with train images that an eval split also has; `Recipe` explains the three values."""

Frame: TypeAlias = Literal["stored", "displayed"]
"""The frame of annotations of images that EXIF turns: pixels as the file stores them, or as viewers display them."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A format of annotation files.

    Attributes:
        module: name of the module with the function ``open_index(source, tally, cache) -> PictureIndex``.
        required: names, in a recipe, of the files that the reader needs.
        optional: names, in a recipe, of the files that the reader uses if they are given.
        folders: which of these names stand for folders; the others stand for files.
        shares_images: whether other data sets may have the same images. If so, images without an identity are compared
            with all others by their pixels. False only for a data set that is known to share none, which saves time.
        has_box_forms: whether ``boxes`` may say what the numbers of its boxes mean.
    """

    module: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    folders: frozenset[str] = frozenset()
    shares_images: bool = True
    has_box_forms: bool = False


READERS = {
    "coco": Reader("scar.annotations.coco", ("instances",), ("captions", "stuff"), has_box_forms=True),
    "refcoco": Reader("scar.annotations.refcoco", ("instances", "refs"), ("captions",), has_box_forms=True),
    "visual_genome": Reader(
        "scar.annotations.visual_genome",
        ("image_data", "objects", "region_descriptions", "relationships"),
        ("coco_val", "coco_captions_train", "coco_captions_val"),
        has_box_forms=True,
    ),
    # ADE20K's photographs are from LabelMe, SUN and Places, not from Flickr as those of the other data sets.
    "ade20k": Reader("scar.annotations.ade20k", ("release",), folders=frozenset({"release"}), shares_images=False),
    "panoptic": Reader(
        "scar.annotations.panoptic", ("instances",), ("captions", "masks"), folders=frozenset({"masks"})
    ),
    **{
        name: Reader(f"scar.annotations.{name}", ("instances",), ("captions",), folders=frozenset({"instances"}))
        for name in ("labelme", "voc", "dota")
    },
    "yolo": Reader(
        "scar.annotations.yolo", ("instances",), ("captions",), folders=frozenset({"instances"}), has_box_forms=True
    ),
    **{
        name: Reader(f"scar.annotations.{name}", ("instances",), ("captions",), has_box_forms=name == "createml")
        for name in ("label_studio", "createml", "via")
    },
}
"""The formats of annotation files, by the name that a recipe gives as ``reader``."""

_BOXES = re.compile(
    r"(?:xywh|corners|center|yxhw|yx-corners)(?:-(?:shares|percent|thousandths))?|shares|percent|thousandths"
)
"""What ``boxes`` may say: the keys of `scar.annotations.box_form.BOX_FORMS`."""

_HERE = Path(__file__).parent


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One image set with its annotation files, and the limits on its samples.

    Attributes:
        name: name of the source; it is part of the file names of the corpus.
        split: train or eval.
        images: the folder of the images, from which the annotations' paths of images start.
        reader: the format of the annotation files, one of `READERS`.
        instances: the COCO-style instances JSON, for the readers coco and refcoco; the JSON of panoptic,
            label_studio, createml or via; or the folder of the files of labelme, yolo, voc or dota.
        captions: a file of captions, see `scar.annotations.caption_forms`; None if there is none.
        files: the other files or folders by their names in `READERS`: ``stuff`` (coco), ``refs`` (refcoco),
            ``image_data``, ``objects``, ``region_descriptions``, ``relationships``, ``coco_val``,
            ``coco_captions_train`` and ``coco_captions_val`` (visual_genome), ``release`` (ade20k), ``masks``
            (panoptic).
        licence: licence of the annotations, for the provenance of the corpus; None if it is unknown.
        get: where to download the files, for the message about a missing file; None if it is unknown.
        max_per_image: largest number of samples of one image.
        min_side: least width and least height of a region's box in pixels; a smaller region gives no sample.
        min_area_share: least share of the image's area that a region's box covers, 0 to 1; likewise.
        frame: the frame of the annotations of images that EXIF turns; the corpus has the displayed frame. None: it is
            the frame in which the image has the size that the annotations give it. Where both frames have this size,
            the regions are rejected (``image_frame``).
        boxes: what the four numbers of boxes mean: a layout, and a unit unless they are pixels, such as ``corners``,
            ``xywh-percent`` or ``yx-corners-thousandths``; see `scar.annotations.box_form`. None: it is found out for
            the readers coco, refcoco and visual_genome, and is the center, as they say, for yolo and createml.
        eval_share: share of the images that falls into eval, 0 to 1, where one set of files gives a train and an eval
            source; each of the two has its part of the images. None: the source has all images.
    """

    name: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_+-]*$",
            max_length=80,
            description="at most 80 letters of A to Z, digits, _, + and -, the first a letter or digit; "
            "file names contain it",
        ),
    ]
    split: Split
    images: Path
    reader: str = "coco"
    instances: Path | None = None
    captions: Path | None = None
    files: dict[str, Path] = {}
    licence: str | None = None
    get: str | None = None
    max_per_image: Annotated[int, msgspec.Meta(ge=1)] = 5
    min_side: Annotated[float, msgspec.Meta(ge=0)] = 16
    min_area_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.005
    frame: Frame | None = None
    boxes: str | None = None
    eval_share: Annotated[float, msgspec.Meta(gt=0, lt=1)] | None = None

    def __post_init__(self) -> None:
        _convert_fields(self, f"source {self.name!r}")
        reader = READERS.get(self.reader)
        if reader is None:
            raise RecipeError(f"no reader is called {self.reader!r}; there are {', '.join(READERS)}")
        given = self.inputs.keys()
        if missing := [role for role in reader.required if role not in given]:
            hint = "" if "instances" in missing else ": `files` in a recipe, --file NAME=PATH on the command line"
            raise RecipeError(f"the reader {self.reader} needs {', '.join(missing)}{hint}")
        known = [*reader.required, *reader.optional]
        if unknown := [role for role in given if role not in known]:
            raise RecipeError(f"the reader {self.reader} does not read {', '.join(unknown)}, only {', '.join(known)}")
        if self.boxes is not None and not reader.has_box_forms:
            raise RecipeError(f"the files of the reader {self.reader} say what boxes mean; leave boxes out")
        if self.boxes is not None and not _BOXES.fullmatch(self.boxes):
            layouts = (
                "xywh, corners, center, yxhw or yx-corners, with -shares, -percent or -thousandths unless in pixels"
            )
            raise RecipeError(f"boxes = {self.boxes!r}: say {layouts}")

    @property
    def key(self) -> str:
        """``<name>/<split>``: what reports and messages call the source; unique within a recipe."""
        return f"{self.name}/{self.split}"

    @property
    def inputs(self) -> dict[str, Path]:
        """Paths of the annotation files and folders, by their names in `READERS`."""
        named = {"instances": self.instances, "captions": self.captions}
        return {role: path for role, path in named.items() if path is not None} | self.files


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides what a build writes.

    Attributes:
        sources: the sources, in the order in which they are built.
        seed: the seed of every random choice.
        skip_bad: skip and count records that cannot be used, instead of stopping.
        overlap: what happens to train images that an eval split also has. ``refuse`` stops the build. ``drop-train``
            drops them from the train split and counts their records as ``in_eval``. ``keep`` keeps them.
        decode_images: decode every image to its last row. Otherwise only the beginning and the end of the file are
            checked.
        parser: package of an installed English pipeline of spaCy, which parses what people wrote. None means the small
            English model, or no parser if it is not installed.
        parses: folder that keeps the parses, so that no text is parsed twice; None keeps none.
        word_file: the TOML file of a user's words for categories, plurals and scenes; see `scar.language.user_words`.
        decisions: file of what people decided about samples of an earlier build, from `scar review --export`; None
            applies none.
    """

    sources: tuple[Source, ...]
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    skip_bad: bool = False
    overlap: Overlap = "refuse"
    decode_images: bool = False
    parser: str | None = None
    parses: Path | None = None
    word_file: Path | None = None
    decisions: Path | None = None

    def __post_init__(self) -> None:
        given: Any = self.sources
        if not isinstance(given, Source | Iterable):
            raise RecipeError(f"recipe: sources is {given!r}; give a list of Source.")
        sources = (given,) if isinstance(given, Source) else tuple(given)
        for source in sources:
            if not isinstance(source, Source):
                raise RecipeError(f"recipe: {source!r} among its sources is no Source.")
        keys = [source.key.casefold() for source in sources]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                raise RecipeError(f"recipe: two sources are {sources[number].key}; give each its own name and split.")
        msgspec.structs.force_setattr(self, "sources", sources)
        _convert_fields(self, "recipe", leave_out="sources")


def _convert_fields(record: Any, where: str, leave_out: str = "") -> None:
    """Check the fields of a record that was made in Python, and convert paths as text and numpy's numbers.

    Raises:
        RecipeError: a value does not fit; the message begins with ``where``.
    """
    hints = get_type_hints(type(record), include_extras=True)
    values = {key: getattr(record, key) for key in hints if key != leave_out}
    plain = {key: value.item() if hasattr(value, "dtype") else value for key, value in values.items()}
    checked = check_values(plain, {key: hints[key] for key in values}, where, RecipeError, dec_hook=_to_path)
    for key, value in checked.items():
        msgspec.structs.force_setattr(record, key, value)


def _to_path(_: type, value: Any) -> Path:
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ValueError(f"expected a path, got {value!r}")  # msgspec adds the key to a ValueError
    return Path(value).expanduser()


_SETTINGS = {key: hint for key, hint in get_type_hints(Recipe, include_extras=True).items() if key != "sources"}
_KEYS = {"source": Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)], **_SETTINGS, "about": str}
"""The keys of a recipe file with their types. The sources are checked one by one."""


def list_built_in() -> dict[str, str]:
    """The recipes that come with the package: the line ``about`` of each, by the name of the recipe."""
    paths = sorted((_HERE / "recipes").glob("*.toml"))
    return {path.stem: str(read_toml(path, RecipeError)["about"]) for path in paths}


def read_recipe(recipe: Path | str, data_root: Path | None = None) -> Recipe:
    """Read a recipe file.

    Args:
        recipe: the name of a recipe of `list_built_in`. Any other text is the path of a recipe file.
        data_root: folder that the paths of data sets are relative to. None is an error if the recipe names a data set.

    Raises:
        RecipeError: the file cannot be read, is no TOML, or has a key or value that is not valid.
    """
    path = _HERE / "recipes" / f"{recipe}.toml" if recipe in list_built_in() else Path(recipe)
    if not path.is_file():
        if str(recipe) == "demo":
            raise RecipeError(
                "demo: is drawn, not read: run `scar build demo --out DIR`, or call scar.demo.corpus.build_demo."
            )
        problem = "is a folder" if path.is_dir() else "no such file"
        known = ", ".join(["demo", *list_built_in()])
        raise RecipeError(f"{recipe}: {problem}; give a recipe file, or one of {known}, or --instances and --images.")
    return parse_recipe(read_toml(path, RecipeError), str(recipe), base=path.parent, data_root=data_root)


def parse_recipe(content: Mapping[str, Any], file_name: str, base: Path, data_root: Path | None = None) -> Recipe:
    """Make a recipe from the keys and values of a TOML file or of command-line options.

    Args:
        content: ``source`` as a list of tables, which the head of this module shows; optionally ``about`` and the other
            attributes of `Recipe`.
        file_name: name of the recipe for error messages.
        base: folder that the paths of a user's own sources are relative to.
        data_root: folder that the paths of data sets are relative to. None is an error if a source names a data set.

    Raises:
        RecipeError: a key or value is not valid, a data set has no ``data_root``, or two sources have the same name
            and split.
    """
    values = check_values(content, _KEYS, file_name, RecipeError, dec_hook=partial(_join_path, base))
    if "source" not in values:
        raise RecipeError(f"{file_name}: no key source; the keys are {', '.join(_KEYS)}.")
    sources = []
    for number, table in enumerate(values["source"], start=1):
        where = f"{file_name}, source {number} ({table.get('name', table.get('dataset', 'no name'))})"
        if "dataset" in table:
            sources.append(_parse_dataset(table, where, data_root))
        else:
            sources.append(_make_source(table, where, base))
    keys = [source.key.casefold() for source in sources]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            raise RecipeError(f"{file_name}: two sources are {sources[number].key}; give each its own name and split.")
    return Recipe(sources=tuple(sources), **{key: value for key, value in values.items() if key in _SETTINGS})


def _parse_dataset(table: Mapping[str, Any], where: str, data_root: Path | None) -> Source:
    """Make a source from the row of a data set in sources.toml and the keys that the recipe adds to it."""
    rows = read_datasets()
    name, split = table["dataset"], table.get("split")
    if name not in rows:
        raise RecipeError(f"{where}: no data set is called {name!r}; there are {', '.join(rows)}.")
    if split not in SPLITS:
        raise RecipeError(f"{where}: split is {split!r}, not one of {', '.join(SPLITS)}.")
    if data_root is None:
        raise RecipeError(f"{where}: the folder of the data sets is not known; give --data-root.")
    both_splits = {key: value for key, value in rows[name].items() if key not in SPLITS}
    one_split = rows[name].get(split, {})
    added = {key: value for key, value in table.items() if key != "dataset"}
    if fixed := sorted(added.keys() & {"reader", "files", "instances", "captions", "images"}):
        raise RecipeError(f"{where}: {', '.join(fixed)} of a data set stands in sources.toml; leave it out.")
    files = {**both_splits.get("files", {}), **one_split.get("files", {})}
    return _make_source(both_splits | one_split | added | {"files": files}, where, data_root)


@cache
def read_datasets() -> dict[str, dict[str, Any]]:
    """The rows of sources.toml, by the name of the data set."""
    return read_toml(_HERE / "annotations" / "sources.toml", RecipeError)


def _make_source(table: Mapping[str, Any], where: str, base: Path) -> Source:
    """Make a source from a table whose paths are relative to ``base``."""
    return make_record(table, Source, where, RecipeError, dec_hook=partial(_join_path, base))


def _join_path(base: Path, _: type, value: Any) -> Path:
    """A path of a recipe file, relative to the folder ``base``."""
    if not isinstance(value, str):
        raise ValueError(f"expected a path, got {value!r}")  # msgspec adds the key to a ValueError
    return base / value
