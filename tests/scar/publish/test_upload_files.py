"""The files of a push are those that the card names, with the card, the figures and the checksums of images."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from scar.errors import InputError
from scar.publish.missing_images import read_checksums
from scar.publish.upload_files import WORK_FOLDER, collect_files


def test_all_files_of_a_build_but_its_images(built: Path) -> None:
    files, summary = collect_files(built, "me/corpus")
    assert {file.path for file in files} == {
        "README.md",
        "croissant.json",
        "images.sha256",
        "build_report.json",
        "stats.json",
        "SCaR-eval/SCaR_eval_Toy.parquet",
        "SCaR-train/SCAR_Toy.parquet",
        "provenance/SCaR_eval_Toy.parquet",
        "provenance/SCAR_Toy.parquet",
    }
    for file in files:
        content = (built / file.path).read_bytes()
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert (summary.name, summary.repo, summary.samples) == ("corpus", "me/corpus", 18)
    for name, checksum in read_checksums(built).items():
        assert checksum == hashlib.sha256((built / name).read_bytes()).hexdigest()


def test_rows_with_images_come_from_the_work_folder(built: Path) -> None:
    files, summary = collect_files(built, "me/corpus", embed_images=True)
    shards = [file for file in files if WORK_FOLDER in file.file.parts]
    assert {file.path.partition("/")[0] for file in shards} == {"with-images"}
    assert [config.name for config in summary.configs][-2:] == ["eval_images", "train_images"]


def test_a_link_that_leaves_the_folder_is_refused(built: Path, tmp_path: Path) -> None:
    report = built / "build_report.json"
    report.rename(tmp_path / "report.json")
    report.symlink_to(tmp_path / "report.json")
    with pytest.raises(InputError, match=r"build_report.json: is a link that leaves .*; put the file itself there"):
        collect_files(built, "me/corpus")
