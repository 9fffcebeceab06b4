"""Negatives that may be true are those that a loop over samples finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import pytest

from scar import Box, Caption, Negative, Region, Sample
from scar.audit import arrays, row_blocks
from scar.audit.false_negatives import MAX_EXAMPLES, FalseNegativeCounts
from scar.audit.findings import SUSPECT_REASONS
from scar.audit.lineage import find_replaced_words, is_same_lineage
from scar.audit.row_blocks import iter_row_blocks
from scar.audit.swap_checks import SwapChecks
from scar.language import english
from scar.language.lexicon import is_interchangeable, resolve_category, resolve_noun_phrase, resolve_scene
from scar.sample import PARTS
from tests.scar.audit.toy_corpus import ReadBlock, draw_samples, write_file

BOX = Box(0, 0, 50, 50)


def make_sample(gold: Caption, *negatives: Negative, box: Box = BOX, category: str = "cup") -> Sample:
    """A sample of image 1."""
    return Sample("s", "Toy", "eval", "images/toy/1.png", 1, Region(hash(gold) % 999, box, category), gold, negatives)


@pytest.mark.parametrize(
    ("reason", "negative", "other"),
    [
        ("wordnet", Negative("object", Caption("a teacup", "on", "a table")), None),
        ("wordnet", Negative("scene", Caption("a cup", "on", "a piece of furniture")), None),
        ("in_box", Negative("object", Caption("a dog", "on", "a table")), ("a dog", "dog", Box(0, 0, 20, 20))),
        ("scene_of_image", Negative("scene", Caption("a cup", "on", "a beach")), ("a hat", "hat", Box(80, 80, 90, 90))),
        ("gold_of_region", Negative("object", Caption("a hat", "on", "a beach")), ("a hat", "hat", Box(0, 0, 49, 50))),
        (None, Negative("object", Caption("a dog", "on", "a table")), ("a dog", "dog", Box(80, 80, 90, 90))),
        (None, Negative("relation", Caption("a cup", "under", "a table")), None),
        (None, Negative("scene", Caption("a cup", "on", "a shelf")), ("a hat", "hat", Box(80, 80, 90, 90))),
    ],
)
def test_negatives_that_may_be_true_are_found(
    read_block: ReadBlock, reason: str | None, negative: Negative, other: tuple[str, str, Box] | None
) -> None:
    samples = [make_sample(Caption("a cup", "on", "a table"), negative)]
    if other:
        noun, category, box = other
        scene = "a shelf" if "shelf" in negative.caption.scene else "a beach"
        samples.append(make_sample(Caption(noun, "on", scene), box=box, category=category))
    counts = FalseNegativeCounts()
    counts.add_rows(SwapChecks(read_block(samples)))
    figures = counts.to_figures()
    suspects = {reason for reason in SUSPECT_REASONS if figures[reason]}
    assert suspects >= ({reason} if reason else set())
    assert bool(suspects) is bool(reason)
    for name in suspects:
        assert {part for part in PARTS if figures["kinds"][part][name]} == {negative.part}
    if other and negative.part == "object":
        assert figures["elsewhere"] == 1


def test_replaced_words_come_from_the_texts_where_the_elements_are_unknown(read_block: ReadBlock) -> None:
    samples = [
        make_sample(Caption("a dog on a mat", "", ""), Negative("object", Caption("an animal on a mat", "", "")))
    ]
    counts = FalseNegativeCounts()
    counts.add_rows(SwapChecks(read_block(samples)))
    assert counts.to_figures()["wordnet"] == 1


def is_place(phrase: str) -> bool:
    """Whether a phrase means a place, indoors or outdoors."""
    return resolve_scene(english.strip_article(phrase)).side in ("indoor", "outdoor")


def find_scene_name(phrase: str) -> str:
    """Name of the scene that a phrase names."""
    return resolve_scene(english.strip_article(phrase)).name


def is_seen_within(other: Region, region: Region) -> bool:
    """Whether another region and a region share at least a tenth of the smaller box."""
    shared = other.box.intersection_area(region.box)
    return other.id != region.id and shared > 0.1 * min(other.box.area, region.box.area)


def find_by_loop(samples: Sequence[Sample]) -> Iterator[tuple[str, Sample, Negative]]:
    """Reasons by which negatives may be true, found sample by sample."""
    for _, group in groupby(samples, key=lambda each: each.image):
        own = list(group)
        for sample in own:
            known = bool(sample.gold.relation or sample.gold.scene)
            others = [other for other in own if other is not sample]
            for negative in sample.negatives:
                before, after = find_replaced_words(sample.gold.text, negative.caption.text)
                if known:
                    before, after = (getattr(each, negative.part) for each in (sample.gold, negative.caption))
                if (negative.part != "relation" or not known) and is_same_lineage(before, after):
                    yield "wordnet", sample, negative
                noun = english.strip_article(negative.caption.object)
                seen = (other.region.category for other in others if is_seen_within(other.region, sample.region))
                if negative.part == "object" and any(is_interchangeable(category, noun) for category in seen):
                    yield "in_box", sample, negative
                scenes = {find_scene_name(other.gold.scene) for other in others if is_place(other.gold.scene)}
                if negative.part == "scene" and known and find_scene_name(negative.caption.scene) in scenes:
                    yield "scene_of_image", sample, negative
                near = [other for other in others if other.region.box.iou(sample.region.box) >= 0.5]
                if negative.caption.text in [other.gold.text for other in near]:
                    yield "gold_of_region", sample, negative
                things = {resolve_category(other.region.category).name for other in others}
                thing = resolve_noun_phrase(negative.caption.object).name
                if negative.part == "object" and known and thing in things:
                    yield "elsewhere", sample, negative


@pytest.mark.parametrize("rows_per_block", [1, 7, 10_000])
@pytest.mark.parametrize("known", [1.0, 0.5, 0.0])
def test_counts_are_those_of_a_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: float, rows_per_block: int
) -> None:
    monkeypatch.setattr(row_blocks, "ROWS_PER_BLOCK", rows_per_block)
    monkeypatch.setattr(arrays, "PAIRS_PER_BLOCK", 20)
    samples = list(draw_samples(1, "eval", known, images=60))
    counts = FalseNegativeCounts()
    for block in iter_row_blocks(write_file(tmp_path, samples, "eval")):
        counts.add_rows(SwapChecks(block))
    figures, found = counts.to_figures(), list(find_by_loop(samples))
    expected = Counter((reason, negative.part) for reason, _, negative in found)
    for reason in SUSPECT_REASONS:
        assert {part: figures["kinds"][part][reason] for part in PARTS} == {p: expected[reason, p] for p in PARTS}
        examples = [f"{s.id}: {s.gold.text!r}, {n.caption.text!r}" for each, s, n in found if each == reason]
        assert figures["examples"].get(reason, []) == examples[:MAX_EXAMPLES]
    assert all(figures[reason] for reason in (SUSPECT_REASONS if known else ("wordnet", "gold_of_region")))
    objects = sum(bool(each.gold.scene) for each in samples) * 3
    assert figures["elsewhere"] == (round(expected["elsewhere", "object"] / objects, 4) if objects else 0)
    assert figures["negatives"] == 9 * len(samples)
