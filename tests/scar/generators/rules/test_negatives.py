"""Nine negatives of any picture: three of each part, distinct, English, and false by the annotations."""

import os
import re
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scar.accounting import Tally
from scar.annotations import open_index
from scar.errors import InputError
from scar.generators.generator import Gold, Rejected
from scar.generators.rules.caption_stats import CaptionStats
from scar.generators.rules.negatives import UNFITTED, write_negatives
from scar.language.lexicon import read_colours, read_scenes, read_things
from scar.language.wordnet import is_related
from scar.recipe import Source
from scar.sample import PARTS, Box, Caption, Negative, Picture, Reason, Region
from tests.scar.generators.tasks import make_gold, make_task, write_gold
from tests.shared import SHARED

MINI = SHARED / "data" / "coco-mini" / "annotations"


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """Up to seven things anywhere, somewhere."""
    drawn = st.builds("{} {}".format, st.sampled_from(read_colours()), st.sampled_from(["star", "ring", "heart"]))
    category = st.sampled_from(sorted(read_things())) | drawn
    regions = []
    for number in range(draw(st.integers(1, 7))):
        x, y = draw(st.integers(0, 600)), draw(st.integers(0, 440))
        box = Box(x, y, x + draw(st.integers(16, 640 - x)), y + draw(st.integers(16, 480 - y)))
        regions.append(Region(number, box, draw(category), crowd=draw(st.integers(0, 9)) == 0))
    name = draw(st.sampled_from(sorted(read_scenes())))
    caption = draw(
        st.sampled_from([f"A picture of {read_scenes()[name].phrase}.", f"Something on {read_scenes()[name].phrase}."])
    )
    scene = draw(st.sampled_from([name, None]))
    return Picture(1, "a.jpg", 640, 480, tuple(regions), (caption, caption), (), scene)


def sample(
    picture: Picture,
    seed: int = 0,
    region: Region | None = None,
    veto_counts: Counter[str] | None = None,
    stats: CaptionStats = UNFITTED,
    reason: Reason | None = None,
) -> tuple[Caption, tuple[Negative, ...] | None] | None:
    """The ten captions of a region, the first one's if none is given; None without a gold caption."""
    task = make_task(picture, region, f"{seed}/1")
    gold = write_gold(task, reason)
    if gold is None:
        return None
    (negatives,) = write_negatives([(task, gold)], Counter() if veto_counts is None else veto_counts, stats)
    return gold.caption, None if isinstance(negatives, Rejected) else negatives


def check(gold: Caption, negatives: tuple[Negative, ...], picture: Picture, region: Region) -> None:
    """Everything that must hold of ten captions, without the code of the vetoes."""
    assert [negative.part for negative in negatives] == [part for part in PARTS for _ in range(3)]
    captions = [gold, *(negative.caption for negative in negatives)]
    assert len({caption.text.lower() for caption in captions}) == 10
    for negative in negatives:
        elements = [(getattr(gold, part), getattr(negative.caption, part)) for part in ("object", "relation", "scene")]
        assert sum(true != false for true, false in elements) == 1
        assert getattr(gold, negative.part) != getattr(negative.caption, negative.part)
    for caption in captions:
        assert caption.object and caption.relation and caption.scene
        assert re.search(r"\s\s|^\s|\s$|\ba [aeio]|\ban [^aeiou]|\b(a|an|the) (a|an|the)\b", caption.text) is None, (
            caption.text
        )
    for negative in negatives[6:]:
        false, true = (re.sub(r"^(a pair of|an?) ", "", caption.object) for caption in (negative.caption, gold))
        first, second = false.split()[0], true.split()[0]
        if not {first, second} <= set(read_colours()) or first == second:
            assert not is_related(false, true), (false, true)
        twins = [other for other in picture.regions if other.category == false and other.id != region.id]
        assert not any(other.box.intersection_area(region.box) > 0.5 * region.box.area for other in twins)


@settings(max_examples=150, deadline=None)
@given(pictures(), st.integers(0, 5))
def test_ten_captions_of_any_picture(picture: Picture, seed: int) -> None:
    made = sample(picture, seed)
    assert made == sample(picture, seed)
    if made and made[1]:
        check(made[0], made[1], picture, picture.regions[0])


@settings(max_examples=60, deadline=None)
@given(pictures())
def test_a_refused_sample_says_why(picture: Picture) -> None:
    veto_counts = Counter[str]()
    made = sample(picture, veto_counts=veto_counts)
    if made and made[1] is None:
        assert veto_counts


def kitchen() -> Picture:
    regions = (
        Region(1, Box(20, 200, 120, 300), "oven"),
        Region(2, Box(500, 200, 600, 300), "person"),
        Region(3, Box(280, 10, 360, 100), "clock"),
        Region(4, Box(20, 190, 60, 210), "bowl"),
    )
    return Picture(1, "a.jpg", 640, 480, regions, ("A person and an oven in a kitchen.",), (), "kitchen")


