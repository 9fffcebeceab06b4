"""What a score on regions does not tell: images that models know, captions of two boxes, boxes beyond the image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmeb_eval.data.cases import Case
from mmeb_eval.data.files import TaskFiles

BEYOND = "boxes_beyond_image"
"""Count of a result: queries whose box reaches beyond its image; a user's own rows are scored with what is inside."""

LEAKED = "leaked"
"""Setting of a result: queries whose images models may have been trained on, and hit@1 on all other queries."""


def count_doubtful_queries(files: TaskFiles, cases: Sequence[Case]) -> dict[str, int]:
    """Numbers of queries whose box or caption is doubtful, and of rows that are left out.

    `BEYOND` stands there if there are any. ``left_out`` and ``shared_captions`` stand there for a user's own regions;
    the latter are queries whose caption is also that of another box of the image, so that they do not test the box.
    """
    beyond = sum(case.is_box_beyond for case in cases)
    counted = {BEYOND: beyond} if beyond else {}
    if files.regions is None:
        return counted
    keys = [(case.query.image, case.candidates[case.gold].text) for case in cases]
    boxes = Counter(keys)
    return counted | {"left_out": files.left_out, "shared_captions": sum(boxes[key] > 1 for key in keys)}


def describe_leaks(files: TaskFiles, cases: Sequence[Case], ranks: NDArray[np.intp]) -> dict[str, Any]:
    """The setting `LEAKED`: number of queries on images that models may have been trained on; hit@1 of the others.

    Empty if no image of the task counts as leaked.
    """
    if files.regions is None or not files.regions.leaked:
        return {}
    paths = [Path(str(case.query.image)).relative_to(files.image_root).as_posix() for case in cases]
    leaked = np.array([path.startswith(files.regions.leaked) for path in paths])
    if not leaked.any():
        return {}
    elsewhere = None if leaked.all() else round(float(np.mean(ranks[~leaked] == 1)), 6)
    return {LEAKED: {"images": files.regions.leaked, "queries": int(leaked.sum()), "hit@1_elsewhere": elsewhere}}
