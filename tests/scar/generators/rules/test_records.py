"""Records of candidates, and statistics of true captions."""

import pytest

from scar.generators.rules.records import Candidate, CandidateSet, CaptionStats
from scar.sample import Caption

GOLDS = [
    Caption("a red car", "on", "a street"),
    Caption("a car", "on", "a street"),
    Caption("an oven", "in", "a kitchen"),
    Caption("a person", "in", "a kitchen"),
]


def test_a_set_has_the_candidates_of_its_subsets() -> None:
    first, second, third = (Candidate(value, (), 1.0) for value in ("a cat", "a dog", "a bus"))
    nested = CandidateSet((first,), (CandidateSet((second,)), CandidateSet(subsets=(CandidateSet((third,)),))))
    assert nested.all_candidates == (first, second, third)


def test_statistics_count_scenes_by_noun_without_colour() -> None:
    stats = CaptionStats.from_captions(GOLDS)
    assert stats.nouns == ("car", "oven", "person", "red car")
    assert stats.scene_frequency == {"a kitchen": 0.5, "a street": 0.5}
    assert stats.scenes_by_noun["car"] == {"a street": 2}


def test_the_lift_of_a_scene_is_smoothed() -> None:
    stats = CaptionStats.from_captions(GOLDS)
    assert stats.compute_lift("car", "a street") == pytest.approx((2 / 0.5 + 5) / (2 + 5))
    assert stats.compute_lift("car", "a kitchen") == pytest.approx(5 / 7)
    assert stats.compute_lift("car", "a zoo") == stats.compute_lift("zebra", "a street") == 1
