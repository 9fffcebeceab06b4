"""What a score on a user's own region task does not tell: images that models know, captions of two boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmeb_eval.data.cases import Case
from mmeb_eval.data.files import TaskFiles

LEAKED = "leaked"
"""Setting of a result: queries whose images models may have been trained on, and hit@1 on all other queries."""


def count_doubtful_queries(files: TaskFiles, cases: Sequence[Case]) -> dict[str, int]:
    """Numbers of rows that are left out, and of queries whose caption is also that of another box of the image.

    The latter are right for either box, so that they do not test the box. Empty for other tasks.
    """
    if files.regions is None:
        return {}
    keys = [(case.query.image, case.candidates[case.gold].text) for case in cases]
    boxes = Counter(keys)
    return {"left_out": files.left_out, "shared_captions": sum(boxes[key] > 1 for key in keys)}


def describe_leaks(files: TaskFiles, cases: Sequence[Case], ranks: NDArray[np.intp]) -> dict[str, Any]:
    """The setting `LEAKED`: number of queries on images that models may have been trained on; hit@1 of the others.

    Empty if no image of the task counts as leaked.
    """
    if files.regions is None or not files.regions.leaked:
        return {}
    begins = f"{files.image_root / files.regions.leaked}"
    leaked = np.array([str(case.query.image).startswith(begins) for case in cases])
    if not leaked.any():
        return {}
    elsewhere = None if leaked.all() else round(float(np.mean(ranks[~leaked] == 1)), 6)
    return {LEAKED: {"images": files.regions.leaked, "queries": int(leaked.sum()), "hit@1_elsewhere": elsewhere}}
