"""The default generator has all parts of the seam, and they fit together."""

from collections import Counter
from random import Random

from scar.generators.generator import make_rules_generator
from scar.sample import Box, Picture, Region


def test_the_rules_write_and_fit() -> None:
    clock, oven = Region(1, Box(280, 10, 360, 100), "clock"), Region(2, Box(20, 200, 120, 300), "oven")
    picture = Picture(1, "a.jpg", 640, 480, (clock, oven), (), (), "kitchen")
    generator = make_rules_generator()
    assert (generator.name, generator.refinable) == ("rules", True)
    gold = generator.write_gold(picture, clock, Random(0))
    assert gold is not None
    assert generator.fit is not None
    for write_negatives in (generator.write_negatives, generator.fit([(gold, picture, clock)], Random(0), True)):
        negatives = write_negatives(gold, picture, clock, Random(0), Counter())
        assert negatives is not None
        assert len(negatives) == 9
