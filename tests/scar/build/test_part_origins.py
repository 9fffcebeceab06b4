"""Objects and scenes of false captions are counted as a source's own, or as from elsewhere."""

from __future__ import annotations

from scar.accounting import Tally
from scar.build.part_origins import count_parts, iter_part_lines, summarize_parts
from scar.sample import PARTS, Box, Caption, Negative, Part, Region, Sample


def make_sample(gold: Caption, objects: list[str], scenes: list[str]) -> Sample:
    false: dict[Part, list[str]] = {"object": objects, "scene": scenes, "relation": ["under", "behind", "above"]}
    negatives = tuple(Negative(part, gold.swap(part, text)) for part in PARTS for text in false[part])
    region = Region(1, Box(0, 0, 20, 20), "cup", mask=None)
    return Sample(
        id="S/eval/1",
        source="S",
        split="eval",
        image="S/a.png",
        image_id=1,
        region=region,
        gold=gold,
        negatives=negatives,
        reason="annotated",
    )


def count(*samples: Sample, things: tuple[str, ...] = ()) -> Tally:
    tally = Tally()
    for sample in samples:
        count_parts(sample, things, tally)
    return tally


def test_what_a_gold_or_a_picture_of_the_source_has_is_its_own() -> None:
    cup = Caption("a cup", "on", "a table")
    dog = Caption("a dog", "on", "a lawn")
    tally = count(
        make_sample(cup, ["a dog", "a red cup", "a zebra"], ["a lawn", "a beach", "a plate"]),
        make_sample(dog, ["two cups", "a plate", "a zebra"], ["a beach", "a lake", "a table"]),
        things=("plate",),
    )
    parts = summarize_parts(tally)
    assert parts["object"] == {"own": 2, "most": ["a cup", "a dog"], "from_elsewhere": round(2 / 6, 4)}
    assert parts["scene"] == {"own": 2, "most": ["a lawn", "a table"], "from_elsewhere": 0.5}


def test_one_line_a_part_says_what_is_missing_and_what_to_add() -> None:
    parts = summarize_parts(
        count(
            make_sample(Caption("a weed", "in", "a field"), ["a cow", "a dog", "a cat"], ["a park", "a road", "a bog"])
        )
    )
    first, second = iter_part_lines(parts)
    assert first == (
        "negatives: 1 own object (a weed); 100% of false objects come from the shipped table: "
        "annotate more categories, or give --captions that name more things"
    )
    assert "1 own scene (a field); 100% of false scenes" in second and "add images of other places" in second


def test_a_source_with_enough_of_its_own_gets_no_line() -> None:
    assert not list(iter_part_lines({"object": {"own": 30, "most": [], "from_elsewhere": 0.2}}))
    assert not list(iter_part_lines({"scene": {"own": 1, "most": [], "from_elsewhere": 0.0}}))
    assert summarize_parts(Tally()) == {}
