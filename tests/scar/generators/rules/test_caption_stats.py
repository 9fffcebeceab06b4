"""Statistics of true captions."""

from __future__ import annotations

import pytest

from scar.generators.rules.caption_stats import CaptionStats
from tests.scar.generators.tasks import make_gold, make_phrase

STREET, KITCHEN = make_phrase("a street"), make_phrase("a kitchen")
GOLDS = [
    make_gold("a red car", "on", "a street").phrases,
    make_gold("a car", "on", "a street").phrases,
    make_gold("an oven", "in", "a kitchen").phrases,
    make_gold("a person", "in", "a kitchen").phrases,
]


def test_statistics_count_scenes_by_noun_without_attributes() -> None:
    stats = CaptionStats.from_captions(GOLDS, ["oven"])
    assert [phrase.text for phrase in stats.objects] == ["a car", "a person", "a red car", "an oven"]
    assert stats.scene_frequency == {KITCHEN: 0.5, STREET: 0.5}
    assert stats.scenes_by_noun["car"] == {STREET: 2}
    assert stats.scenes_by_preposition == {"in": {KITCHEN: 2}, "on": {STREET: 2}}
    assert stats.predicates_by_noun == {"kitchen": {"in": 2}, "street": {"on": 2}}


def test_the_lift_of_a_scene_is_smoothed() -> None:
    stats = CaptionStats.from_captions(GOLDS, ())
    scenes = [STREET, KITCHEN, make_phrase("a zoo")]
    lifts = stats.compute_lifts(["car", "zebra"], scenes)
    assert lifts[0] == pytest.approx([(2 / 0.5 + 5) / (2 + 5), 5 / 7, 1])
    assert lifts[1].tolist() == [1, 1, 1]


def test_the_order_of_captions_changes_no_statistics() -> None:
    forward, backward = (CaptionStats.from_captions(golds, ()) for golds in (GOLDS, GOLDS[::-1]))
    assert list(forward.objects.items()) == list(backward.objects.items())
    assert list(forward.scene_frequency.items()) == list(backward.scene_frequency.items())
