"""What a card claims is counted again from the parquet files alone: for whole corpora, parts, and shared images."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scar.publish.card import CARD, write_card
from tests.scar.publish.rendered import read_croissant, read_header

Change = Callable[[Path], Any]


def take_out(folder: Path, path: str) -> None:
    for each in (path, f"provenance/{Path(path).name}"):
        (folder / each).unlink()


def share_images(folder: Path) -> None:
    """Both eval sources name the same images."""
    paths = [folder / "SCaR-eval" / f"SCaR_eval_{name}.parquet" for name in ("Toy", "My-own")]
    table, other = map(pq.read_table, paths)
    pq.write_table(table.set_column(1, "qry_image_path", other["qry_image_path"]), paths[0])


CHANGES: list[Change] = [
    lambda folder: None,
    lambda folder: take_out(folder, "SCaR-eval/SCaR_eval_My-own.parquet"),
    lambda folder: take_out(folder, "SCaR-train/SCAR_Toy.parquet"),
    share_images,
    lambda folder: (folder / "build_report.json").unlink(),
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_numbers_of_a_card_are_those_of_the_files(corpus: Path, change: Change) -> None:
    write_card(corpus)
    change(corpus)
    write_card(corpus)
    rows = {path: pq.read_table(path) for path in corpus.glob("SCaR-*/*.parquet")}
    samples = sum(table.num_rows for table in rows.values())
    images = {image for table in rows.values() for image in table["qry_image_path"].to_pylist()}
    card, header, croissant = (corpus / CARD).read_text(), read_header(corpus), read_croissant(corpus)
    assert f"**{samples:,} samples** of {len(images):,} images" in card
    assert f"{samples:,} samples" in croissant["description"]
    assert sum(source["samples"] for source in header["sources"]) == samples
    for info in header["dataset_info"]:
        files = {
            path: (corpus / path)
            for each in header["configs"]
            if each["config_name"] == info["config_name"]
            for entry in each["data_files"]
            for path in entry["path"]
        }
        assert sum(split["num_examples"] for split in info["splits"]) == sum(
            pq.read_metadata(path).num_rows for path in files.values()
        )
        assert info["download_size"] == sum(path.stat().st_size for path in files.values())
    listed = {entry["contentUrl"] for entry in croissant["distribution"]}
    assert listed == {path.relative_to(corpus).as_posix() for path in corpus.rglob("*.parquet")}
    licences = {source["license"] for source in header["sources"]}
    assert ("CC BY-NC 4.0" in licences) == (corpus / "SCaR-eval" / "SCaR_eval_My-own.parquet").is_file()
    assert ("not for commercial use" in card.partition("## What is in it")[0]) == ("CC BY-NC 4.0" in licences)


def test_plots_of_a_source_that_is_gone_are_gone(corpus: Path) -> None:
    from scar.inspect.statistics import count_corpus, write_charts

    write_charts(count_corpus(corpus), corpus)
    (corpus / "audit").mkdir()
    for key in ("Toy_eval", "My-own_eval"):
        (corpus / "audit" / f"{key}_blind.png").write_bytes(b"png")
    assert any("My-own" in plot for plot in write_card(corpus).plots)
    take_out(corpus, "SCaR-eval/SCaR_eval_My-own.parquet")
    plots = write_card(corpus).plots
    assert not any("My-own" in plot for plot in plots)
    assert "audit/Toy_eval_blind.png" in plots
    assert re.findall(r"!\[.*?\]\((.*?)\)", (corpus / CARD).read_text()) == [p for p in plots if p.startswith("stats")]


def test_images_that_were_turned_are_told(corpus: Path) -> None:
    report = json.loads((corpus / "build_report.json").read_text())
    report["sources"]["Toy/eval"]["turned_images"] = {"exact": 1, "encoded_again": 1}
    (corpus / "build_report.json").write_text(json.dumps(report))
    write_card(corpus)
    line = "Toy/eval: 2 images were turned upright as their EXIF says, and their regions too."
    assert line in (corpus / CARD).read_text()
    assert line in read_croissant(corpus)["rai:dataPreprocessingProtocol"]
