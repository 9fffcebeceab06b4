"""The captions of each image of a source, from a captions file of any form that is read or from its own file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.caption_forms import FoundCaption, is_coco_form, iter_captions
from scar.annotations.captions import index_captions, read_captions
from scar.annotations.file_kind import explain_kind
from scar.annotations.ids import number_id
from scar.annotations.image_names import NameFinder
from scar.annotations.record_index import FileSpans, select_image
from scar.errors import BadRecord, InputError


@dataclass(frozen=True, slots=True)
class ImageCaptions:
    """The captions of the images of a source, or of one of them.

    Attributes:
        spans: where they are in a captions JSON, by image; None if there is none.
        texts_by_image: captions that are in memory, as their file has them, by image id.
    """

    spans: FileSpans | None = None
    texts_by_image: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def texts(self) -> tuple[str, ...]:
        """The captions that are in memory."""
        return tuple(text for texts in self.texts_by_image.values() for text in texts)

    def select(self, image: int) -> ImageCaptions:
        """The captions of the image with this id; there may be none."""
        spans = select_image(self.spans, image) if self.spans else None
        return ImageCaptions(spans, {image: self.texts_by_image.get(image, ())})

    def read(self) -> tuple[str, ...]:
        """Read the captions: those in memory, each once, then those of the captions JSON that are not among them."""
        texts = tuple(dict.fromkeys(" ".join(text.split()) for text in self.texts))
        found = read_captions(*self.spans) if self.spans else ()
        return texts + tuple(text for text in found if text not in texts)


def index_image_captions(
    path: Path | None,
    file_names: Mapping[int, str],
    images_file: str,
    tally: Tally,
    cache: CallCache,
    own: Mapping[int, tuple[str, ...]] | None = None,
    numbers: Mapping[int, int] | None = None,
) -> ImageCaptions:
    """Index the captions of a source.

    Args:
        path: the captions file; None if there is none.
        file_names: file names of the source's images by id.
        images_file: name of the file that lists them, for messages.
        tally: counts the captions that cannot be used as ignored.
        cache: what other sources have already read.
        own: captions by image id that stand in the images file itself; they come before those of a captions file.
        numbers: the id of an image by the code of what its file has as id; None if all ids are numbers. See
            `scar.annotations.ids`.

    Raises:
        InputError: the file cannot be read, has no captions, or none of them is of an image of the source.
        BadRecord: a caption cannot be used and ``tally`` does not skip such records.
    """
    own = own or {}
    if path is None:
        return ImageCaptions(None, own)
    if is_coco_form(path):
        try:
            return ImageCaptions(index_captions(path, file_names, images_file, tally, cache, numbers), own)
        except InputError as error:
            raise explain_kind(path, "a captions JSON", error) from None
    found, counts = cache(_read_forms, path, tally.skip_bad)
    tally.ignored.update(counts)
    texts = _join_captions(found, file_names, path, images_file, tally, numbers or {})
    return ImageCaptions(
        None, {image: own.get(image, ()) + texts.get(image, ()) for image in texts.keys() | own.keys()}
    )


def _read_forms(path: Path, skip_bad: bool) -> tuple[list[FoundCaption], Mapping[str, int]]:
    tally = Tally(skip_bad=skip_bad)
    return list(iter_captions(path, tally)), tally.ignored


def _join_captions(
    found: list[FoundCaption],
    file_names: Mapping[int, str],
    path: Path,
    images_file: str,
    tally: Tally,
    numbers: Mapping[int, int],
) -> dict[int, tuple[str, ...]]:
    """Captions by image id: a file name tells the image, else an id, which may be written as text."""
    finder = NameFinder(file_names)
    texts: dict[int, list[str]] = defaultdict(list)
    unknown = []
    for image, text in found:
        number = finder.find_id(image, likely=-1) if isinstance(image, str) else None
        number = numbers.get(number_id(image)) if number is None else number
        if number is None and str(image).strip().isdecimal() and int(image) in file_names:
            number = int(image)
        if number is None:
            unknown.append(image)
        else:
            texts[number].append(text)
    if unknown and not texts:
        raise InputError(
            f"{path}: none of its {len(unknown)} captions is of an image of {images_file} (the first is of "
            f"{unknown[0]!r}); give the captions file of the same image set, or none."
        )
    if unknown:
        problem = f"its image {unknown[0]!r} is not among those of {images_file}"
        tally.ignore_records(BadRecord(path.name, problem, "caption_no_image"), len(unknown))
    return {number: tuple(dict.fromkeys(several)) for number, several in texts.items()}
