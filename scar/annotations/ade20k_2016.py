"""ADE20K's challenge release of 2016 (SceneParse150) -> `Picture`s.

``annotations/<split>/*.png`` has the class of each pixel, 1 to 150; ``annotations_instance/<split>/*.png`` tells the
things of 100 of these classes apart: red is a class of that other list, green the number of the thing. What a thing is
called is read from the class that most of its pixels have in the first picture, so the second list is not needed. Of
the pixels that belong to no thing, each class that has no things is one region.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scar.accounting import Tally
from scar.annotations.boxes import clip_box
from scar.annotations.masks import find_run_starts, group_runs
from scar.annotations.pictures import PictureIndex, PictureKey
from scar.common.images import MAX_PIXELS
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
"""A region's id is its image's times the step, and red * 256 + green of a thing, or this plus the class of stuff."""


@dataclass(frozen=True, slots=True)
class ChallengeRef:
    """One image and its two pictures of classes.

    Attributes:
        id: the number in the file name.
        file: below the folder ``images``.
        scene: the label of the place, if there is one.
        release: the folder of the release.
        classes: names by number.
    """

    id: int
    file: str
    scene: str | None
    release: Path
    classes: Mapping[int, str]

    @property
    def identity(self) -> None:
        """Only its pixels tell."""
        return

    def read_picture(self, tally: Tally) -> Picture:
        """Read the picture; one without usable classes has no regions."""
        picture = Path(self.file).with_suffix(".png")
        place = f"{self.release.name}, image {self.id}"
        width = height = 1
        regions: tuple[Region, ...] = ()
        try:
            classes = _open_png(self.release / "annotations" / picture, ("L", "P"), place)
            things = _open_png(self.release / "annotations_instance" / picture, ("RGB", "RGBA"), place)
            if things.size != classes.size:
                problem = f"its pictures of classes and things have the sizes {classes.size} and {things.size}"
                raise BadRecord(place, problem, "annotation_size")
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
        kinds = _find_majorities(numbers, classes_of, lengths)
        stuff = np.where((classes_of == 0) | np.isin(classes_of, list(kinds.values())), 0, _STUFF + classes_of)
        for label, found in group_runs(starts, np.where(numbers > 0, numbers, stuff), width, height).items():
            tally.records += 1
            kind = kinds.get(label, label - _STUFF)
            place = f"{self.file}, region {label}"
            try:
                if kind not in self.classes:
                    raise BadRecord(place, f"its class {kind} is not in objectInfo150.txt", "no_category")
                box = clip_box(found.xywh, width, height, place)
            except BadRecord as bad:
                tally.reject_regions(bad)
            else:
                yield Region(self.id * _ID_STEP + label, box, self.classes[kind], make_mask=found.to_mask)


@dataclass(frozen=True, slots=True)
class ChallengeIndex(PictureIndex):
    """The images of one split.

    Attributes:
        numbered_files: with file names, in ascending order.
        release: the folder of the release.
        scenes: labels by file name.
        classes: names by number.
    """

    numbered_files: Sequence[tuple[int, str]]
    release: Path
    scenes: Mapping[str, str]
    classes: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.numbered_files)

    def __getitem__(self, index: int) -> ChallengeRef:
        number, file = self.numbered_files[index]
        return ChallengeRef(number, file, self.scenes.get(Path(file).stem), self.release, self.classes)

    def iter_keys(self) -> Iterator[PictureKey]:
        return (PictureKey(number, file, None) for number, file in self.numbered_files)


def open_index(source: Source) -> ChallengeIndex:
    """Index of one split.

    Raises:
        InputError: a folder or one of the two lists is missing or has another shape.
    """
    release, split = source.inputs["release"], _FOLDERS[source.split]
    folder = release / "annotations" / split
    try:
        found = sorted(path.stem for path in folder.iterdir() if path.suffix == ".png")
        things = {path.stem for path in (release / "annotations_instance" / split).iterdir()}
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}; {source.key} needs {release.name} unpacked.") from None
    if not found or not things.intersection(found):
        raise InputError(f"{folder}: has no pictures of classes, or annotations_instance none of things.")
    numbers = []
    for stem in found:
        digits = stem.rpartition("_")[2]
        if not digits.isdecimal():
            raise InputError(f"{folder / stem}.png: the name ends in no number, as in ADE_train_00000001.png.")
        numbers.append((int(digits), f"{split}/{stem}.jpg"))
    return ChallengeIndex(
        sorted(numbers),
        release,
        _read_scenes(release / "sceneCategories.txt"),
        _read_classes(release / "objectInfo150.txt"),
    )


def _read_classes(path: Path) -> dict[int, str]:
    """Names by number; of several names for one class the first."""
    names = {}
    for row, line in enumerate(_read_lines(path)[1:], start=2):
        columns = line.split("\t")
        if len(columns) < 2 or not columns[0].strip().isdecimal() or not columns[-1].strip():
            raise InputError(f"{path}, line {row}: {line!r:.60} is not a number, counts and a name with tabs between.")
        names[int(columns[0])] = columns[-1].split(",")[0].strip()
    return names


def _read_scenes(path: Path) -> dict[str, str]:
    """Labels by file name; images of no particular place have none."""
    pairs = (line.split() for line in _read_lines(path))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and pair[1] != "misc"}


def _read_lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(f"{path}: {problem}; it comes with ADEChallengeData2016.") from None


def _open_png(path: Path, modes: tuple[str, ...], where: str) -> Image.Image:
    """A PNG, decoded.

    Raises:
        BadRecord: it is missing (``annotation_missing``), too large or damaged (``annotation_broken``), or holds no
            numbers or colours of 8 bits (``annotation_mode``).
    """
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise BadRecord(where, f"{path} has more than {MAX_PIXELS:,} pixels", "annotation_broken")
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
    """(W * H,) pixels down the columns: red, green and blue of the things, the lowest byte first, then the class.

    Pillow puts one picture into the other, and Arrow shows its memory where it lies, unless it lies in pieces.
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
    """The class that most pixels of each thing have; 0 if none has any.

    Args:
        thing_numbers: (R,) of the things, 0 for none, by run.
        classes: (R,) likewise.
        lengths: (R,) pixels of the runs.
    """
    import numpy as np

    pairs, inverse = np.unique(thing_numbers * 256 + classes, return_inverse=True)
    counts = np.bincount(inverse, weights=lengths)
    kinds: dict[int, int] = {}
    for pair in pairs[np.argsort(counts, kind="stable")].tolist():
        number, kind = divmod(pair, 256)
        if number and (kind or number not in kinds):
            kinds[number] = kind
    return kinds
