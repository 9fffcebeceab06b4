"""A pushed checkpoint is loaded from the Hub as it was; the Hub's own client reads card and results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml  # type: ignore[import-untyped]
from huggingface_hub import ModelCard, parse_eval_result_entries
from typer.testing import CliRunner, Result

import virtue_ref
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.data.tasks import tasks
from mmeb_eval.item import Item
from mmeb_eval.report.strategy_table import StrategyScore, write_strategy_scores
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.run.results import HEADLINE_METRIC, write_result
from mmeb_eval.run.results import Result as Scored
from scar.demo.corpus import build_demo
from tests.local_hub import Failure, LocalHub
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.publish import make_eval_results
from virtue_ref.cli import app
from virtue_ref.training.pairs import open_source
from virtue_ref.training.recipe import parse_recipe
from virtue_ref.training.train import train

REPO = "me/small"
ITEMS = [Item("a red star"), Item("a blue star")]

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")  # the client's own


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("corpus")
    build_demo(out, images=2, seed=0)
    return out


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one step."""
    table = {
        "about": "one step",
        "model": "tiny",
        "optimiser": {"steps": 1, "batch": 2, "dtype": "float32", "checkpointing": False},
        "sources": [{"name": "drawn", "files": "SCaR-train/*.parquet"}],
    }
    source = open_source("drawn", sorted(corpus.glob("SCaR-train/*.parquet")), corpus)
    run = tmp_path_factory.mktemp("run")
    train(
        parse_recipe(table, "small", "small.toml"),
        resolve.read_checkpoint("tiny"),
        [source],
        run,
        trackers=(),
        cpu=True,
    )
    return run


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """Its checkpoint, without a card."""
    out = tmp_path / "small"
    assert call("convert", trained, out).exit_code == 0
    return out


@pytest.fixture
def results(folder: Path, corpus: Path, tmp_path: Path) -> Path:
    """Of this checkpoint, and of another one."""
    for name in (folder, "tiny"):
        write_result(evaluate(virtue_ref.load(name), find_scar_tasks(corpus)[0]), tmp_path / "results")
    return tmp_path / "results"


def published(name: str, hit: float, revision: str, region: str = "prompt and text") -> Scored:
    """A result on published data, by its number of queries."""
    asked = tasks()[name].queries
    settings = {
        "dataset": tasks()[name].dataset,
        "region": region,
        "ties": "against",
        "embedder": {"revision": revision},
    }
    ranks = (1,) * asked
    return Scored(
        "m", name, {HEADLINE_METRIC: hit}, {"queries": asked}, 0.1, settings, ranks, ((0,),) * asked, (0.1,) * asked
    )


def test_what_is_pushed_is_loaded_again(local_hub: LocalHub, folder: Path, results: Path, tmp_path: Path) -> None:
    done = call("push", folder, "--repo", REPO, "--results", results, "--licence", "cc-by-nc-4.0", "--tag", "v1")
    assert done.exit_code == 0, done.output
    assert "all verified" in done.output
    assert local_hub.repos["models", REPO].private
    there = local_hub.files(REPO, "v1", kind="models")
    here = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert there == here
    assert {"model.safetensors", "virtue.json", "training.json", "README.md"} <= there.keys()
    code = f"import numpy, virtue_ref; numpy.save('v.npy', virtue_ref.load('{REPO}').embed({ITEMS}))"
    where = {**os.environ, "PYTHONPATH": str(Path(virtue_ref.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", f"from mmeb_eval import Item; {code}"], cwd=tmp_path, env=where, check=True)  # noqa: S603 - its endpoint is read when the client is imported
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), virtue_ref.load(folder).embed(ITEMS))

    local_hub.asked.clear()
    again = call("push", folder, "--repo", REPO, "--results", results, "--licence", "cc-by-nc-4.0")
    assert "0 files sent" in again.output
    assert not [request for request in local_hub.asked if "PUT" in request or "/commit/" in request]


def test_a_run_stands_for_its_checkpoint(local_hub: LocalHub, trained: Path) -> None:
    done = call("push", trained, "--repo", REPO)
    assert done.exit_code == 0, done.output
    assert "licence: not settled; 0 results" in done.output
    there = local_hub.files(REPO, kind="models")
    assert there["model.safetensors"] == (trained / "step-000001" / "model" / "model.safetensors").read_bytes()


def test_a_push_that_fails_goes_on(local_hub: LocalHub, folder: Path) -> None:
    local_hub.failures.append(Failure("/commit/", 1, 403))
    done = call("push", folder, "--repo", REPO)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].startswith(f"virtue: {REPO}: HTTP 403: the token may not write there")
    assert local_hub.files(REPO, kind="models") == {}
    received = local_hub.received
    assert call("push", folder, "--repo", REPO).exit_code == 0
    assert local_hub.received == received, "contents that were sent are not sent again"


