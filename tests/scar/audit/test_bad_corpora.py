"""Corpora of one class, one image, many classes, few samples, or an earlier generator have the same limits."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from scar import Negative, Sample, audit
from scar.audit.limits import check_limits
from scar.cli import app
from scar.sample import Split
from tests.scar.audit.toy_corpus import draw_sample, write_corpus, write_file


def with_image(sample: Sample, image: int) -> Sample:
    """The same sample in another image."""
    values = {name: getattr(sample, name) for name in Sample.__struct_fields__}
    return Sample(**values | {"image": f"images/toy/{image}.png", "image_id": image})


def with_objects(sample: Sample, objects: list[str]) -> Sample:
    """The same sample with other objects: that of the gold caption, then those of the three swaps."""
    gold = sample.gold.swap("object", objects[0])
    negatives = [
        Negative(each.part, gold.swap(each.part, getattr(each.caption, each.part)))
        for each in sample.negatives
        if each.part != "object"
    ]
    negatives += [Negative("object", gold.swap("object", each)) for each in objects[1:]]
    values = {name: getattr(sample, name) for name in Sample.__struct_fields__}
    return Sample(**values | {"gold": gold, "negatives": tuple(negatives)})


def test_one_image_has_no_judge_without_another_file(tmp_path: Path) -> None:
    write_file(tmp_path, [with_image(draw_sample(n, Random(n)), 1) for n in range(320)], "eval")
    figures = audit(tmp_path)["sources"]["Toy/eval"]
    assert figures["blind"] == {}
    assert figures["hardness"]["objects"]["interval"] == [0, 1]
    result = CliRunner().invoke(app, ["audit", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "no judge is trained, because the images are too few" in result.output


def test_one_image_breaks_no_limit_as_it_says_nothing_about_others(tmp_path: Path) -> None:
    write_corpus(tmp_path, lambda n, rng, split: with_image(draw_sample(n, rng, split, "a lighthouse"), 1), count=320)
    report = audit(tmp_path)
    assert report["sources"]["Toy/eval"]["blind"]["words"]["kinds"]["scene"] == {
        "hit": 1.0,
        "interval": [0.0, 1.0],
        "chance": 0.25,
    }
    assert not any(check.is_broken for check in check_limits(report))


def test_one_class_that_is_only_swapped_for_others_is_found(tmp_path: Path) -> None:
    def make(number: int, rng: Random, split: Split) -> Sample:
        return with_objects(draw_sample(number, rng, split), ["a cat", "a dog", "a cow", "a bear"])

    report = audit(write_corpus(tmp_path, make, count=300))
    (check,) = (
        each for each in check_limits(report) if each.key == "Toy/eval" and "best judge in a part" in each.limit.name
    )
    assert check.is_broken
    assert check.about.endswith("object")


def test_ten_thousand_classes_and_unknown_words_tell_nothing(tmp_path: Path) -> None:
    def make(number: int, rng: Random, split: Split) -> Sample:
        return with_objects(draw_sample(number, rng, split), [f"a {split}{rng.randrange(10_000)}" for _ in range(4)])

    report = audit(write_corpus(tmp_path, make, count=120))
    for figures in report["sources"].values():
        for name, rate in figures["blind"].items():
            if name != "length":
                assert rate["kinds"]["object"]["interval"][0] < 0.3, name


def test_few_samples_are_told_and_not_limited(tmp_path: Path) -> None:
    write_corpus(tmp_path, lambda n, rng, split: draw_sample(n, rng, split, "a lighthouse"), count=60)
    result = CliRunner().invoke(app, ["audit", str(tmp_path), "--strict"])
    assert result.exit_code == 0, result.output
    assert "60 samples, fewer than 300" in result.output
    assert "best judge" not in result.output.split("told and not limited")[-1].split("\n")[-2]


@pytest.mark.parametrize("provenance", [True, False])
def test_a_corpus_of_an_earlier_generator_has_the_same_limits(leaky: Path, tmp_path: Path, provenance: bool) -> None:
    old = shutil.copytree(leaky, tmp_path / "old")
    for path in (old / "provenance").glob("*.parquet"):
        table = pq.read_table(path).drop_columns(["reason", "generator", "generator_version", "licence", "seed"])
        pq.write_table(table, path)
    if not provenance:
        shutil.rmtree(old / "provenance")
    checks = {(each.key, each.limit.name): each for each in check_limits(audit(old))}
    check = checks["Toy/eval", "best judge in a part"]
    assert (check.bound, check.is_broken) == (0.5, provenance or check.about.endswith("scene"))
