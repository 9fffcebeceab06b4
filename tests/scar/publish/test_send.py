"""The plan is printed before anything is sent; a dry run ends there."""

from __future__ import annotations

from pathlib import Path

import pytest

from scar.publish.send import send_files
from scar.publish.upload import PushTarget
from tests.local_hub import Failure, LocalHub, make_uploads

REPO = "me/corpus"
CONTENTS = {"README.md": b"# One", "SCaR-eval/a.parquet": b"rows" * 99}

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")  # the client's own


def test_a_dry_run_only_reads(local_hub: LocalHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    send_files(make_uploads(tmp_path, CONTENTS), PushTarget(REPO, "dataset"), about=["licence: MIT"], dry_run=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "dataset me/corpus, private if it is made now"
    assert lines[-2:] == ["licence: MIT", "Nothing was sent."]
    assert all(request.startswith("GET ") for request in local_hub.asked)
    assert not local_hub.repos


def test_a_dry_run_without_the_hub_says_so(
    local_hub: LocalHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    local_hub.failures.append(Failure(".", 99, kind="reset"))
    send_files(make_uploads(tmp_path, CONTENTS), PushTarget(REPO, "dataset"), about=[], dry_run=True)
    shown = capsys.readouterr()
    assert shown.err == "The Hub was not asked: the Hub cannot be reached. The plan is that for an empty repository.\n"
    assert sum(line.startswith("  adds ") for line in shown.out.splitlines()) == 2


def test_the_plan_and_the_commit_are_printed(
    local_hub: LocalHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    send_files(make_uploads(tmp_path, CONTENTS), PushTarget(REPO, "dataset", public=True), about=[], dry_run=False)
    lines = capsys.readouterr().out.splitlines()
    commit = local_hub.repos["datasets", REPO].branches["main"]
    assert lines[0] == "dataset me/corpus, public if it is made now"
    assert lines[-1] == f"2 files sent, 0 removed, all verified: commit {commit}"
    assert local_hub.files(REPO) == CONTENTS
