"""Hard negatives are counted as a loop over the samples counts them."""

from __future__ import annotations

import numpy as np
import pytest

from scar import Box, Caption, Negative, Region, Sample
from scar.audit.hardness import HardnessCounts, count_gold_pairs
from scar.audit.swap_checks import SwapChecks
from tests.scar.audit.toy_corpus import ReadBlock


def make_sample(number: int, image: int, gold: Caption, objects: list[str], scenes: list[str]) -> Sample:
    """A sample of an image whose negatives swap objects and scenes; its category is the object's noun."""
    negatives = [Negative("scene", gold.swap("scene", scene)) for scene in scenes]
    negatives += [Negative("relation", gold.swap("relation", f"at no {n}")) for n in range(3)]
    negatives += [Negative("object", gold.swap("object", each)) for each in objects]
    region = Region(number, Box(10, 10, 50, 60), gold.object.split()[-1])
    path = f"images/toy/{image}.png"
    return Sample(f"Toy/eval/{number}", "Toy", "eval", path, image, region, gold, tuple(negatives))


def test_objects_of_the_kind_or_of_the_image_and_scenes_of_other_images_count(read_block: ReadBlock) -> None:
    samples = [
        make_sample(
            1,
            1,
            Caption("a red oven", "on", "a street"),
            ["two refrigerators", "a boat", "a dog"],  # of the kind; in the image; neither
            ["a beach", "a kitchen", "a field"],  # of its own image only; usual; of another image
        ),
        make_sample(2, 1, Caption("a boat", "on", "a beach"), ["an oven", "a lamp", "a clock"], ["a kitchen"] * 3),
        make_sample(3, 1, Caption("an oven", "on", "a beach"), ["a boat"] * 3, ["a ski slope"] * 3),
        make_sample(4, 2, Caption("some ovens", "in", "fields"), ["a boat"] * 3, ["a beach"] * 3),
    ]
    counts = HardnessCounts()
    block = read_block(samples)
    counts.add_rows(block, SwapChecks(block))
    figures = counts.to_figures(count_gold_pairs([counts]))
    # Of the kind: two refrigerators. In the image: a boat; an oven; the boats of sample 3. Sample 4 has no mate.
    assert figures["objects"]["same_kind"] == pytest.approx(1 / 12, abs=1e-4)
    assert figures["objects"]["elsewhere"] == pytest.approx(5 / 12, abs=1e-4)
    assert figures["objects"]["share"] == pytest.approx(6 / 12, abs=1e-4)
    # Ovens are usual in kitchens; one is in a field in image 2, and on a beach in image 1, for the three of sample 4.
    assert figures["scenes"]["share"] == pytest.approx(5 / 12, abs=1e-4)


def test_nothing_is_said_where_elements_are_unknown() -> None:
    empty = HardnessCounts()
    assert empty.to_figures(count_gold_pairs([empty])) == {"objects": None, "scenes": None}
    assert np.isfinite(count_gold_pairs([]).images)
