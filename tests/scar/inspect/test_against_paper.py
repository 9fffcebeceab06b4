"""The paper's table as published, and a corpus beside it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from scar.errors import InputError
from scar.inspect.against_paper import compare_with_paper, read_paper_table
from tests.shared import SHARED

PUBLISHED = SHARED / "published" / "paper_scar_statistics.csv"


def write_report(folder: Path, **sources: dict[str, Any]) -> Path:
    """A folder with a build report of these sources."""
    entry = {"images": 10, "samples": 20, "records": 50, "rejected": {}, "overlap": {}}
    content = {"sources": {name.replace("__", "/"): entry | changes for name, changes in sources.items()}}
    (folder / "build_report.json").write_text(json.dumps(content))
    return folder


@pytest.mark.skipif(not PUBLISHED.is_file(), reason=f"no {PUBLISHED}")
def test_the_numbers_are_those_of_the_published_table() -> None:
    paper = read_paper_table()
    ours = {
        name.replace("_plus", "+").replace("COCO_Stuff", "COCO-Stuff"): row for name, row in paper["sources"].items()
    }
    ours["Total"] = paper["printed"]
    with PUBLISHED.open(newline="") as file:
        table = list(csv.DictReader(file))
    assert {row["dataset"] for row in table} == ours.keys()
    for row in table:
        for split in ("train", "eval"):
            for kind, column in (("images", "images"), ("samples", "annotations")):
                printed = int(row[f"{split}_{column}_as_printed"].replace(",", ""))
                assert ours[row["dataset"]][split][kind] == printed


def test_the_printed_total_is_kept_beside_the_sum(tmp_path: Path) -> None:
    rows = compare_with_paper(write_report(tmp_path, ADE20K__train={}))
    total = next(row for row in rows if row.source == "total/train")
    assert (total.paper_images, total.images, total.samples) == (309_278, 10, 20)
    assert total.reasons == ("the paper's images sum up to 263,488", "ours is the sum of the sources above")


def test_incomplete_files_are_a_reason(tmp_path: Path) -> None:
    rows = {
        row.source: row
        for row in compare_with_paper(
            write_report(tmp_path, RefCOCOg__train={"records": 211}, RefCOCO_plus__eval={"records": 3805})
        )
    }
    assert "its files have 211 records, the official ones 42,226" in rows["RefCOCOg/train"].reasons
    assert not any("official ones" in reason for reason in rows["RefCOCO_plus/eval"].reasons)


def test_each_difference_is_explained(tmp_path: Path) -> None:
    rejected = {"small": 9, "over_limit": 1200, "in_eval": 21}
    folder = write_report(
        tmp_path,
        COCO_Stuff__train={"rejected": rejected, "records": 5000, "overlap": {"RefCOCOg/eval": 4}},
        ADE20K__eval={"images": 2000, "samples": 9368},
    )
    rows = {row.source: row for row in compare_with_paper(folder)}
    assert rows["COCO_Stuff/train"].reasons[1:] == (
        "21 records of images that eval splits have (RefCOCOg/eval 4)",
        "of 5,000 records: over_limit 1,200, small 9",
    )
    assert "every train2017 image" in rows["COCO_Stuff/train"].reasons[0]
    assert rows["ADE20K/eval"].reasons == ()
    assert rows["VisualGenome/eval"].reasons == ("not built",)
    assert len(rows) == 12
    assert all(row.reasons for row in rows.values() if row.images != row.paper_images and "total" not in row.source)


def test_a_folder_of_other_sources_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds none of RefCOCOg, .*scar-1m"):
        compare_with_paper(write_report(tmp_path, Mine__eval={}))
    with pytest.raises(InputError, match="holds none of"):
        compare_with_paper(tmp_path / "nowhere")
