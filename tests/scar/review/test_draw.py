"""The draw is seeded, proportional, complete and evenly shared."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scar import read
from scar.errors import InputError
from scar.review.draw import draw_questions, share_out


@given(
    st.dictionaries(st.tuples(st.integers(0, 3), st.text("ab", max_size=2)), st.integers(1, 500), min_size=1),
    st.integers(1, 900),
)
def test_shares_are_within_one_of_the_exact_ones(sizes: dict[tuple[int, str], int], count: int) -> None:
    shares = share_out(sizes, count)
    total = sum(sizes.values())
    assert sum(shares.values()) == min(count, total)
    for key, size in sizes.items():
        assert 0 <= shares[key] <= size
        assert abs(shares[key] - min(count, total) * size / total) < 1


def test_the_draw_is_one_of_the_corpus_and_depends_on_the_seed_alone(built: Path) -> None:
    known = {sample.id: sample for sample in read(built)}
    drawn = draw_questions(built, 8, 0.25, seed=3)
    assert len({question.sample.id for question in drawn}) == 8
    assert all(known[question.sample.id] == question.sample for question in drawn)
    assert [question.shared for question in drawn] == [True, False, False, False, True, False, False, False]
    assert draw_questions(built, 8, 0.25, seed=3) == drawn
    assert draw_questions(built, 8, 0.25, seed=4) != drawn


def test_all_are_drawn_of_a_small_corpus(built: Path) -> None:
    drawn = draw_questions(built, 10_000, 0, seed=0)
    assert {question.sample.id for question in drawn} == {sample.id for sample in read(built)}
    assert not any(question.shared for question in drawn)


def test_train_rows_without_provenance_have_too_few_captions(built: Path) -> None:
    shutil.rmtree(built / "provenance")
    assert {question.sample.split for question in draw_questions(built, 99, 0.1, seed=0)} == {"eval"}
    shutil.rmtree(built / "SCaR-eval")
    with pytest.raises(InputError, match="provenance/ is missing"):
        draw_questions(built, 5, 0.1, seed=0)
