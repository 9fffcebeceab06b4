"""Read annotation files as `Picture`s, one picture at a time. Each format has its own module.

`open_index` goes through the files of a source once and returns its `PictureIndex`. The index knows where the records
of each picture are in the files: a few numbers per record, even for files of gigabytes. A `PictureRef` reads its
picture in any process.
"""

from __future__ import annotations

from scar.annotations.opening import open_index
from scar.annotations.pictures import PictureIndex, PictureKey, PictureRef

__all__ = ["PictureIndex", "PictureKey", "PictureRef", "open_index"]