def test_the_plan_only_reads(local_hub: LocalHub, folder: Path) -> None:
    done = call("push", folder, "--repo", REPO, "--dry-run")
    assert done.exit_code == 0, done.output
    assert f"model {REPO}, private if it is made now" in done.output
    assert "Nothing was sent." in done.output
    assert all(request.startswith("GET ") for request in local_hub.asked)
    assert not local_hub.repos


def test_shards_of_an_earlier_push_go(
    local_hub: LocalHub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They and their index would win at loading."""
    monkeypatch.setattr("virtue_ref.checkpoints.format.SHARD_SIZE", "300KB")
    assert call("convert", folder, tmp_path / "sharded").exit_code == 0
    assert call("push", tmp_path / "sharded", "--repo", REPO).exit_code == 0
    before = local_hub.files(REPO, kind="models").keys()
    assert "model.safetensors.index.json" in before
    local_hub.put_files(REPO, {"notes.txt": b"theirs"}, kind="models")
    done = call("push", folder, "--repo", REPO)
    assert done.exit_code == 0, done.output
    after = local_hub.files(REPO, kind="models")
    assert [path for path in after if "safetensors" in path] == ["model.safetensors"]
    assert after["notes.txt"] == b"theirs"
    assert "  removes   model.safetensors.index.json" in done.output


def test_weights_of_others_are_refused_or_pruned(local_hub: LocalHub, folder: Path) -> None:
    assert call("push", folder, "--repo", REPO).exit_code == 0
    local_hub.put_files(REPO, {"model.safetensors.index.json": b"{}"}, kind="models")
    before = local_hub.files(REPO, kind="models")
    done = call("push", folder, "--repo", REPO)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"virtue: {REPO}: model.safetensors.index.json (no push wrote it) would be read")
    assert local_hub.files(REPO, kind="models") == before
    assert call("push", folder, "--repo", REPO, "--prune").exit_code == 0
    assert "model.safetensors.index.json" not in local_hub.files(REPO, kind="models")


def test_the_hubs_client_reads_the_card(folder: Path, results: Path) -> None:
    words = ("card", folder, "--results", results, "--licence", "CC BY-NC 4.0", "--dataset", "you/drawn")
    done = call(*words)
    assert done.exit_code == 0, done.output
    card = ModelCard.load(folder / "README.md")
    data = card.data
    assert (data.license, data.datasets, data.metrics) == ("cc-by-nc-4.0", ["you/drawn"], ["accuracy"])
    assert (data.library_name, data.pipeline_tag) == ("scar-virtue", "image-feature-extraction")
    (own,) = data.eval_results
    model = virtue_ref.load(folder)
    assert [own.metric_value] == pytest.approx(hits_of(results, model.settings["revision"]), abs=1e-4)
    assert (own.dataset_name, own.metric_name) == ("Demo", "hit@1")
    for said in ("1 steps of 2 pairs", "| drawn |", "not for commercial use", "rank 8 and alpha 64"):
        assert said in card.content
    before = (folder / "README.md").read_bytes()
    assert call(*words).exit_code == 0
    assert (folder / "README.md").read_bytes() == before


def hits_of(results: Path, revision: str) -> list[float]:
    """Scores of one revision, read as JSON."""
    rows = [json.loads(path.read_text()) for path in results.rglob("*.json")]
    return [row["metrics"][HEADLINE_METRIC] for row in rows if row["settings"]["embedder"]["revision"] == revision]


def test_results_on_published_data_are_in_the_hubs_format(folder: Path, tmp_path: Path) -> None:
    revision = virtue_ref.load(folder).settings["revision"]
    told = published("SCAR_ADE20K_val", 0.5, revision)
    cropped = published("SCAR_ADE20K_val", 0.25, revision, "crop")
    for place, result in enumerate((told, replace(cropped, model="m+crop"))):
        write_result(replace(result, model=f"m{place}"), tmp_path / "results")
    assert call("card", folder, "--results", tmp_path / "results").exit_code == 0
    files = {path.name: path for path in (folder / ".eval_results").iterdir()}
    assert files.keys() == {"SCAR_ADE20K_val.yaml", "SCAR_ADE20K_val_crop.yaml"}
    (entry,) = parse_eval_result_entries(yaml.safe_load(files["SCAR_ADE20K_val.yaml"].read_text()))
    assert (entry.dataset_id, entry.task_id, entry.value) == (
        tasks()["SCAR_ADE20K_val"].dataset,
        "SCAR_ADE20K_val",
        0.5,
    )
    assert "region told by crop" in files["SCAR_ADE20K_val_crop.yaml"].read_text()
    assert ModelCard.load(folder / "README.md").data.eval_results is None
    part = replace(told, counts={"queries": 10})
    assert make_eval_results([part]) == {}, "a part of the data asks something else"
    assert call("card", folder).exit_code == 0
    assert not list((folder / ".eval_results").iterdir()), "results that are not told again are gone"


def test_a_table_of_ways_stands_in_the_card(folder: Path) -> None:
    write_strategy_scores([StrategyScore("prompt", "after", 0, 11, 0.5, 1000, 0.1, "m")], folder / "table.json")
    assert call("card", folder).exit_code == 0
    assert "| box as prompt and in words | 0.500 | 0.304 (VIRTUE-2B) |" in (folder / "README.md").read_text()


def test_what_cannot_be_pushed_is_named(folder: Path, results: Path, tmp_path: Path) -> None:
    def refused(*words: object) -> str:
        done = call("push", *words, "--repo", REPO, "--dry-run")
        assert done.exit_code == 2, done.output
        assert done.stderr.count("\n") == 1
        return done.stderr

    assert "no folder of yours; `virtue convert demo FOLDER` makes one" in refused("demo")
    assert "not in our layout; `virtue convert" in refused(results)
    assert "none that is known here; give one such as" in refused(folder, "--licence", "mine")
    (folder / "extra.pth").write_bytes(b"x")
    assert "extra.pth: a pickle; only safetensors are pushed" in refused(folder)
    (folder / "extra.pth").unlink()
    (folder / "secret.json").symlink_to(tmp_path / "results" / "secret")
    (tmp_path / "results" / "secret").write_text("{}")
    assert "secret.json: is a link that leaves" in refused(folder)
    (folder / "secret.json").unlink()
    other = tmp_path / "other"
    assert call("convert", "tiny", other).exit_code == 0
    write_result(published("SCAR_ADE20K_val", 0.5, "another"), tmp_path / "foreign")
    assert "none of 1 results is of these weights (revision" in refused(other, "--results", tmp_path / "foreign")
    (folder / "README.md").write_text("# Mine")
    assert "was not rendered by virtue, so it stays" in refused(folder)
    assert call("card", folder, "--force").exit_code == 0
