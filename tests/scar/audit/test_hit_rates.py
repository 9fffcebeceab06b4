"""Intervals are those of a bootstrap over images, and as wide as samples of an image are alike."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from scar.audit.hit_rates import resample_share
from scar.common.statistics import wilson_interval


def test_an_interval_is_that_of_a_loop_over_resampled_images() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 6, 80).astype(float)
    hits = np.floor(counts * rng.random(80))
    chance = Random(1)
    shares = []
    for _ in range(4000):
        drawn = [chance.randrange(80) for _ in range(80)]
        shares.append(sum(hits[image] for image in drawn) / sum(counts[image] for image in drawn))
    shares.sort()
    expected = shares[100], shares[3899]
    np.testing.assert_allclose(resample_share(hits, counts), expected, atol=0.01)


def test_samples_of_one_image_that_are_alike_widen_the_interval() -> None:
    hits = np.random.default_rng(0).integers(0, 2, 400).astype(float)
    ones = np.ones(400)
    alone, alike = resample_share(hits, ones), resample_share(5 * hits, 5 * ones)
    np.testing.assert_allclose(alone, wilson_interval(hits.mean(), 400), atol=0.01)
    np.testing.assert_allclose(alone, alike, atol=1e-9)
    assert alike[1] - alike[0] > 2 * np.diff(wilson_interval(hits.mean(), 2000))[0]


def test_many_images_are_resampled_in_groups() -> None:
    hits = np.random.default_rng(0).integers(0, 2, 20_000).astype(float)
    low, high = resample_share(hits, np.ones(20_000))
    expected = wilson_interval(hits.mean(), 20_000)
    assert (low, high) == pytest.approx(expected, abs=0.002)


def test_one_image_and_none_say_nothing() -> None:
    assert resample_share(np.zeros(1), np.ones(1)) == (0, 1)
    assert resample_share(np.zeros(0), np.zeros(0)) == (0, 1)
