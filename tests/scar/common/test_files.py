"""A file is written whole or not at all, hashed once, and stays inside its folder."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scar.common.files import (
    FileHash,
    HashCache,
    create_folder,
    describe_missing,
    describe_no_folder,
    hash_file,
    hash_files,
    is_inside,
    iter_paths,
    join_inside,
    replace_file,
    write_bytes,
    write_json,
    write_table,
    write_text,
)
from scar.errors import EvalError, WriteError


def test_a_file_has_the_old_content_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replace_file(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replace_file(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder"
    with create_folder(path) as temporary:
        (temporary / "a").write_text("a")
        assert not path.exists()
    assert (path / "a").read_text() == "a"
    with pytest.raises(ValueError, match="stop"), create_folder(tmp_path / "other") as temporary:
        (temporary / "a").write_text("a")
        raise ValueError("stop")
    assert list(tmp_path.iterdir()) == [tmp_path / "new"]


def test_a_folder_with_files_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a").write_text("a")
    with pytest.raises(OSError, match="not empty"), create_folder(tmp_path / "mine"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_folders_are_made_and_text_is_utf_8(tmp_path: Path) -> None:
    write_text("Käfer\n", tmp_path / "a" / "b.txt")
    write_bytes(b"\0", tmp_path / "a" / "b.bin")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "Käfer\n".encode()
    assert (tmp_path / "a" / "b.bin").read_bytes() == b"\0"


def test_equal_contents_give_equal_json(tmp_path: Path) -> None:
    write_json({"b": 1, "a": "ü"}, tmp_path / "one.json")
    write_json({"a": "ü", "b": 1}, tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert json.loads((tmp_path / "one.json").read_text(encoding="utf-8")) == {"a": "ü", "b": 1}


def test_a_table_comes_back(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2], "b": ["x", None]})
    write_table(table, tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet") == table


def test_a_full_disk_is_one_line_and_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(
        WriteError, match=r"a.txt: cannot be written: No space left on device; what was stored"
    ) as caught:
        write_text("new", path)
    assert isinstance(caught.value, EvalError)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_hashes_are_sha_256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").write_bytes(b"")
    digests = [hashlib.sha256(content).digest() for content in (b"abc", b"")]
    assert hash_file(tmp_path / "a") == digests[0].hex()
    assert hash_files([tmp_path / "a", tmp_path / "b"]) == hashlib.sha256(b"".join(digests)).hexdigest()


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    cache = HashCache(("st_size", "st_mtime_ns"))
    first = cache.hash_file(path)
    assert first == hash_file(path)
    assert cache.computed == cache.used == {str(path)}
    later = HashCache(("st_size", "st_mtime_ns"), cache.known)
    assert later.hash_file(path) == first
    assert (later.computed, later.used) == (set(), {str(path)})
    os.utime(path, ns=(0, 0))
    assert later.hash_file(path) == first
    assert later.computed == {str(path)}


def test_a_known_hash_is_taken_without_reading(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    cache = HashCache(("st_size",), {str(path): FileHash((3,), "known")})
    assert cache.hash_file(path) == "known"
    with pytest.raises(FileNotFoundError):
        cache.hash_file(tmp_path / "absent")


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/a", "a\\b", "a\0b", "C:a", ""])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"would leave .*; refused"):
        join_inside(tmp_path, name)


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    with pytest.raises(ValueError, match=r"would leave .* through a link; refused"):
        join_inside(tmp_path / "in", "link/a")
    assert join_inside(tmp_path / "in", "new/a") == tmp_path / "in" / "new" / "a"


def test_a_path_is_inside_by_its_names_or_by_where_its_links_lead(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "out").mkdir()
    (folder / "link").symlink_to(tmp_path / "out")
    (folder / "loop").symlink_to(folder / "loop")
    (tmp_path / "other_name").symlink_to(folder)
    for path, by_name, resolved in (
        (folder, True, True),
        (folder / "new", True, True),
        (folder / "link" / "a", True, False),
        (folder / "loop" / "a", True, True),
        (folder / "a" / ".." / "b", False, True),
        (folder / ".." / "b", False, False),
        (tmp_path / "other_name" / "a", False, True),
        (tmp_path / "inner", False, False),
    ):
        assert is_inside(path, folder, resolve_links=False) is by_name, path
        assert is_inside(path, folder, resolve_links=True) is resolved, path


def test_linked_folders_are_walked_and_circles_are_not(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for folder in (root / "a", tmp_path / "disk"):
        folder.mkdir(parents=True)
        (folder / "x").write_text("")
    (root / "b").symlink_to(tmp_path / "disk")
    (root / "c").symlink_to(tmp_path / "disk")
    (root / "a" / "up").symlink_to(root)
    (root / "a" / "self").symlink_to(root / "a" / "self")
    (root / "gone").symlink_to(tmp_path / "gone")
    (tmp_path / "disk" / "back").symlink_to(root / "b")
    found = [str(path.relative_to(root)) for path in iter_paths(root)]
    assert sorted(found) == ["a/self", "a/x", "b/x", "c/x", "gone"]


def test_a_path_that_is_missing_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("gone")
    assert describe_missing(tmp_path) == "is a folder"
    assert describe_missing(tmp_path / "link") == "does not exist (it is a link to 'gone')"
    assert describe_missing(tmp_path / "absent") == "does not exist"
    assert describe_no_folder(tmp_path / "file") == "is a file, not a folder"
    assert describe_no_folder(tmp_path / "link") == "no such folder (it is a link to 'gone')"
    assert describe_no_folder(tmp_path / "absent") == "no such folder"


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077], ids=oct)
def test_files_and_folders_get_the_rights_that_the_umask_asks_for(tmp_path: Path, umask: int) -> None:
    """Also what a library writes for its owner alone, as safetensors does."""

    def write(path: Path) -> None:
        write_text("a", path.with_name("text"))
        with replace_file(path.with_name("private")) as temporary:
            temporary.touch(mode=0o600)
        with replace_file(path.with_name("plain")) as temporary:
            temporary.touch()

    before = os.umask(umask)
    try:
        write(tmp_path / "outside" / "a")
        with create_folder(tmp_path / "made" / "folder") as temporary:
            write(temporary / "inner" / "a")
            (temporary / "private").touch(mode=0o600)
    finally:
        os.umask(before)
    found = list(tmp_path.rglob("*"))
    assert sorted(path.name for path in found if path.is_file()) == sorted(
        ["text", "private", "plain"] * 2 + ["private"]
    )
    for path in found:
        assert path.stat().st_mode & 0o777 == (0o777 if path.is_dir() else 0o666) & ~umask, path
