"""What the audit counts by column is what a loop over samples finds, however the rows are cut."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from scar import Box, Caption, Negative, Region, Sample
from scar.audit import arrays, audit, tokenized_texts
from scar.audit import row_blocks as rows
from scar.audit.baselines import fit_choice_frequency, score_questions
from scar.audit.consensus import score_consensus
from scar.audit.distinct_texts import DistinctTexts
from scar.audit.false_negatives import MAX_EXAMPLES, FalseNegativeCounts
from scar.audit.findings import SUSPECT_REASONS
from scar.audit.lineage import find_replaced_words, is_same_lineage
from scar.audit.position_counts import PositionCounts
from scar.audit.questions import FOLDS, Question, QuestionSet, find_fold
from scar.audit.tokenized_texts import TokenizedTexts, split_words
from scar.audit.word_counts import normalize_caption
from scar.cli import app
from scar.errors import InputError
from scar.formats.reader import RowFile, find_row_files
from scar.formats.schema import Origin
from scar.formats.writer import write_samples
from scar.generators.rules.vetoes import VetoContext, present_in_box
from scar.language import english
from scar.language.lexicon import resolve_category, resolve_scene
from scar.sample import PARTS, SPLITS, Part, Picture, Split

POOLS: dict[Part, tuple[str, ...]] = {
    "object": ("a cup", "A mug", "two dogs", "the dog", "a man", "a person", "a red car", "a truck"),
    "relation": ("on", "to the left of", "next to a cup in", "holding"),
    "scene": ("a kitchen", "the kitchen", "a street", "a beach", "a table"),
}


def samples(seed: int, split: Split, known: float, images: int = 25) -> Iterator[Sample]:
    """Samples that share images, boxes, captions and categories; of some captions the text alone is known."""
    rng = Random(seed)
    number = 0
    for image in range(images):
        for _ in range(rng.randrange(1, 7)):
            number += 1
            gold = Caption(*(rng.choice(POOLS[part]) for part in reversed(PARTS)))
            swaps = [Negative(part, gold.swap(part, rng.choice(POOLS[part]))) for part in PARTS for _ in range(3)]
            if rng.random() >= known:
                gold = Caption(gold.text, "", "")
                swaps = [Negative(each.part, Caption(each.caption.text, "", "")) for each in swaps]
            x, y, width, height = (rng.choice((0, 10) if side < 2 else (0, 40, 40, 50)) for side in range(4))
            box = Box(x, y, x + width, y + height)
            region = Region(number if rng.random() < 0.9 else 1, box, rng.choice(("cup", "dog", "person", "car")))
            path = f"images/toy/{image}.png"
            yield Sample(f"Toy/{split}/{region.id}", "Toy", split, path, image, region, gold, tuple(swaps))


def written(folder: Path, made: Sequence[Sample], split: Split) -> RowFile:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / {"eval": "SCaR_eval_Toy.parquet", "train": "SCAR_Toy.parquet"}[split]
    (folder / "provenance").mkdir(exist_ok=True)
    write_samples(made, split, Origin("toy", "1", None, 3), path, folder / "provenance" / path.name)
    (file,) = (file for file in find_row_files(folder) if file.split == split)
    return file


def truths(made: Sequence[Sample]) -> Iterator[tuple[str, Sample, Negative]]:
    """What a loop has against negatives."""
    for _, group in groupby(made, key=lambda each: each.image):
        own = list(group)
        picture = Picture(1, own[0].image, 1, 1, tuple(each.region for each in own))
        for sample in own:
            known = bool(sample.gold.relation or sample.gold.scene)
            others = [other for other in own if other is not sample]
            for negative in sample.negatives:
                before, after = find_replaced_words(sample.gold.text, negative.caption.text)
                if known:
                    before, after = (getattr(each, negative.part) for each in (sample.gold, negative.caption))
                if (negative.part != "relation" or not known) and is_same_lineage(before, after):
                    yield "wordnet", sample, negative
                if present_in_box(negative, VetoContext.from_gold(sample.gold, picture, sample.region)):
                    yield "in_box", sample, negative
                names = {
                    resolve_scene(english.strip_article(other.gold.scene)).name for other in others if other.gold.scene
                }
                if (
                    negative.part == "scene"
                    and known
                    and resolve_scene(english.strip_article(negative.caption.scene)).name in names
                ):
                    yield "scene_of_image", sample, negative
                near = [other for other in others if other.region.box.iou(sample.region.box) >= 0.5]
                if negative.caption.text in [other.gold.text for other in near]:
                    yield "gold_of_region", sample, negative
                things = {resolve_category(other.region.category).name for other in others}
                if (
                    negative.part == "object"
                    and known
                    and resolve_category(english.strip_article(negative.caption.object)).name in things
                ):
                    yield "elsewhere", sample, negative


@pytest.mark.parametrize("at_once", [1, 7, 10_000])
@pytest.mark.parametrize("known", [1.0, 0.5, 0.0])
def test_truth_is_that_of_a_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: float, at_once: int) -> None:
    monkeypatch.setattr(rows, "AT_ONCE", at_once)
    monkeypatch.setattr(arrays, "_PAIRS_AT_ONCE", 20)
    made = list(samples(1, "eval", known, images=60))
    truth = FalseNegativeCounts()
    for each in rows.iter_row_blocks(written(tmp_path, made, "eval")):
        truth.add_rows(each)
    figures, found = truth.to_figures(), list(truths(made))
    counts = Counter((reason, negative.part) for reason, _, negative in found)
    for reason in SUSPECT_REASONS:
        assert {part: figures["kinds"][part][reason] for part in PARTS} == {p: counts[reason, p] for p in PARTS}
        told = [f"{s.id}: {s.gold.text!r}, {n.caption.text!r}" for each, s, n in found if each == reason]
        assert figures["examples"].get(reason, []) == told[:MAX_EXAMPLES]
    assert all(figures[reason] for reason in (SUSPECT_REASONS if known else ("wordnet", "gold_of_region")))
    objects = sum(bool(each.gold.scene) for each in made) * 3
    assert figures["elsewhere"] == (round(counts["elsewhere", "object"] / objects, 4) if objects else 0)
    assert figures["negatives"] == 9 * len(made)


@pytest.mark.parametrize("split", ["eval", "train"])
@pytest.mark.parametrize("provenance", [True, False])
def test_rows_are_the_samples_however_they_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: Split, provenance: bool
) -> None:
    file = written(tmp_path, list(samples(2, split, 0.7)), split)
    if not provenance:
        file = dataclasses.replace(file, sidecar=None)
    made = list(file.iter_samples())
    reports: list[dict[str, Any]] = []
    for at_once in (3, 10_000):
        monkeypatch.setattr(rows, "AT_ONCE", at_once)
        number, position = 0, PositionCounts(split)
        for each in rows.iter_row_blocks(file):
            assert each.first_row == number
            position.add_rows(each)
            for row, sample in enumerate(made[number : number + each.count]):
                question = each.make_question(row)
                assert (each.sample_id(row), each.images[row], question.captions) == (
                    sample.id,
                    sample.image,
                    sample.captions,
                )
                assert question.parts == (tuple(n.part for n in sample.negatives) if len(sample.negatives) > 1 else ())
                assert Box(*each.boxes[row]) == sample.region.box
                assert each.has_elements[row] == bool(sample.gold.relation or sample.gold.scene)
            number += each.count
        assert number == len(made)
        reports.append(position.to_figures())
    places: Counter[str] = Counter()
    for (columns, _), sample in zip(file.iter_rows(), made, strict=True):
        listed = columns["tgt_text"] if split == "eval" else [each.caption.text for each in sample.negatives]
        places[str(listed.index(sample.gold.text if split == "eval" else columns["neg_text"]))] += 1
    shares = {name: round(count / len(made), 4) for name, count in sorted(places.items())}
    assert reports == [{"gold" if split == "eval" else "negative": shares}] * 2


def test_words_are_those_of_a_loop_where_some_captions_have_no_elements(tmp_path: Path) -> None:
    made = list(samples(3, "eval", 0.6))
    written(tmp_path, made, "eval")
    figures = audit(tmp_path)["sources"]["Toy/eval"]
    every = {"gold": [each.gold.text for each in made]} | {
        part: [n.caption.text for each in made for n in each.negatives if n.part == part] for part in PARTS
    }
    for kind, texts in every.items():
        lengths = Counter(len(split_words(text)) for text in texts)
        assert figures["lengths"][kind]["captions"] == {str(length): lengths[length] for length in sorted(lengths)}
        assert figures["vocabulary"][kind]["words"] == len({word for text in texts for word in split_words(text)})
    near: Counter[str] = Counter()
    for each in made:
        kernels = [normalize_caption(text) for text in each.captions]
        near.update(n.part for n, own in zip(each.negatives, kernels[1:], strict=True) if kernels.count(own) > 1)
    for part, told in figures["repetition"]["kinds"].items():
        assert told["distinct"] == round(len(set(every[part])) / len(every[part]), 4)
        assert told["near_duplicates"] == round(near[part] / len(every[part]), 4)
    golds = [getattr(each.gold, "object") for each in made if each.gold.scene]  # noqa: B009
    assert figures["elements"]["object"]["gold"] == len(set(golds))


def test_consensus_is_that_of_a_loop() -> None:
    rng = Random(4)
    questions = [
        Question(tuple(" ".join(rng.choices("abcdefg", k=rng.randrange(6))) for _ in range(size)), (), str(size))
        for size in (10, 2, 10, 1, 10)
    ]
    expected = []
    for question in questions:
        bags = [set(split_words(caption)) for caption in question.captions]
        expected += [sum(len(bag & other) / max(len(bag | other), 1) for other in bags) for bag in bags]
    assert score_consensus(QuestionSet(questions)).tolist() == expected


def test_words_of_many_texts_are_those_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenized_texts, "_AT_ONCE", 2)
    texts = ["A cup, a T-shirt", "", "b\0c", "\n", "ΟΔΟΣ a", "x", "İ"]
    said = TokenizedTexts(texts)
    ends = np.cumsum(said.word_counts)
    told = [[said.vocabulary[number] for number in own] for own in np.split(said.word_ids, ends[:-1])]
    assert told == [split_words(text) for text in texts]
    assert list(said) == texts
    assert said.vocabulary == sorted(said.vocabulary)
    edged, owners = said.add_boundaries(said.word_ids, -1)
    assert [len(own) for own in told] == [np.count_nonzero(edged[owners == row] >= 0) for row in range(len(texts))]
    assert TokenizedTexts.from_texts(said) is said
    assert len(TokenizedTexts([])) == 0


def test_different_texts_are_counted_across_many_additions() -> None:
    rng = Random(5)
    several, seen = [DistinctTexts(), DistinctTexts()], [set[str](), set[str]()]
    for number in range(200):
        values = [str(rng.randrange(3000)) for _ in range(20)]
        several[number % 2].add_texts(rows.CodedTexts.from_array(pa.array(values)), np.arange(len(set(values))))
        seen[number % 2] |= set(values)
    assert [len(each) for each in several] == [len(each) for each in seen]
    assert len(DistinctTexts.merge_all(several)) == len(seen[0] | seen[1])


def test_the_first_folds_are_asked_alone_where_they_are_enough() -> None:
    sheet = QuestionSet([Question((f"gold {number}", f"other {number}"), (), str(number)) for number in range(100)])
    number, asked = sheet.select_first_folds(30)
    assert 1 <= number < FOLDS
    assert len(asked.questions) >= 30
    assert [find_fold(each.image) < number for each in sheet.questions].count(True) == len(asked.questions)
    whole = dict(zip(sheet.captions, score_questions(fit_choice_frequency, None, sheet), strict=True))
    assert score_questions(fit_choice_frequency, None, sheet, number).tolist() == [
        whole[text] for text in asked.captions
    ]
    assert sheet.select_first_folds(1000) == (FOLDS, sheet)
    assert QuestionSet([]).select_first_folds(1)[1].questions == []


def test_who_learned_of_a_part_and_was_asked_a_part_is_said(tmp_path: Path) -> None:
    for side in SPLITS:
        written(tmp_path, list(samples(6, side, 1.0, images=40)), side)
    whole, part = audit(tmp_path), audit(tmp_path, trained_on=50)
    count = whole["sources"]["Toy/train"]["samples"]
    drawn = {key: figures["drawn"] for key, figures in part["sources"].items()}
    assert drawn["Toy/train"] == {"learned": {"samples": 50, "of": count}, "asked": {"samples": 50, "of": count}}
    assert drawn["Toy/eval"]["learned"] == {"samples": 50, "of": count}
    counted = ("elements", "vocabulary", "repetition", "lengths", "truth", "position", "images")
    for key, figures in whole["sources"].items():
        assert {name: figures[name] for name in counted} == {name: part["sources"][key][name] for name in counted}
    output = CliRunner().invoke(app, ["audit", str(tmp_path), "--trained-on", "50"]).output
    told = ("Toy/train", "other images of the same file", f"50 of {count}", f"50 of {count}")
    assert any(all(cell in line for cell in told) for line in output.splitlines())
    page = (tmp_path / "audit.html").read_text()
    assert "What baselines learned of" in page
    assert all(f">{cell}<" in page for cell in told)
    assert json.loads((tmp_path / "audit.json").read_text()) == part


def without(name: str, row: int) -> Callable[[pa.Table], pa.Table]:
    """A table with one value missing."""

    def change(table: pa.Table) -> pa.Table:
        values: list[Any] = table[name].to_pylist()
        values[row] = None
        place, field = table.schema.get_field_index(name), table.schema.field(name)
        return table.set_column(place, field, pa.array(values, field.type))

    return change


@pytest.mark.parametrize(
    ("sidecar", "change", "problem"),
    [
        (False, without("bbox", 4), r"SCaR_eval_Toy.parquet, row 4: a value is missing"),
        (True, without("gold", 5), r"SCaR_eval_Toy.parquet, row 5: a value is missing"),
        (True, without("negatives", 6), r"SCaR_eval_Toy.parquet, row 6: a value is missing"),
        (True, lambda table: table.slice(1), r"provenance/SCaR_eval_Toy.parquet: it has another number of rows"),
        (True, lambda table: table.drop_columns("gold"), r"row 0: a value is missing or has another shape"),
        (False, without("category", 2), r"SCaR_eval_Toy.parquet: a value is missing .*`scar check` lists"),
    ],
)
def test_a_bad_row_is_named(
    tmp_path: Path, sidecar: bool, change: Callable[[pa.Table], pa.Table], problem: str
) -> None:
    file = written(tmp_path, list(samples(7, "eval", 1.0)), "eval")
    path = file.sidecar if sidecar and file.sidecar else file.path
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(InputError, match=problem):
        audit(tmp_path)
