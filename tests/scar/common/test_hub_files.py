"""A file of a repository is known by its bytes, and its path stays inside the folder."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from scar.common.hub_files import RemoteFile, compute_git_id, resolve_path
from scar.errors import InputError


def test_the_id_is_gits_own(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"some text\n")
    done = subprocess.run(["git", "hash-object", str(file)], capture_output=True, text=True, check=True)  # noqa: S603, S607
    assert compute_git_id(file) == done.stdout.strip()


def test_a_local_file_is_compared_by_size_and_hash(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"abc")
    large = RemoteFile("a.txt", 3, hashlib.sha256(b"abc").hexdigest(), "0" * 40)
    small = RemoteFile("a.txt", 3, None, compute_git_id(file))
    assert large.is_at(file)
    assert small.is_at(file)
    assert not large.is_at(file, lambda _: "0" * 64)
    assert not RemoteFile("a.txt", 4, large.sha256, "").is_at(file)
    file.write_bytes(b"abd")
    assert not large.is_at(file)
    assert not small.is_at(file)
    assert not small.is_at(tmp_path / "absent")


def test_a_path_stays_inside_the_folder(tmp_path: Path) -> None:
    assert resolve_path(tmp_path, "a/b.parquet", "me/corpus") == tmp_path / "a" / "b.parquet"
    with pytest.raises(InputError, match=r"me/corpus: '\.\./b' would leave .*; refused"):
        resolve_path(tmp_path, "../b", "me/corpus")
