"""The commands: a build is pushed, loaded by `datasets`, pulled and checked; no secret is printed."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from scar.cli import app
from scar.publish.card import CARD
from tests.local_hub import TOKEN, Failure, LocalHub

REPO = "me/corpus"

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")  # the client's own


def test_the_card_of_a_folder(corpus: Path) -> None:
    result = CliRunner().invoke(app, ["card", str(corpus), "--repo", "me/mine"])
    assert result.exit_code == 0, result.output
    assert "mine: 27 samples, CC BY-NC 4.0: My-own (CC BY-NC 4.0) is not for commercial use" in result.output
    assert 'load_dataset("me/mine", "eval"' in (corpus / CARD).read_text()
    assert CliRunner().invoke(app, ["card", str(corpus / "nowhere")]).exit_code == 2


def test_build_push_load_each_config_and_split_pull_and_check(
    built: Path, local_hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = CliRunner().invoke(app, ["push", str(built), "--repo", REPO])
    assert done.exit_code == 0, done.output
    there = local_hub.files(REPO)
    for path, content in there.items():
        assert (built / path).read_bytes() == content
    assert {"README.md", "croissant.json", "images.sha256", "build_report.json", "stats.json"} <= there.keys()
    for line in there["images.sha256"].decode().splitlines():
        digest, name = line.split("  ")
        assert digest == hashlib.sha256((built / name).read_bytes()).hexdigest()
    assert not any(path.startswith("images/") for path in there)
    loaded = load_everything(tmp_path)
    assert {config: {split: len(rows) for split, rows in splits.items()} for config, splits in loaded.items()} == {
        config: {"Toy": 9} for config in ("eval", "train", "eval_provenance", "train_provenance")
    }
    for config, path in FILES.items():
        assert loaded[config]["Toy"] == json.loads(json.dumps(pq.read_table(built / path).to_pylist()))
    again = CliRunner().invoke(app, ["push", str(built), "--repo", REPO])
    assert "0 files sent, 0 removed, all verified" in again.output
    back = CliRunner().invoke(app, ["pull", REPO, "--out", str(tmp_path / "back"), "--images", str(built)])
    assert back.exit_code == 0, back.output
    for path, content in there.items():
        assert (tmp_path / "back" / path).read_bytes() == content
    check = ["check", str(tmp_path / "back"), "--images", str(built)]
    assert CliRunner().invoke(app, check).exit_code == 0


FILES = {
    "eval": "SCaR-eval/SCaR_eval_Toy.parquet",
    "train": "SCaR-train/SCAR_Toy.parquet",
    "eval_provenance": "provenance/SCaR_eval_Toy.parquet",
    "train_provenance": "provenance/SCAR_Toy.parquet",
}


LOAD = """
import json, sys
from datasets import get_dataset_config_names, load_dataset
names = get_dataset_config_names(sys.argv[1])
loaded = {name: {split: rows.to_list() for split, rows in load_dataset(sys.argv[1], name).items()} for name in names}
open(sys.argv[2], "w").write(json.dumps(loaded))
"""


def load_everything(folder: Path) -> Any:
    """Rows by config and split, as a process sees them that never knew another Hub."""
    out = folder / "loaded.json"
    subprocess.run([sys.executable, "-c", LOAD, REPO, str(out)], check=True, timeout=120)  # noqa: S603 - our own script
    return json.loads(out.read_text())


def test_a_corpus_that_lost_a_source_loses_it_on_the_hub_too(corpus: Path, local_hub: LocalHub) -> None:
    push = ["push", str(corpus), "--repo", REPO]
    assert CliRunner().invoke(app, push).exit_code == 0
    gone = ["SCaR-eval/SCaR_eval_My-own.parquet", "provenance/SCaR_eval_My-own.parquet"]
    for path in gone:
        (corpus / path).unlink()
    local_hub.put_files(REPO, {"README.md": local_hub.files(REPO)["README.md"] + b"\nA person wrote this.\n"})
    done = CliRunner().invoke(app, push)
    assert done.exit_code == 0, done.output
    assert "2 removed, all verified" in done.output
    there = local_hub.files(REPO)
    assert not there.keys() & set(gone)
    assert there["README.md"].endswith(b"A person wrote this.\n")
    header = there["README.md"].decode().partition("\n---\n")[0]
    assert "SCaR_eval_Toy.parquet" in header
    assert "My-own.parquet" not in header


def test_the_token_is_in_no_output_and_no_log(
    built: Path, local_hub: LocalHub, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    outputs = [CliRunner().invoke(app, ["push", str(built), "--repo", REPO]).output]
    local_hub.failures.append(Failure("tree", 1, 403))
    outputs.append(CliRunner().invoke(app, ["push", str(built), "--repo", REPO]).output)
    assert "HTTP 403" in outputs[1]
    written = [path.read_bytes() for path in built.rglob("*") if path.is_file()]
    assert TOKEN not in "".join([*outputs, caplog.text])
    assert not any(TOKEN.encode() in content for content in written)


def test_a_push_that_was_killed_goes_on_where_it_was(built: Path, local_hub: LocalHub, tmp_path: Path) -> None:
    local_hub.failures.append(Failure("PUT", 99, kind="slow"))
    command = ["push", str(built), "--repo", REPO]
    script = "from scar.cli import app; app()"
    with subprocess.Popen([sys.executable, "-c", script, *command]) as running:  # noqa: S603 - our own command
        deadline = time.monotonic() + 60
        while not list((local_hub.folder / "lfs").iterdir()) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(running.pid, signal.SIGKILL)
    assert local_hub.files(REPO) == {}, "nothing was committed"
    before = set((local_hub.folder / "lfs").iterdir())
    assert before
    local_hub.failures.clear()
    local_hub.asked.clear()
    done = CliRunner().invoke(app, ["push", str(built), "--repo", REPO])
    assert done.exit_code == 0, done.output
    sent = {request.rpartition("/")[2] for request in local_hub.asked if request.startswith("PUT")}
    assert not sent & {path.name for path in before}, "what was there is not sent again"
    assert "all verified" in done.output
