"""A corpus by a model: each region is a sample or has a reason, nothing is asked twice, and a replay is equal."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from scar import Recipe, Sample, build, read
from scar.errors import BuildInterrupted, InputError
from scar.formats.check import check_folder
from scar.generators.vlm.budget import Bill, Limit
from scar.generators.vlm.make_generator import ChatMode
from scar.recipe import Source
from tests.scar.generators.vlm.chat_server import ChatServer, World, serve
from tests.scar.generators.vlm.conftest import Build


def read_rows(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.parquet")}


def build_by_rules(world: World, out: Path) -> list[Sample]:
    """The samples that the rules make of the same files."""
    source = Source(name="W", split="eval", images=world.folder / "images", instances=world.folder / "blind.json")
    build(Recipe(sources=(source,)), out)
    return list(read(out))


@pytest.mark.parametrize("mode", ["complete", "write", "judge"])
def test_a_server_that_misbehaves_costs_no_region(
    mode: ChatMode, drawn: World, build_with: Build, tmp_path: Path
) -> None:
    bill = Bill()
    drawn = replace(drawn, true_captions={sample.gold.text for sample in build_by_rules(drawn, tmp_path / "rules")})
    with serve(ChatServer(drawn, trouble_share=0.3, slip_share=0.3, seed=1)) as server:
        report = build_with(mode, server, bill=bill)
    assert report["records"] == report["samples"] + sum(report["rejected"].values())
    assert report["samples"] > 0
    assert server.troubles.total() > 0
    assert server.sent.total() == len(server.sent) + server.troubles.total()
    assert max(server.answered.values()) == 1
    assert report["usage"] == {
        "replies": len(server.sent),
        "input_tokens": 100 * len(server.sent),
        "output_tokens": 10 * len(server.sent),
    }
    assert bill.requests == len(server.sent)
    assert sum(bill.failures.values()) == server.troubles.total()
    assert not check_folder(tmp_path / "out").counts
    assert build_with(mode, None, out="again") == report
    assert read_rows(tmp_path / "again") == read_rows(tmp_path / "out")


def test_what_a_model_writes_is_true_of_the_world(drawn: World, build_with: Build, tmp_path: Path) -> None:
    with serve(ChatServer(drawn, slip_share=0.2)) as server:
        build_with("write", server)
    relations = {(category, predicate, other) for category, own in drawn.regions.values() for predicate, other in own}
    samples = list(read(tmp_path / "out"))
    for sample in samples:
        assert sample.reason == "model"
        told = (sample.gold.object[2:], sample.gold.relation, sample.gold.scene[2:])
        assert told in relations or told[1:] == ("on", "background")
        assert len(set(sample.captions)) == 10
    assert samples


def test_a_judge_rejects_what_is_not_so(drawn: World, build_with: Build, tmp_path: Path) -> None:
    with serve(ChatServer(drawn)) as server, pytest.raises(InputError, match="judged_gold_false"):
        build_with("judge", server)  # it finds nothing true


def test_a_judge_keeps_what_it_agrees_with(drawn: World, build_with: Build, tmp_path: Path) -> None:
    rules = {sample.id: sample for sample in build_by_rules(drawn, tmp_path / "rules")}
    doubted = min(rules)
    true = {sample.gold.text for sample in rules.values()} | {rules[doubted].negatives[4].caption.text}
    with serve(ChatServer(replace(drawn, true_captions=true))) as server:
        report = build_with("judge", server)
    kept = {sample.id for sample in read(tmp_path / "out")}
    assert doubted not in kept
    assert report["rejected"]["judged_negative_true"] >= 1
    expected = {
        id_ for id_, sample in rules.items() if not {negative.caption.text for negative in sample.negatives} & true
    }
    assert kept == expected


def test_samples_say_who_wrote_them(drawn: World, build_with: Build, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    with serve(ChatServer(drawn)) as server:
        report = build_with("complete", server)
    (path,) = (tmp_path / "out" / "provenance").glob("*.parquet")
    rows = pq.read_table(path).to_pylist()
    assert {row["generator"] for row in rows} == {"openai"}
    assert {row["generator_version"] for row in rows} == {"complete 1, small, rules 4"}
    for row in rows:
        assert (row["reason"] == "model") == (row["author"] is not None)
        if row["author"] is not None:
            model, prompt, key = row["author"].split(", ")
            assert (model, prompt) == ("small", "complete 1")
            assert len(bytes.fromhex(key)) == 32
    assert report["usage"]["replies"] == server.sent.total()


def test_a_budget_stops_cleanly_and_a_larger_one_goes_on(drawn: World, build_with: Build, tmp_path: Path) -> None:
    with serve(ChatServer(drawn)) as server:
        with pytest.raises(BuildInterrupted, match=r"budget of 7 requests is spent.*the same command goes on"):
            build_with("write", server, bill=Bill(Limit(7, "requests")))
        assert server.sent.total() == 7
        assert not list((tmp_path / "out").rglob("*.parquet"))
        report = build_with("write", server)
    assert max(server.sent.values()) == 1
    assert report["usage"]["replies"] == server.sent.total()


def test_a_replay_of_what_was_never_asked_is_refused(drawn: World, build_with: Build) -> None:
    with serve(ChatServer(drawn)) as server:
        build_with("write", server)
    with pytest.raises(InputError, match=r"ledger.sqlite: \d+ requests of this build have no reply.*complete 1"):
        build_with("complete", None, out="other")


def test_a_server_that_is_not_there_is_named(drawn: World, build_with: Build) -> None:
    gone = ChatServer(drawn, address="http://127.0.0.1:9/v1")
    with pytest.raises(BuildInterrupted, match=re.escape("http://127.0.0.1:9/v1")):
        build_with("write", gone)