def sample_kitchen(seed: int) -> tuple[Negative, ...]:
    made = sample(kitchen(), seed, reason="position")
    assert made is not None
    assert made[0].text == "an oven on the left of a picture of a kitchen"
    assert made[1] is not None
    return made[1]


def test_objects_from_elsewhere_in_the_picture_come_first() -> None:
    elsewhere = Counter(negative.caption.object for seed in range(30) for negative in sample_kitchen(seed)[6:])
    assert elsewhere["a clock"] > 20
    assert elsewhere["a bowl"] == 0, "the bowl is in the box"
    assert elsewhere["a person"] > 20


def test_number_and_article_survive_a_swap() -> None:
    scissors, oven = Region(1, Box(20, 200, 120, 300), "scissors"), Region(2, Box(500, 200, 600, 300), "oven")
    clock = Region(3, Box(280, 10, 360, 100), "clock")
    made = sample(Picture(1, "a.jpg", 640, 480, (clock, oven, scissors), (), (), "kitchen"), reason="position")
    assert made is not None
    assert made[0].text == "a clock at the top of a picture of a kitchen"
    assert made[1] is not None
    assert {"a pair of scissors", "an oven"} <= {negative.caption.object for negative in made[1]}


def test_a_verb_is_replaced_by_what_persons_do() -> None:
    man, horse = Region(1, Box(20, 100, 120, 300), "person"), Region(2, Box(20, 200, 140, 400), "horse")
    picture = Picture(1, "a.jpg", 640, 480, (man, horse), ("A man riding a horse on a beach.",))
    gold = make_gold("a man", "riding", "a beach", "a horse", "on", "human")
    relations = set()
    for seed in range(20):
        (negatives,) = write_negatives([(make_task(picture, key=f"{seed}/1"), gold)], Counter())
        assert not isinstance(negatives, Rejected)
        relations |= {negative.caption.relation for negative in negatives[3:6]}
    assert {"washing a horse on", "feeding a horse on"} <= relations
    assert not any("sitting on" in relation or relation.startswith(("on ", "above ")) for relation in relations)


def test_false_scenes_come_as_often_as_the_table_says() -> None:
    drawn = Counter(negative.caption.scene for seed in range(400) for negative in sample_kitchen(seed)[:3])
    assert drawn["a bathroom"] > drawn["a museum"] * 2
    assert len(drawn) >= 15


def test_what_cannot_get_nine_is_refused() -> None:
    picture = Picture(1, "a.jpg", 640, 480, (Region(1, Box(20, 200, 120, 300), "dog"),), (), (), "xyzzy")
    gold, veto_counts = make_gold("a dog", "riding", "a dog"), Counter[str]()
    assert write_negatives([(make_task(picture), gold)], veto_counts) == [Rejected("few_negatives")]
    assert veto_counts


def test_the_gold_of_another_generator_is_refused() -> None:
    gold = Gold(Caption("an oven", "which hums in", "a kitchen"), "human")
    with pytest.raises(InputError, match="'an oven which hums in a kitchen' is no gold caption of the rules"):
        write_negatives([(make_task(kitchen()), gold)], Counter())


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 20), max_size=8))
def test_nine_depend_on_no_other_of_the_batch(seeds: list[int]) -> None:
    tasks = [make_task(kitchen(), region, seed) for seed in seeds for region in kitchen().regions]
    golds = [(task, gold) for task in tasks for gold in [write_gold(task)] if gold]
    alone = [result for gold in golds for result in write_negatives([gold], Counter())]
    assert write_negatives(golds, Counter()) == alone


def test_the_order_in_which_python_hashes_words_changes_nothing() -> None:
    code = """
import runpy, sys
module = runpy.run_path(sys.argv[1])
print([[n.caption.text for n in module["sample"](module["kitchen"](), seed)[1]] for seed in range(25)])
"""
    outputs = set()
    for salt in ("1", "2"):
        run = [sys.executable, "-c", code, __file__]
        env = {**os.environ, "PYTHONHASHSEED": salt}
        outputs.add(subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout)  # noqa: S603
    assert len(outputs) == 1
    assert "kitchen" in outputs.pop()


@pytest.mark.skipif(not MINI.exists(), reason="the real COCO images are not here")
@pytest.mark.parametrize("split", ["train", "val"])
def test_real_annotations(split: str) -> None:
    source = Source(
        name="Mini",
        split="eval",
        images=MINI.parent / "images",
        instances=MINI / f"instances_{split}2017.json",
    )
    tally = Tally(skip_bad=True)
    pictures = [ref.read_picture(tally) for ref in open_index(source, tally)]
    stats = CaptionStats(annotated=frozenset(region.category for picture in pictures for region in picture.regions))
    made = Counter[bool]()
    for picture in pictures:
        for region in [region for region in picture.regions if not region.crowd and region.box.area > 3000][:5]:
            found = sample(picture, region.id, region, stats=stats)
            if found:
                made[found[1] is not None] += 1
            if found and found[1]:
                check(found[0], found[1], picture, region)
    assert made[True] > 0.9 * made.total()
