"""Fetching, with the hub's real client against a local server that speaks its HTTP API."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pytest

from mmeb_eval.data.fetch import fetch_tasks, parse_revisions
from mmeb_eval.data.files import find_task_files
from mmeb_eval.data.manifest import MANIFEST_NAME, read_manifest, verify_files
from mmeb_eval.data.tasks import get_task, tasks
from scar.errors import DataError, EvalError
from tests.mmeb_eval.data.archives import tape

COMMITS = {"main": "a" * 40, "old": "b" * 40}
ROWS = "ziyjiang/MMEB_Test_Instruct"
IMAGES = "TIGER-Lab/MMEB-V2"


class Hub:
    """Files by repository and commit, and what has been asked of it."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], dict[str, bytes]] = {}
        self.asked: list[str] = []
        self.ranges: list[str] = []
        self.cut: int | None = None
        self.status: int | None = None
        self.lie = False
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_HEAD(self) -> None:
                self.answer(body=False)

            def do_GET(self) -> None:
                self.answer(body=True)

            def log_message(self, *_: object) -> None: ...

            def reply(self, status: int, content: bytes, headers: dict[str, str] | None = None, *, body: bool) -> None:
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if body:
                    if hub.cut is not None and len(content) > hub.cut:
                        content, hub.cut = content[: hub.cut], None
                        self.close_connection = True
                    self.wfile.write(content)

            def answer(self, *, body: bool) -> None:
                path = unquote(urlparse(self.path).path)
                hub.asked.append(f"{self.command} {path}")
                if hub.status is not None:
                    self.reply(hub.status, b"{}", body=body)
                    return
                if match := re.fullmatch(r"/api/datasets/(\w[^/]*/[^/]+)(?:/revision/([^/]+))?", path):
                    self.info(match[1], match[2] or "main")
                elif match := re.fullmatch(r"/api/datasets/(\w[^/]*/[^/]+)/tree/([^/]+)", path):
                    self.tree(hub.files[match[1], match[2]])
                elif match := re.fullmatch(r"/datasets/(\w[^/]*/[^/]+)/resolve/([^/]+)/(.+)", path):
                    self.file(hub.files[match[1], match[2]][match[3]], match[2], body=body)
                else:
                    self.reply(404, b"{}", body=body)

            def info(self, repo: str, revision: str) -> None:
                commit = COMMITS.get(revision, revision)
                if (repo, commit) not in hub.files:
                    code = "RevisionNotFound" if any(known == repo for known, _ in hub.files) else "RepoNotFound"
                    self.reply(404, b"{}", {"X-Error-Code": code}, body=True)
                    return
                self.reply(200, json.dumps({"id": repo, "sha": commit}).encode(), body=True)

            def tree(self, files: dict[str, bytes]) -> None:
                rows: list[dict[str, Any]] = []
                for path, content in files.items():
                    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
                    row = {"type": "file", "path": path, "size": len(content), "oid": blob}
                    if path.endswith((".parquet", ".gz")):
                        digest = hashlib.sha256(content + b"?" * hub.lie).hexdigest()
                        row["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 130}
                    rows.append(row)
                self.reply(200, json.dumps(rows).encode(), {"Content-Type": "application/json"}, body=True)

            def file(self, content: bytes, commit: str, *, body: bool) -> None:
                etag = hashlib.sha256(content).hexdigest()
                headers = {"ETag": f'"{etag}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
                if asked := self.headers.get("Range"):
                    hub.ranges.append(asked)
                    start = int(re.findall(r"\d+", asked)[0])
                    headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
                    self.reply(206, content[start:], headers, body=body)
                else:
                    self.reply(200, content, headers, body=body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    hub = Hub()
    for name, commit in COMMITS.items():
        hub.files[ROWS, commit] = {
            "README.md": b"rows",
            "VOC2007/test-00000-of-00001.parquet": f"VOC2007 {name}".encode() * 1000,
            "GQA/test-00000-of-00001.parquet": f"GQA {name}".encode() * 1000,
        }
    hub.files[IMAGES, COMMITS["main"]] = {
        "image-tasks/mmeb_v1.tar.gz": tape({"MMEB/VOC2007/1.jpg": b"one", "MMEB/GQA/a/2.jpg": b"two"})
    }
    yield hub
    hub.stop()


VOC, GQA = get_task("VOC2007"), get_task("GQA")


def test_rows_and_images_lie_where_tasks_look_for_them(hub: Hub, tmp_path: Path) -> None:
    parts = fetch_tasks([VOC, GQA], tmp_path, endpoint=hub.endpoint)
    assert set(parts) == {"VOC2007", "GQA", "images"}
    assert {part.revision for part in parts.values()} == {COMMITS["main"]}
    assert parts["images"].images == 2
    files = find_task_files(VOC, tmp_path)
    content = files.paths[0].read_bytes()
    assert content == hub.files[ROWS, COMMITS["main"]]["VOC2007/test-00000-of-00001.parquet"]
    assert (files.image_root / "VOC2007" / "1.jpg").read_bytes() == b"one"
    assert (files.image_root / "GQA" / "a" / "2.jpg").read_bytes() == b"two"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["GQA", "VOC2007", "image-tasks", MANIFEST_NAME]
    assert parts["VOC2007"].files["VOC2007/test-00000-of-00001.parquet"].sha256 == hashlib.sha256(content).hexdigest()
    assert read_manifest(tmp_path) == parts


def test_scar_rows_go_into_their_folder_and_the_images_are_asked_of_the_user(hub: Hub, tmp_path: Path) -> None:
    task = next(task for task in tasks().values() if task.benchmark == "SCaR")
    hub.files["Sony/SCaR-Eval", COMMITS["main"]] = {
        f"SCaR-eval/SCAR_{task.source}_val_filtered.parquet": b"scar",
        "SCaR-eval/SCAR_other_val_filtered.parquet": b"other",
    }
    said: list[str] = []
    fetch_tasks([task], tmp_path, endpoint=hub.endpoint, say=said.append)
    assert find_task_files(task, tmp_path).paths[0].read_bytes() == b"scar"
    assert "Sony/SCaR-Eval holds no images" in said[-1]


def test_what_is_there_is_not_asked_for_again_and_the_folder_can_move(hub: Hub, tmp_path: Path) -> None:
    fetch_tasks([VOC], tmp_path / "here", endpoint=hub.endpoint)
    moved = (tmp_path / "here").rename(tmp_path / "there")
    hub.asked.clear()
    fetch_tasks([VOC], moved, endpoint=hub.endpoint)
    assert hub.asked == []
    fetch_tasks([VOC, GQA], moved, endpoint=hub.endpoint)
    assert not any("VOC2007" in request or "mmeb_v1" in request for request in hub.asked)
    next(moved.glob("VOC2007/*.parquet")).unlink()
    assert fetch_tasks([VOC], moved, endpoint=hub.endpoint)["VOC2007"].is_in(moved)


def test_a_later_task_is_of_the_same_commit_as_the_earlier_ones(hub: Hub, tmp_path: Path) -> None:
    old = COMMITS["old"]
    assert (
        fetch_tasks([VOC], tmp_path, revisions={ROWS: old}, images=False, endpoint=hub.endpoint)["VOC2007"].revision
        == old
    )
    assert fetch_tasks([VOC, GQA], tmp_path, images=False, endpoint=hub.endpoint)["GQA"].revision == old
    new = fetch_tasks([VOC, GQA], tmp_path, revisions={ROWS: COMMITS["main"]}, images=False, endpoint=hub.endpoint)
    assert {part.revision for part in new.values()} == {COMMITS["main"]}
    assert b"main" in next(tmp_path.glob("VOC2007/*.parquet")).read_bytes()


def test_an_interrupted_download_goes_on_where_it_was(hub: Hub, tmp_path: Path) -> None:
    big = bytes(range(256)) * 200_000  # 51 MB: the client writes as it reads
    hub.files[ROWS, COMMITS["main"]]["VOC2007/test-00000-of-00001.parquet"] = big
    hub.cut = 30_000_000
    fetch_tasks([VOC], tmp_path, images=False, endpoint=hub.endpoint)
    assert next(tmp_path.glob("VOC2007/*.parquet")).read_bytes() == big
    assert len(hub.ranges) == 1
    assert 0 < int(re.findall(r"\d+", hub.ranges[0])[0]) <= 30_000_000


def test_rows_of_another_revision_are_refused(hub: Hub, tmp_path: Path) -> None:
    fetch_tasks([VOC], tmp_path, images=False, endpoint=hub.endpoint)
    verify_files([find_task_files(VOC, tmp_path)], tmp_path)
    path = next(tmp_path.glob("VOC2007/*.parquet"))
    path.write_bytes(b"of another revision")
    digest = hashlib.sha256(b"of another revision").hexdigest()
    with pytest.raises(DataError, match=rf"test-00000-of-00001.parquet: its SHA-256 is {digest}, but {ROWS} at a+ has"):
        verify_files([find_task_files(VOC, tmp_path)], tmp_path)


def test_a_download_that_is_not_what_the_hub_says_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.lie = True
    with pytest.raises(DataError, match=r"VOC2007/test-00000-of-00001.parquet came with SHA-256 .*, the Hub has"):
        fetch_tasks([VOC], tmp_path, images=False, endpoint=hub.endpoint)
    assert not list(tmp_path.glob("VOC2007/*"))
    hub.lie = False
    fetch_tasks([VOC], tmp_path, images=False, endpoint=hub.endpoint)


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "HTTP 401"), (403, "HTTP 403: the Hub refused"), (404, "HTTP 404")],
)
def test_a_hub_that_refuses(hub: Hub, tmp_path: Path, status: int, message: str) -> None:
    hub.status = status
    with pytest.raises(EvalError, match=rf"{ROWS}: {message}"):
        fetch_tasks([VOC], tmp_path, endpoint=hub.endpoint)


