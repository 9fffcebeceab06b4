"""A local server that speaks the Hub's HTTP API for data sets and models, with files on disk; told to fail, it does."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pytest

from scar.publish.upload import Upload

TOKEN = "hf_secretsecretsecretsecretsecret"  # noqa: S105 - of the local server
LARGE = (".parquet", ".png", ".safetensors", ".bin")
CHUNK = 1 << 20


@dataclass
class Failure:
    """What happens to requests that match, so many times: a status, or ``reset`` or ``slow``."""

    request: str
    times: int
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "status"


@dataclass
class Repo:
    private: bool
    branches: dict[str, str]
    tags: dict[str, str]
    commits: dict[str, dict[str, dict[str, Any]]]


class LocalHub:
    """Repositories by type and name; contents lie on disk under their checksums."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repos: dict[tuple[str, str], Repo] = {}
        self.asked: list[str] = []
        self.received = 0
        self.failures: list[Failure] = []
        self.lock = threading.Lock()
        (folder / "lfs").mkdir(parents=True)
        (folder / "git").mkdir()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def files(self, repo: str, revision: str = "main", kind: str = "datasets") -> dict[str, bytes]:
        """Contents by path."""
        found = self.repos[kind, repo]
        tree = found.commits[self.commit(found, revision) or ""]
        return {path: self.content(entry).read_bytes() for path, entry in tree.items()}

    def content(self, entry: dict[str, Any]) -> Path:
        lfs = entry.get("lfs")
        return self.folder / "git" / str(entry["oid"]) if lfs is None else self.folder / "lfs" / str(lfs["oid"])

    def commit(self, repo: Repo, revision: str) -> str | None:
        found = repo.branches.get(revision) or repo.tags.get(revision)
        return found or (revision if revision in repo.commits else None)

    def put_files(self, repo: str, changes: dict[str, bytes | None], kind: str = "datasets") -> None:
        """Commit on main as somebody else does: contents by path, None removes."""
        found = self.repos[kind, repo]
        tree = dict(found.commits[found.branches["main"]])
        for path, content in changes.items():
            tree.pop(path, None)
            if content is None:
                continue
            large, sha256 = path.endswith(LARGE), hashlib.sha256(content).hexdigest()
            oid = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
            (self.folder / ("lfs" if large else "git") / (sha256 if large else oid)).write_bytes(content)
            lfs = {"lfs": {"oid": sha256, "size": len(content), "pointerSize": 130}} if large else {}
            tree[path] = {"oid": oid, "size": len(content), **lfs}
        commit = hashlib.sha1(json.dumps(tree).encode(), usedforsecurity=False).hexdigest()
        found.commits[commit] = tree
        found.branches["main"] = commit

    def failure(self, request: str) -> Failure | None:
        with self.lock:
            for each in self.failures:
                if each.times and re.search(each.request, request):
                    each.times -= 1
                    return each
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for the client's acknowledgement
    hub: LocalHub

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _reply(self, status: int, content: Any = None, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content if content is not None else {}).encode()
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _answer(self) -> None:
        path = unquote(urlparse(self.path).path)
        request = f"{self.command} {path}"
        self.hub.asked.append(request)
        failure = self.hub.failure(request)
        if failure is not None and failure.kind == "slow":
            time.sleep(0.3)
        elif failure is not None:
            self.close_connection = True
            if failure.kind == "reset":
                self.connection.close()
                return
            self._body()
            self._reply(failure.status, {"error": "told to"}, failure.headers | {"Connection": "close"})
            return
        if match := re.fullmatch(r"/lfs/([0-9a-f]{64})", path):
            self._receive(match[1])
            return
        body = self._body()
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._reply(401, {"error": "Invalid username or password."})
        elif path == "/api/whoami-v2":
            self._reply(200, {"name": "me", "type": "user", "orgs": []})
        elif path == "/api/validate-yaml":
            self._reply(200, {"errors": [], "warnings": []})
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif match := re.fullmatch(r"/(?:(datasets)/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            self._batch(json.loads(body))
        elif match := re.fullmatch(r"/(?:(datasets)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(match[1] or "models", match[2], match[3], match[4])
        elif match := re.fullmatch(r"/api/(datasets|models)/([^/]+/[^/]+)(?:/([a-z-]+)(?:/(.+))?)?", path):
            self._repo(match[1], match[2], match[3] or "revision", match[4] or "main", body)
        else:
            self._reply(404, {"error": path})

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _create(self, asked: dict[str, Any]) -> None:
        kind = f"{asked.get('type', 'model')}s"
        name = f"{asked['organization'] or 'me'}/{asked['name']}"
        url = f"{self.hub.endpoint}/{'' if kind == 'models' else 'datasets/'}{name}"
        if (kind, name) in self.hub.repos:
            self._reply(409, {"error": "exists", "url": url})
            return
        private = bool(asked.get("private")) or asked.get("visibility") == "private"
        self.hub.repos[kind, name] = Repo(private, {"main": "0" * 40}, {}, {"0" * 40: {}})
        self._reply(200, {"url": url, "name": name, "id": "1"})

    def _repo(self, kind: str, name: str, verb: str, rest: str, body: bytes) -> None:
        repo = self.hub.repos.get((kind, name))
        if repo is None:
            self._reply(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return
        revision, _, below = rest.partition("/")
        if verb in ("branch", "tag"):
            self._name(repo, verb, rest, json.loads(body or b"{}"))
            return
        commit = self.hub.commit(repo, revision)
        if verb == "refs":
            made = [
                [{"name": n, "ref": f"refs/{k}/{n}", "targetCommit": c} for n, c in refs.items()]
                for k, refs in (("heads", repo.branches), ("tags", repo.tags))
            ]
            self._reply(200, {"branches": made[0], "converts": [], "tags": made[1]})
        elif commit is None:
            self._reply(404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
        elif verb == "revision":
            siblings = [{"rfilename": path} for path in repo.commits[commit]]
            self._reply(200, {"id": name, "sha": commit, "private": repo.private, "siblings": siblings, "tags": []})
        elif verb == "tree":
            self._tree(repo.commits[commit], below)
        elif verb == "paths-info":
            wanted = json.loads(body)["paths"]
            self._reply(200, [_entry(p, e) for p, e in repo.commits[commit].items() if p in wanted])
        elif verb == "preupload":
            self._reply(200, {"files": [self._mode(repo.commits[commit], each) for each in json.loads(body)["files"]]})
        elif verb == "commit":
            self._commit(repo, revision, commit, body, f"{self.hub.endpoint}/{kind}/{name}")
        else:
            self._reply(404, {"error": verb})

    def _tree(self, tree: dict[str, dict[str, Any]], below: str) -> None:
        inside = {p: e for p, e in tree.items() if not below or p.startswith(f"{below}/")}
        if not inside and below:
            self._reply(404, {"error": "no such entry"}, {"X-Error-Code": "EntryNotFound"})
            return
        if "recursive=true" in self.path.lower():
            self._reply(200, [_entry(p, e) for p, e in inside.items()])
            return
        depth = below.count("/") + 1 if below else 0
        folders = {"/".join(p.split("/")[: depth + 1]) for p in inside if p.count("/") > depth}
        rows = [{"type": "directory", "path": f, "oid": "0" * 40, "size": 0} for f in sorted(folders)]
        self._reply(200, rows + [_entry(p, e) for p, e in inside.items() if p.count("/") == depth])

    def _mode(self, tree: dict[str, dict[str, Any]], file: dict[str, Any]) -> dict[str, Any]:
        large = file["path"].endswith(LARGE) or file["size"] > 10_000_000
        old = tree.get(file["path"])
        oid = None if old is None else old.get("lfs", old)["oid"]
        return {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False, "oid": oid}

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = []
        for each in asked["objects"]:
            row = {"oid": each["oid"], "size": each["size"]}
            if not (self.hub.folder / "lfs" / each["oid"]).is_file():
                row["actions"] = {"upload": {"href": f"{self.hub.endpoint}/lfs/{each['oid']}", "header": {}}}
            objects.append(row)
        self._reply(200, {"transfer": "basic", "objects": objects})

    def _receive(self, oid: str) -> None:
        """A large file; what is all zeros takes no room on the disk."""
        left, whole = int(self.headers["Content-Length"]), hashlib.sha256()
        partial = self.hub.folder / f"{oid}.{threading.get_ident()}"
        with partial.open("wb") as out:
            while left:
                block = self.rfile.read(min(CHUNK, left))
                if not block:
                    self.close_connection = True
                    return
                left -= len(block)
                whole.update(block)
                self.hub.received += len(block)
                if block.count(0) == len(block):
                    out.seek(len(block), 1)
                else:
                    out.write(block)
            out.truncate()
        if whole.hexdigest() != oid:
            self._reply(400, {"error": "checksum"})
            return
        partial.replace(self.hub.folder / "lfs" / oid)
        self._reply(200)

    def _commit(self, repo: Repo, branch: str, head: str, body: bytes, url: str) -> None:
        tree = dict(repo.commits[head])
        for line in body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header" and value.get("parentCommit") not in (None, head):
                self._reply(412, {"error": "head has moved"})
                return
            if item["key"] == "file":
                content = base64.b64decode(value["content"])
                oid = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
                (self.hub.folder / "git" / oid).write_bytes(content)
                tree[value["path"]] = {"oid": oid, "size": len(content)}
            elif item["key"] == "lfsFile":
                if not (self.hub.folder / "lfs" / value["oid"]).is_file():
                    self._reply(400, {"error": "no such content"})
                    return
                lfs = {"oid": value["oid"], "size": value["size"], "pointerSize": 130}
                tree[value["path"]] = {"oid": value["oid"][:40], "size": value["size"], "lfs": lfs}
            elif item["key"] == "deletedFile":
                tree.pop(value["path"])
        oid = hashlib.sha1(head.encode() + body, usedforsecurity=False).hexdigest()
        repo.commits[oid] = tree
        repo.branches[branch] = oid
        self._reply(200, {"commitUrl": f"{url}/commit/{oid}", "commitOid": oid})

    def _name(self, repo: Repo, verb: str, rest: str, asked: dict[str, Any]) -> None:
        names, name = (repo.branches, rest) if verb == "branch" else (repo.tags, asked["tag"])
        if name in names:
            self._reply(409, {"error": "exists"})
            return
        start = self.hub.commit(repo, asked.get("startingPoint", "main") if verb == "branch" else rest)
        assert start is not None
        names[name] = start
        self._reply(200)

    def _resolve(self, kind: str, name: str, revision: str, path: str) -> None:
        repo = self.hub.repos.get((kind, name))
        commit = repo and self.hub.commit(repo, revision)
        entry = repo.commits[commit].get(path) if repo and commit else None
        if entry is None:
            self._reply(404, {"error": path}, {"X-Error-Code": "EntryNotFound" if repo else "RepoNotFound"})
            return
        content = self.hub.content(entry).read_bytes()
        headers = {
            "ETag": f'"{entry.get("lfs", entry)["oid"]}"',
            "X-Repo-Commit": commit or "",
            "Accept-Ranges": "bytes",
        }
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or ""):
            start, end = int(asked[1]), int(asked[2] or len(content) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            self._reply(206, content[start : end + 1], headers)
        else:
            self._reply(200, content, headers)


def _entry(path: str, entry: dict[str, Any]) -> dict[str, Any]:
    return {"type": "file", "path": path, **entry}


@pytest.fixture
def local_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """An empty Hub that the client of this process and of its children talks to."""
    import huggingface_hub.constants

    hub = LocalHub(tmp_path / "hub")
    for name, value in {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.endpoint)
    template = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    yield hub
    hub.stop()


def make_uploads(folder: Path, contents: dict[str, bytes]) -> list[Upload]:
    """Write files and list them for a push."""
    files = []
    for path, content in contents.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        files.append(Upload(path, file, len(content), hashlib.sha256(content).hexdigest()))
    return files
