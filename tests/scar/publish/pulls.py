"""A small repository on the local hub, and what a pull brought of it."""

from __future__ import annotations

from pathlib import Path

from scar.common.hub_files import STAGING
from scar.publish.pull import RECORD, plan_pull, pull_files
from scar.publish.push import push_files
from scar.publish.upload import PushTarget
from tests.local_hub import LocalHub, make_uploads

REPO = "me/corpus"


def contents(folder: Path) -> dict[str, bytes]:
    """Files by path; hidden ones and what a pull writes beside them left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (RECORD, "images_missing.txt") and STAGING not in path.parts
    }


FILES = {"README.md": b"---\nlicense: mit\n---\n# One", "SCaR-eval/a.parquet": b"rows" * 99, "images.sha256": b""}


def send(hub: LocalHub, folder: Path) -> dict[str, bytes]:
    push_files(make_uploads(folder / "sent", FILES), PushTarget(REPO, "dataset"), endpoint=hub.endpoint)
    return FILES


def fetch(hub: LocalHub, out: Path) -> None:
    pull_files(plan_pull(REPO, out, endpoint=hub.endpoint), endpoint=hub.endpoint)
