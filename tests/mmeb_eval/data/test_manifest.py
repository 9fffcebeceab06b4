"""The record of fetched files survives a round trip, and a damaged one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmeb_eval.data.manifest import MANIFEST_NAME, FetchedFile, FetchedPart, read_manifest, write_manifest
from scar.errors import DataError


def test_a_manifest_survives_the_round_trip(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == {}
    parts = {
        "b": FetchedPart("owner/rows", "1" * 40, {"b/rows.parquet": FetchedFile(3, "0" * 64)}),
        "a": FetchedPart("owner/images", "2" * 40, {"a/images.tar": FetchedFile(9, "1" * 64)}, images=2),
    }
    write_manifest(parts, tmp_path)
    assert read_manifest(tmp_path) == parts
    (tmp_path / "b").mkdir()
    (tmp_path / "b/rows.parquet").write_bytes(b"abc")
    assert [part.is_in(tmp_path) for part in parts.values()] == [True, False]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "parts": {"a": 3}}'])
def test_a_damaged_manifest(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST_NAME).write_text(content)
    with pytest.raises(DataError, match=r"mmeb-data.json: not a readable manifest"):
        read_manifest(tmp_path)


def test_a_manifest_of_another_version(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_NAME).write_text('{"format": 9, "parts": {}}')
    with pytest.raises(DataError, match=r"format 9, this version reads 1"):
        read_manifest(tmp_path)
