"""Words score by how often golds have them in other images."""

from __future__ import annotations

from scar.generators.rules.word_score import FOLDS, count_words, find_fold, score_caption, score_parts
from tests.scar.generators.tasks import make_gold

TABLE, DESK = (make_gold("a cup", "on", scene).phrases for scene in ("a table", "a desk"))


def test_a_frequent_gold_scores_above_what_is_never_gold() -> None:
    counts = count_words((f"{number}.jpg", TABLE, {"scene": [DESK]}) for number in range(40))
    assert score_caption(counts, "scene", TABLE, 0) > score_caption(counts, "scene", DESK, 0)
    assert score_parts(TABLE, {"scene": [DESK]}, "0.jpg", counts) == {"scene": [False]}
    assert score_parts(DESK, {"scene": [TABLE]}, "0.jpg", counts) == {"scene": [True]}


def test_an_image_says_nothing_of_itself() -> None:
    counts = count_words([("a.jpg", TABLE, {"scene": [DESK]})])
    assert {score_caption(counts, "scene", gold, find_fold("a.jpg")) for gold in (TABLE, DESK)} == {0}


def test_words_that_nobody_knows_score_nothing() -> None:
    assert score_caption({}, "object", TABLE, 0) == 0


def test_the_folds_are_of_like_size() -> None:
    sizes = [sum(find_fold(f"{number}.jpg") == fold for number in range(2000)) for fold in range(FOLDS)]
    assert min(sizes) > 400
