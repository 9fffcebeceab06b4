"""Segmenters are measured one after another; one that cannot be made here says so."""

from __future__ import annotations

from tests.virtue_ref.model.segmenters.tiny_sams import SAM3, SAM_HQ
from virtue_ref.bench_segmenters import PUBLISHED_BY_CONFIG, measure_segmenters
from virtue_ref.config import Config
from virtue_ref.model.segmenters.segmenter import SEGMENTERS


def test_sizes_and_times_of_tiny_segmenters() -> None:
    timings = list(measure_segmenters(1, models={"sam3": SAM3, "sam_hq": SAM_HQ}))
    assert [(each.package, each.side, each.tokens) for each in timings] == [("sam3", 112, 4), ("sam_hq", 128, 4)]
    assert all(each.encode_ms > 0 and each.prompt_ms > 0 and each.parameters > 10_000 for each in timings)


def test_a_segmenter_that_cannot_be_made_says_why() -> None:
    (timing,) = measure_segmenters(1, models={"sam3": {"model_type": "sam_hq"}})
    assert "Sam3TrackerModel takes one of 'sam3_tracker'" in timing.problem
    assert timing.encode_ms == 0


def test_sizes_of_published_checkpoints_stand_in_configs_of_the_package() -> None:
    for package, name in PUBLISHED_BY_CONFIG.items():
        segmenter = Config.read(name).segmenter
        assert package in SEGMENTERS
        assert segmenter is not None
        assert segmenter.model
