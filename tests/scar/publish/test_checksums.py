"""Hashes are stored between commands, and a changed file is read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scar.common.files import hash_file
from scar.errors import InputError
from scar.publish.checksums import StoredHashes


def test_hashes_are_stored_and_only_those_that_were_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    store = tmp_path / "new" / "hashes.json"
    hashes = StoredHashes(store)
    wanted = {name: hash_file(tmp_path / name) for name in "ab"}
    assert {name: hashes(tmp_path / name) for name in "ab"} == wanted
    hashes.save()
    monkeypatch.setattr("scar.common.files.hash_file", lambda _: "read again")
    again = StoredHashes(store)
    assert again(tmp_path / "a") == wanted["a"]
    (tmp_path / "a").write_text("longer")
    assert again(tmp_path / "a") == "read again"
    again.save()
    assert list(json.loads(store.read_text())) == [str((tmp_path / "a").resolve())]


@pytest.mark.parametrize("content", ["", "[]", "3", '{"a": 3}', '{"a": []}', "\0"])
def test_a_damaged_store_counts_as_empty(tmp_path: Path, content: str) -> None:
    (tmp_path / "hashes.json").write_text(content)
    (tmp_path / "a").write_text("a")
    assert StoredHashes(tmp_path / "hashes.json")(tmp_path / "a") == hash_file(tmp_path / "a")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent: No such file or directory\."):
        StoredHashes(tmp_path / "hashes.json")(tmp_path / "absent")
