"""Read ADE20K's challenge release of 2016 (SceneParse150) as `Picture`s.

``annotations/<split>/*.png`` has the class of each pixel, 1 to 150. ``annotations_instance/<split>/*.png`` separates
the things of 100 of these classes: red is a class of another list, green the number of the thing. A thing gets the
class that most of its pixels have in ``annotations``, so the other list is not needed. If an image has no things of a
class, all pixels of the class are one region.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scar.accounting import Tally
from scar.annotations.boxes import clip_box
from scar.annotations.masks import find_run_starts, group_runs
from scar.annotations.pictures import PictureIndex, PictureList
from scar.common.images import describe_pixel_limit, max_pixels, refuse_truncated
from scar.errors import BadRecord, InputError
from scar.recipe import Source
from scar.sample import Picture, Region, Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

_FOLDERS: dict[Split, str] = {"train": "training", "eval": "validation"}

_ID_STEP = 100_000
_STUFF = 70_000
"""Region id = image id * `_ID_STEP` + label; the label is red * 256 + green for a thing, 70,000 + class for stuff."""


@dataclass(frozen=True, slots=True)
class ChallengeRef:
    """Reference to an image with its two annotation pictures.

    Attributes:
        id: the number in the file name.
        file: path of the image below the folder ``images`` of the release.
        scene: the scene label; None if there is none.
        release: folder of the release.
        classes: names of the classes by their number, which the pixels of the picture of classes have.
    """

    id: int
    file: str
    scene: str | None
    release: Path
    classes: Mapping[int, str]

    @property
    def identity(self) -> None:
        """None: ADE20K does not say which images other data sets have too."""
        return

    def read_picture(self, tally: Tally) -> Picture:
        """Read the picture. Its size is that of its two annotation pictures.

        If these cannot be used and the tally skips bad records, the picture is 1 x 1 pixels large without regions.

        Raises:
            BadRecord: see `scar.annotations.pictures.PictureRef.read_picture`.
        """
        png = Path(self.file).with_suffix(".png")
        where = f"{self.release.name}, image {self.id}"
        width = height = 1
        regions: tuple[Region, ...] = ()
        try:
            classes = _open_png(self.release / "annotations" / png, ("L", "P"), where)
            things = _open_png(self.release / "annotations_instance" / png, ("RGB", "RGBA"), where)
            if things.size != classes.size:
                problem = f"its pictures of classes and things have the sizes {classes.size} and {things.size}"
                raise BadRecord(where, problem, "annotation_size")
            width, height = classes.size
            regions = tuple(self._iter_regions(classes, things, tally))
        except BadRecord as bad:
            tally.ignore_records(bad)
        return Picture(id=self.id, file=self.file, width=width, height=height, regions=regions, scene=self.scene)

    def _iter_regions(self, classes: Image.Image, things: Image.Image, tally: Tally) -> Iterator[Region]:
        import numpy as np

        width, height = classes.size
        pixels = _stack_columns(classes, things)
        starts = find_run_starts(pixels)
        values = pixels[starts].astype(np.int64)
        red, green, classes_of = values & 255, values >> 8 & 255, values >> 24
        numbers = np.where(green > 0, red * 256 + green, 0)
        lengths = np.diff(starts, append=width * height)
        class_by_thing = _find_majorities(numbers, classes_of, lengths)
        stuff = np.where((classes_of == 0) | np.isin(classes_of, list(class_by_thing.values())), 0, _STUFF + classes_of)
        labels = np.where(numbers > 0, numbers, stuff)
        for label, (xywh, make_mask) in group_runs(starts, labels, width, height).items():
            tally.records += 1
            class_number = class_by_thing.get(label, label - _STUFF)
            where = f"{self.file}, region {label}"
            try:
                if class_number not in self.classes:
                    raise BadRecord(where, f"its class {class_number} is not in objectInfo150.txt", "no_category")
                box = clip_box(xywh, width, height, where)
            except BadRecord as bad:
                tally.reject_regions(bad)
            else:
                yield Region(self.id * _ID_STEP + label, box, self.classes[class_number], make_mask=make_mask)


def open_index(source: Source, tally: Tally) -> PictureIndex:
    """Index the pictures of one split.

    Raises:
        InputError: a folder, sceneCategories.txt or objectInfo150.txt is missing or has the wrong shape, or
            the name of an annotation picture ends in no number.
    """
    release, split = source.inputs["release"], _FOLDERS[source.split]
    folder = release / "annotations" / split
    try:
        stems = sorted(path.stem for path in folder.iterdir() if path.suffix == ".png")
        things = {path.stem for path in (release / "annotations_instance" / split).iterdir()}
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}; {source.key} needs {release.name} unpacked.") from None
    if not stems or not things.intersection(stems):
        raise InputError(f"{folder}: has no pictures of classes, or annotations_instance none of things.")
    scenes, classes = _read_scenes(release / "sceneCategories.txt"), _read_classes(release / "objectInfo150.txt")
    refs = []
    for stem in stems:
        digits = stem.rpartition("_")[2]
        if not digits.isdecimal():
            raise InputError(f"{folder / stem}.png: the name ends in no number, as in ADE_train_00000001.png.")
        refs.append(ChallengeRef(int(digits), f"{split}/{stem}.jpg", scenes.get(stem), release, classes))
    return PictureList(source, tally, sorted(refs, key=lambda ref: (ref.id, ref.file)))


def _read_classes(path: Path) -> dict[int, str]:
    """Read the names of the classes by number; if a class has several names, the first one."""
    names = {}
    for row, line in enumerate(_read_lines(path)[1:], start=2):
        columns = line.split("\t")
        if len(columns) < 2 or not columns[0].strip().isdecimal() or not columns[-1].strip():
            raise InputError(f"{path}, line {row}: {line!r:.60} is not a number, counts and a name with tabs between.")
        names[int(columns[0])] = columns[-1].split(",")[0].strip()
    return names


def _read_scenes(path: Path) -> dict[str, str]:
    """Read the scene labels by file name; images labelled "misc" are left out."""
    pairs = (line.split() for line in _read_lines(path))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and pair[1] != "misc"}


def _read_lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(f"{path}: {problem}; it comes with ADEChallengeData2016.") from None


def _open_png(path: Path, modes: tuple[str, ...], where: str) -> Image.Image:
    """Open and decode a PNG.

    Raises:
        BadRecord: the file is missing (reason ``annotation_missing``), too large or damaged (``annotation_broken``), or
            has another mode (``annotation_mode``).
    """
    from PIL import Image

    try:
        with refuse_truncated(), Image.open(path, formats=("PNG",)) as picture:
            if picture.width * picture.height > max_pixels():
                raise BadRecord(where, f"{path} has more than {describe_pixel_limit()}", "annotation_broken")
            if picture.mode not in modes:
                problem = f"{path} is a picture of the mode {picture.mode}, not {' or '.join(modes)}"
                raise BadRecord(where, problem, "annotation_mode")
            picture.load()
            return picture
    except FileNotFoundError:
        raise BadRecord(where, f"{path} does not exist", "annotation_missing") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise BadRecord(where, f"{path} does not decode: {error}", "annotation_broken") from None


def _stack_columns(classes: Image.Image, things: Image.Image) -> NDArray[np.uint32]:
    """(W * H,) pixels of both pictures, column by column.

    From the lowest byte on, a pixel has red, green and blue of the picture of things, then its class.
    Pillow writes the classes into the alpha channel. Arrow gives access to the pixels without a copy if they are in one
    block of memory.
    """
    import numpy as np
    import pyarrow as pa

    things.putalpha(classes.getchannel(0))
    width, height = things.size
    try:
        content = pa.array(things).values.buffers()[1]
    except ValueError:
        content = things.tobytes()
    return np.frombuffer(content, "<u4", width * height).reshape(height, width).T.ravel()


def _find_majorities(
    thing_numbers: NDArray[np.int64], classes: NDArray[np.int64], lengths: NDArray[np.int64]
) -> dict[int, int]:
    """The most frequent class among the pixels of each thing, by thing number; 0 if no pixel has a class.

    Args:
        thing_numbers: (R,) number of the thing of each run, 0 for none.
        classes: (R,) class of each run, 0 for none.
        lengths: (R,) number of pixels of each run.
    """
    import numpy as np

    pairs, inverse = np.unique(thing_numbers * 256 + classes, return_inverse=True)
    counts = np.bincount(inverse, weights=lengths)
    majorities: dict[int, int] = {}
    for pair in pairs[np.argsort(counts, kind="stable")].tolist():
        number, class_number = divmod(pair, 256)
        if number and (class_number or number not in majorities):
            majorities[number] = class_number
    return majorities
