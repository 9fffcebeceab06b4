"""Part the images of one source into train and eval, by what identifies an image.

The side of an image depends on its identity and the seed alone, so it stays when images are added or left out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from scar.annotations.pictures import HeldOut, PictureIndex, PictureKey, PictureRef
from scar.errors import InputError

OTHER_PART = "other_split"
"""The reason under which the records of images of the other part are counted."""

_ROBOFLOW = re.compile(r"\.rf\.[0-9A-Za-z]+(?=\.\w+$)")
"""What Roboflow adds to the file name of each copy of an image: cat_jpg.rf.1f2e3d.jpg."""


def is_of_eval(key: PictureKey, seed: int, eval_share: float) -> bool:
    """Whether an image falls into eval, which gets about this share of all images.

    Copies that Roboflow made of one image fall into one part.
    """
    name = key.identity or _ROBOFLOW.sub("", key.file)
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:8]) < eval_share * 2**64


@dataclass(frozen=True, slots=True)
class PartIndex(PictureIndex):
    """The pictures of one part of an index.

    Attributes:
        whole: the index of all pictures.
        places: places, in it, of the pictures of this part, in ascending order.
    """

    whole: PictureIndex
    places: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> PictureRef:
        return self.whole[self.places[index]]

    def iter_keys(self) -> Iterator[PictureKey]:
        return (ref for ref in self if not isinstance(ref, HeldOut))


def select_part(index: PictureIndex, seed: int) -> PictureIndex:
    """The part of a source's pictures that its split and ``eval_share`` name; all if it names no share.

    The records of the other pictures are counted here as rejected (`OTHER_PART`).

    Raises:
        InputError: no image falls into the part.
        BadRecord: a record of the other part cannot be used and the index's tally does not skip such records.
    """
    share = index.source.eval_share
    if share is None:
        return index
    wanted = index.source.split == "eval"
    places = []
    for place, ref in enumerate(index):
        if is_of_eval(ref, seed, share) == wanted:
            places.append(place)
        else:
            HeldOut(ref, OTHER_PART).read_picture(index.tally)
    if not places:
        raise InputError(
            f"{index.source.key}: none of its {len(index)} images falls into {index.source.split} with an eval share "
            f"of {share:g}; give another --eval-share or --seed, or more images."
        )
    return PartIndex(index.source, index.tally, index, tuple(places))