def test_no_such_commit_no_such_file_and_no_network(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=r"HTTP 404: it has no such commit; leave --revision out"):
        fetch_tasks([VOC], tmp_path, revisions={ROWS: "c" * 40}, endpoint=hub.endpoint)
    with pytest.raises(DataError, match=r"at a+ has no SUN397/\*.parquet"):
        fetch_tasks([get_task("SUN397")], tmp_path, endpoint=hub.endpoint)
    waits: list[float] = []
    with pytest.raises(EvalError, match=rf"{ROWS}: the Hub cannot be reached, 6 times; run the same command later"):
        fetch_tasks([VOC], tmp_path / "other", endpoint="http://127.0.0.1:9", sleep=waits.append)
    assert waits == [2, 4, 8, 16, 32]


def test_a_full_disk_says_so_and_a_rerun_goes_on(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mmeb_eval.data.fetch

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device", "1.jpg")

    with monkeypatch.context() as patch:
        patch.setattr(mmeb_eval.data.fetch, "unpack_archive", full)
        with pytest.raises(EvalError, match=r"1.jpg: cannot be written: No space left on device; make room"):
            fetch_tasks([VOC], tmp_path, endpoint=hub.endpoint)
    hub.asked.clear()
    fetch_tasks([VOC], tmp_path, endpoint=hub.endpoint)
    assert not any("VOC2007" in request for request in hub.asked)


@pytest.mark.parametrize("given", ["SCaR", "Sony/SCaR-Eval", "Sony/SCaR-Eval@", "nobody/nothing@v1"])
def test_revisions_that_are_none(given: str) -> None:
    with pytest.raises(EvalError, match=r"--revision .*: write repository@commit; repositories are Sony/SCaR-Eval, "):
        parse_revisions([given])


def test_a_repository_has_one_revision() -> None:
    assert parse_revisions(["Sony/SCaR-Eval@v1", "Sony/SCaR-Eval@v1"]) == {"Sony/SCaR-Eval": "v1"}
    with pytest.raises(EvalError, match=r"--revision: Sony/SCaR-Eval is named at v1 and at v2; a folder holds one"):
        parse_revisions(["Sony/SCaR-Eval@v1", "Sony/SCaR-Eval@v2"])


def test_a_revision_of_what_is_not_fetched_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=r"--revision Sony/SCaR-Eval: what is fetched needs nothing of it"):
        fetch_tasks([VOC], tmp_path, revisions={"Sony/SCaR-Eval": "v1"}, endpoint="http://127.0.0.1:9")
