"""A build with decisions is the build without them, less what is rejected, with what is edited."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scar import Caption, Sample, build, read
from scar.errors import InputError
from scar.formats.build_report import read_report
from scar.formats.decisions import Decision, Edit, digest_captions, write_decisions
from scar.generators.generator import Generator
from scar.recipe import Recipe
from tests.conftest import World


@pytest.fixture
def rebuild(world: World, stand_in: Generator, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Builds the world with decisions; returns its samples by id and the entry of the build report."""
    world.write()

    def run(
        name: str, decisions: list[Decision] | None, **options: object
    ) -> tuple[dict[str, Sample], dict[str, object]]:
        path = tmp_path / f"{name}.jsonl"
        write_decisions(decisions or [], path)
        recipe = Recipe(sources=(world.source(),), decisions=None if decisions is None else path)
        build(recipe, tmp_path / name, generator=stand_in, **options)  # type: ignore[arg-type]
        return {sample.id: sample for sample in read(tmp_path / name)}, read_report(tmp_path / name)["Toy/eval"]

    return run


def decide(sample: Sample, reviewer: str = "ada", **fields: object) -> Decision:
    return Decision(id=sample.id, reviewer=reviewer, captions=digest_captions(sample), **fields)  # type: ignore[arg-type]


def test_rejected_samples_are_left_out_and_counted(rebuild) -> None:  # type: ignore[no-untyped-def]
    plain, before = rebuild("plain", None)
    first, second, third, fourth, *rest = plain.values()
    decisions = [
        decide(first, verdict="reject", fault="gold_false"),
        decide(second, verdict="accept"),
        decide(third, verdict="accept"),
        decide(third, "bob", verdict="reject", fault="text"),
        decide(fourth, verdict="choice", mode="choose", choice=3),
        Decision(id="Toy/eval/999999", reviewer="ada", verdict="accept"),
        Decision(id=rest[0].id, reviewer="ada", verdict="reject", fault="text", captions="other"),
    ]
    reviewed, entry = rebuild("reviewed", decisions)
    assert list(reviewed.values()) == [sample for sample in plain.values() if sample not in (first, third)]
    assert entry["reviewed"] == {"accepted": 1, "of no sample": 1, "of other captions": 1, "rejected": 2}
    assert entry["rejected"]["reviewed"] == 2
    assert entry["samples"] == before["samples"] - 2
    assert sum(each["samples"] for each in entry["golds"].values()) == entry["samples"]
    assert "reviewed" not in before


def test_edits_change_the_captions_that_share_the_words(rebuild) -> None:  # type: ignore[no-untyped-def]
    plain, _ = rebuild("plain", None)
    sample = next(iter(plain.values()))
    gold = sample.gold.swap("object", "a heron")
    negative = Caption("a heron", sample.gold.relation, "a lighthouse")
    edits = (Edit(1, negative), Edit(0, gold))
    reviewed, entry = rebuild("edited", [decide(sample, verdict="edit", edits=edits)])
    edited = reviewed[sample.id]
    assert edited.gold == gold
    assert edited.negatives[0].caption == negative
    for before, after in zip(sample.negatives[1:], edited.negatives[1:], strict=True):
        assert after.part == before.part
        assert after.caption == gold.swap(after.part, getattr(before.caption, before.part))
    assert entry["reviewed"] == {"edited": 1, "of no sample": 0}


def test_an_edit_that_leaves_equal_captions_stops_the_build(rebuild) -> None:  # type: ignore[no-untyped-def]
    plain, _ = rebuild("plain", None)
    sample = next(iter(plain.values()))
    edit = Edit(1, sample.negatives[1].caption)
    with pytest.raises(InputError, match=rf"decision on {sample.id}: .* equal or empty"):
        rebuild("equal", [decide(sample, verdict="edit", edits=(edit,))])


def test_bytes_depend_neither_on_workers_nor_on_the_order_of_other_decisions(rebuild, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    plain, _ = rebuild("plain", None)
    first, second, *_ = plain.values()
    decisions = [decide(first, verdict="reject", fault="text"), decide(second, verdict="accept")]
    rebuild("one", decisions)
    rebuild("other", decisions[::-1])
    for path in (tmp_path / "one").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "other" / path.relative_to(tmp_path / "one")).read_bytes()


def test_other_decisions_are_other_settings(rebuild, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    plain, _ = rebuild("plain", None)
    decisions = [decide(next(iter(plain.values())), verdict="accept")]
    with pytest.raises(InputError, match="other inputs or settings"):
        rebuild("plain", decisions)
    assert (
        "decisions"
        not in json.loads((tmp_path / "plain" / "build_report.json").read_text())["sources"]["Toy/eval"]["settings"]
    )
