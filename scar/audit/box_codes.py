"""Features of captions and boxes: each word of a caption with each cell that the box falls into."""

from __future__ import annotations

import numpy as np

from scar.audit.caption_codes import CodedFeatures, Codes, hash_text, keep_features, list_pairs, list_words, mix_codes
from scar.audit.logistic import Ints
from scar.audit.questions import QuestionSet

_CENTERS = (0.2, 0.35, 0.5, 0.65, 0.8)
"""Edges between the cells of a center, as shares of the image's side: close to what "left" or "middle" may mean."""

_SIDES = (0.1, 0.2, 0.35, 0.55, 0.8)
"""Edges between the cells of a width and of a height, as shares of the image's side."""

_ASPECTS = (0.4, 0.7, 1.0, 1.5, 2.5)
"""Edges between the cells of width by height."""

_THIRDS = (1 / 3, 2 / 3)

_CELLS_PER_KIND = 16
"""Most cells of one kind: those of four sides, touched or not."""

_MARGIN = 0.02
"""A box touches a side of the image if it is nearer than this."""


@keep_features
def list_box_words(questions: QuestionSet) -> CodedFeatures:
    """List features of captions: their words, pairs of words, and pairs of a word and a cell of the sample's box."""
    words = list_words(questions).expand_rows()
    cells, cell_codes = find_cells(questions)
    kinds = cells.shape[1]
    width = max(len(cell_codes), 1)
    columns = words.columns[:, None] * width + cells[questions.caption_questions[words.rows]]  # (words, kinds)
    codes = mix_codes(np.repeat(words.codes, width), np.tile(cell_codes, len(words.codes)))
    crossed = CodedFeatures(np.repeat(words.rows, kinds), columns.ravel(), codes, words.row_indices, words.row_count)
    return CodedFeatures.concatenate(words, list_pairs(questions).expand_rows(), crossed)


def find_cells(questions: QuestionSet) -> tuple[Ints, Codes]:
    """Cells of each sample's box: by center, sides, shape, third of the image, and the image's sides that it touches.

    Returns:
        (questions, kinds) index of each cell, and (cells,) the code of each.
    """
    boxes = np.array([question.box for question in questions.questions], np.float64).reshape(-1, 4)
    x, y, width, height = boxes.T
    aspect = np.divide(width, height, out=np.ones_like(width), where=height > 0)
    gaps = [x - width / 2, y - height / 2, 1 - x - width / 2, 1 - y - height / 2]
    kinds = {
        "x": np.digitize(x, _CENTERS),
        "y": np.digitize(y, _CENTERS),
        "width": np.digitize(width, _SIDES),
        "height": np.digitize(height, _SIDES),
        "aspect": np.digitize(aspect, _ASPECTS),
        "grid": np.digitize(x, _THIRDS) * 3 + np.digitize(y, _THIRDS),
        "touched": (np.stack(gaps) < _MARGIN).T @ (1, 2, 4, 8),
    }
    cells = np.stack(list(kinds.values()), axis=1) + np.arange(len(kinds)) * _CELLS_PER_KIND
    names = [hash_text(f"{name} {cell}") for name in kinds for cell in range(_CELLS_PER_KIND)]
    return cells, np.array(names, np.uint64)
