"""Read ADE20K as `Picture`s: recognise which of its two releases a folder contains."""

from __future__ import annotations

from scar.accounting import Tally
from scar.annotations import ade20k_2016, ade20k_2021
from scar.annotations.call_cache import CallCache
from scar.annotations.pictures import PictureIndex
from scar.errors import InputError
from scar.recipe import Source


def open_index(source: Source, tally: Tally, cache: CallCache) -> PictureIndex:
    """Index the pictures of one split of ADE20K.

    Args:
        source: names the folder ``release``: an unpacked ADEChallengeData2016 or ADE20K_2021_17_01.
        tally: counts what cannot be used.
        cache: not used; all readers take it.

    Raises:
        InputError: the folder is neither of these releases, or both; or a file of the release is missing or has another
            shape.
        BadRecord: two images of the release of 2021 have the same number, and ``tally`` does not skip such records.
    """
    release = source.inputs["release"]
    full = (release / "images" / "ADE").is_dir()
    challenge = (release / "objectInfo150.txt").is_file()
    if full == challenge:
        problem = "both releases of ADE20K, whose classes differ" if full else "no release of ADE20K"
        raise InputError(
            f"{release}: holds {problem}; give ADEChallengeData2016 (with objectInfo150.txt) or ADE20K_2021_17_01 "
            "(with images/ADE)."
        )
    return ade20k_2021.open_index(source, tally) if full else ade20k_2016.open_index(source, tally)
