"""Features are those of a loop over words, letters, boxes, mates and golds of other images."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from scar.audit.box_codes import find_cells
from scar.audit.caption_codes import CodedFeatures, list_letters, list_word_pairs
from scar.audit.cooccurrence import Cooccurrence, ImageCounts
from scar.audit.image_mates import list_mates
from scar.audit.questions import Question, QuestionSet
from scar.audit.tokenized_texts import split_words
from tests.scar.audit.leaky_questions import make_questions


def group_captions(features: CodedFeatures) -> list[list[int]]:
    """For each feature, the captions that have it; independent of codes."""
    captions: dict[int, list[int]] = {}
    for caption, row in enumerate(features.row_indices.tolist()):
        captions.setdefault(row, []).append(caption)
    found: dict[int, set[int]] = {}
    for row, column in zip(features.rows.tolist(), features.columns.tolist(), strict=True):
        found.setdefault(column, set()).update(captions[row])
    return sorted(map(sorted, found.values()))


def test_pairs_are_ordered_and_at_any_distance() -> None:
    questions = make_questions(range(3))
    expected: dict[tuple[str, ...], set[int]] = {}
    for number, text in enumerate(questions.captions):
        words = split_words(text)
        for names in [*combinations(words, 1), *combinations(words, 2)]:
            expected.setdefault(names, set()).add(number)
    assert group_captions(list_word_pairs(questions)) == sorted(map(sorted, expected.values()))


def test_letters_are_runs_across_words() -> None:
    questions = QuestionSet([Question(("A cup", "a cap", ""), (), "1")])
    expected: dict[str, set[int]] = {}
    for number, text in enumerate(questions.captions):
        padded = f" {text.lower()} "
        for length in (3, 4, 5):
            for start in range(len(padded) - length + 1):
                expected.setdefault(padded[start : start + length], set()).add(number)
    assert group_captions(list_letters(questions)) == sorted(map(sorted, expected.values()))


def test_boxes_that_differ_fall_into_other_cells() -> None:
    boxes = [(0.1, 0.5, 0.1, 0.1), (0.9, 0.5, 0.1, 0.1), (0.5, 0.5, 1.0, 1.0), (0.5, 0.5, 0.0, 0.0)]
    questions = QuestionSet([Question(("a",), (), "1", box) for box in boxes])
    cells, codes = find_cells(questions)
    assert len(np.unique(cells, axis=0)) == len(boxes)
    assert cells.max() < len(codes) == len(np.unique(codes))


def test_mates_are_the_other_samples_of_the_image() -> None:
    alone = QuestionSet([Question(("a cup", "a dog"), (), str(number)) for number in range(5)])
    assert len(list_mates(alone).rows) == 0
    pair = QuestionSet([Question(("a cup", "a dog"), (), "1"), Question(("a cup", "a cat"), (), "1")])
    features = list_mates(pair)
    rows = {row: frozenset(features.columns[features.rows == row].tolist()) for row in range(4)}
    assert rows[0] == rows[2]  # the cup is with the mate, in full
    assert rows[1] == rows[3] != rows[0]  # of the others only the article is


def test_counts_leave_the_image_itself_out() -> None:
    images = np.array([1, 1, 1, 2, 3], np.uint64)
    codes = np.array([7, 7, 8, 7, 9], np.uint64)
    counts = ImageCounts.from_codes(images, codes)
    asked = [(image, code) for image in (1, 2, 3, 4) for code in (7, 8, 9, 10)]
    expected = [
        len({int(i) for i, c in zip(images, codes, strict=True) if c == code and i != image}) for image, code in asked
    ]
    found = counts.count_others(*(np.array(each, np.uint64) for each in zip(*asked, strict=True)))
    assert found.tolist() == expected
    assert counts.images == 3


def test_an_image_that_alone_has_two_words_together_does_not_teach_itself() -> None:
    golds = QuestionSet([Question(("cup on table", "cup on moon"), (), "own"), Question(("dog on grass",), (), "b")])
    features = Cooccurrence.from_golds(golds).list_lifts(golds)
    rows = [frozenset(features.columns[features.rows == row].tolist()) for row in range(2)]
    assert rows[0] == rows[1]  # neither pair is in the gold caption of another image
