"""Archives unpack inside their folder; hostile ones are refused before they write anything outside it."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from mmeb_eval.data.unpack import unpack_archive
from scar.errors import DataError
from tests.mmeb_eval.data.archives import tape


def _link(info: tarfile.TarInfo) -> None:
    info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc", 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tape({"../out.jpg": b"x"}), r"member '../out.jpg' would leave"),
        (tape({"/out.jpg": b"x"}), r"member '/out.jpg' would leave"),
        (tape({"a/../../out.jpg": b"x"}), r"would leave"),
        (tape({"link": b""}, _link), r"'link' is a link or device; refused"),
        (tape({"zeros": bytes(200_000_000)}), r"'zeros': it unpacks to far more"),
        (tape({"a.jpg": b"x" * 100_000})[:60], r"a damaged archive|'a.jpg'"),
        (b"no archive at all", r"a damaged archive"),
    ],
    ids=["parent", "absolute", "parent below", "link", "bomb", "cut", "no archive"],
)
def test_hostile_archives(tmp_path: Path, content: bytes, message: str) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(content)
    with pytest.raises(DataError, match=message):
        unpack_archive(archive, tmp_path / "out")
    assert not (tmp_path / "out.jpg").exists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path != archive]


def test_a_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "archive").write_bytes(tape({"a/b.jpg": b"x"}))
    with pytest.raises(DataError, match=r"'a/b.jpg' would leave .* through a link"):
        unpack_archive(tmp_path / "archive", tmp_path / "out")


def test_zip_files_too_and_what_is_there_is_kept(tmp_path: Path) -> None:
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("images/a.jpg", b"new")
        packed.writestr("images/b/", b"")
        packed.writestr("images/b/c.jpg", b"three")
    out = tmp_path / "out"
    (out / "b").mkdir(parents=True)
    (out / "a.jpg").write_bytes(b"old")
    assert unpack_archive(archive, out, strip="images") == 2
    assert (out / "a.jpg").read_bytes() == b"old"
    assert (out / "b" / "c.jpg").read_bytes() == b"three"
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(link, "/etc")
    with pytest.raises(DataError, match=r"'link' is a link or device"):
        unpack_archive(archive, out)
