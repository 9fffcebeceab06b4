"""Failures of the Hub during a pull, and files that it must not write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scar.errors import HubError, InputError
from scar.publish.pull import PulledRepo, PullPlan, iter_pull_lines, plan_pull, pull_files
from tests.local_hub import Failure, LocalHub
from tests.scar.publish.pulls import REPO, contents, fetch, send

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")  # the client's own


STEPS = (r"GET /api/datasets/me/corpus(/revision/main)?$", "GET .*/tree/", "HEAD .*/resolve/", "GET .*/resolve/")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "failure",
    [{"status": 429, "headers": {"Retry-After": "7"}}, {"status": 500}, {"kind": "reset"}],
    ids=["429", "500", "reset"],
)
def test_what_passes_is_tried_again(
    local_hub: LocalHub, tmp_path: Path, step: str, failure: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = send(local_hub, tmp_path)
    waits: list[float] = []
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", waits.append)
    local_hub.failures.append(Failure(step, 1, **failure))
    made = plan_pull(REPO, tmp_path / "out", endpoint=local_hub.endpoint, sleep=waits.append)
    pull_files(made, endpoint=local_hub.endpoint, sleep=waits.append)
    assert contents(tmp_path / "out") == files
    assert local_hub.failures[0].times == 0, "the step was reached"


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("status", "headers", "advice"),
    [
        (401, {}, "HTTP 401: no such repository, or it is private and the token is not valid"),
        (403, {}, "HTTP 403: the Hub refused: the token may not read it"),
        (403, {"X-Error-Code": "GatedRepo"}, "HTTP 403: accept its terms on its page"),
        (404, {"X-Error-Code": "RepoNotFound"}, "HTTP 404: no such repository, or it is private"),
        (404, {"X-Error-Code": "RevisionNotFound"}, "HTTP 404: it has no such commit"),
    ],
    ids=["401", "403", "gated", "404", "revision"],
)
def test_what_does_not_pass_stops_at_once(
    local_hub: LocalHub, tmp_path: Path, step: str, status: int, headers: dict[str, str], advice: str
) -> None:
    send(local_hub, tmp_path)
    local_hub.failures.append(Failure(step, 99, status, headers))
    with pytest.raises(HubError, match=f"me/corpus: {advice}"):
        fetch(local_hub, tmp_path / "out")
    assert not (tmp_path / "out" / "README.md").exists()


def test_a_full_disk_is_one_line_and_a_rerun_goes_on(
    local_hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = send(local_hub, tmp_path)

    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device", "README.md")

    with monkeypatch.context() as patch:
        patch.setattr("huggingface_hub.hf_hub_download", full)
        with pytest.raises(HubError, match=r"README.md: cannot be written: No space left on device; make room and run"):
            fetch(local_hub, tmp_path / "out")
    fetch(local_hub, tmp_path / "out")
    assert contents(tmp_path / "out") == files


def test_a_disk_that_is_too_small_is_told_before(local_hub: LocalHub, tmp_path: Path) -> None:
    from scar.common.hub_files import RemoteFile

    large = {"SCaR-eval/a.parquet": RemoteFile("SCaR-eval/a.parquet", 10**18, "0" * 64, "0" * 40)}
    with pytest.raises(HubError, match=r"1000000.0 TB to fetch, .* free; make room or give another --out"):
        list(
            iter_pull_lines(
                PullPlan(REPO, tmp_path / "out", PulledRepo("0" * 40, large), tuple(large), (), (), (), (), (), False)
            )
        )


def test_what_is_not_what_the_hub_lists_is_refused(local_hub: LocalHub, tmp_path: Path) -> None:
    files = send(local_hub, tmp_path)
    oid = local_hub.repos["datasets", REPO].commits[local_hub.repos["datasets", REPO].branches["main"]]
    content = local_hub.content(oid["SCaR-eval/a.parquet"])
    good = content.read_bytes()
    content.write_bytes(good[::-1])
    with pytest.raises(InputError, match=r"SCaR-eval/a.parquet came with SHA-256 \w+, the Hub has \w+; run it again"):
        fetch(local_hub, tmp_path / "out")
    assert not (tmp_path / "out" / "SCaR-eval" / "a.parquet").exists()
    content.write_bytes(good)
    fetch(local_hub, tmp_path / "out")
    assert contents(tmp_path / "out") == files


@pytest.mark.parametrize("path", ["../out.parquet", "a/../../b.parquet", "/c.parquet", "a\\b.parquet"])
def test_a_path_that_leaves_the_folder_is_refused(local_hub: LocalHub, tmp_path: Path, path: str) -> None:
    send(local_hub, tmp_path)
    repo = local_hub.repos["datasets", REPO]
    tree = repo.commits[repo.branches["main"]]
    tree[path] = tree["SCaR-eval/a.parquet"]
    with pytest.raises(InputError, match=r"would leave .*; refused"):
        fetch(local_hub, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_a_link_is_not_followed(local_hub: LocalHub, tmp_path: Path) -> None:
    send(local_hub, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "SCaR-eval").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"would leave .* through a link; refused"):
        fetch(local_hub, tmp_path / "out")
    assert not list((tmp_path / "elsewhere").iterdir())
