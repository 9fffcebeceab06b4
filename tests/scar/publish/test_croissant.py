"""A Croissant file reads the rows, and says the same as its card."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard

from scar.publish.card import CROISSANT, TEMPLATES, write_card
from tests.scar.publish.rendered import read_header


@pytest.mark.filterwarnings("ignore")
def test_croissant_reads_the_rows(corpus: Path) -> None:
    import mlcroissant as mlc

    write_card(corpus)
    dataset = mlc.Dataset(str(corpus / CROISSANT))
    assert not dataset.metadata.ctx.issues.errors
    for record_set in dataset.metadata.record_sets:
        config, split = record_set.id.split("/")
        path = next(
            entry["path"][0]
            for each in read_header(corpus)["configs"]
            if each["config_name"] == config
            for entry in each["data_files"]
            if entry["split"] == split
        )
        wanted = pq.read_table(corpus / path).to_pylist()
        found = list(dataset.records(record_set.id))
        assert len(found) == len(wanted)
        for row, record in zip(wanted, found, strict=True):
            if "bbox" in row:
                assert list(record[f"{record_set.id}/bbox"]) == row["bbox"]
                assert record[f"{record_set.id}/category"] == row["category"].encode()
                sizes = record[f"{record_set.id}/segmentation"][f"{record_set.id}/segmentation/size"]
                assert list(sizes) == row["segmentation"]["size"]
            else:
                parts = record[f"{record_set.id}/negatives"][f"{record_set.id}/negatives/part"]
                assert [part.decode() for part in parts] == [negative["part"] for negative in row["negatives"]]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["demo", "coco_mini"])
def test_the_cards_that_come_along_say_the_same_as_their_croissant(name: str) -> None:
    import mlcroissant as mlc

    card = DatasetCard.load(TEMPLATES / f"{name}_card.md")
    place = TEMPLATES / f"{name}_croissant.json"
    assert not mlc.Dataset(str(place)).metadata.ctx.issues.errors
    linked = json.loads(place.read_text(encoding="utf-8"))
    yaml_ = card.data.to_dict()
    assert yaml_["pretty_name"] == linked["name"]
    paths = [path for each in yaml_["configs"] for entry in each["data_files"] for path in entry["path"]]
    assert sorted(paths) == sorted(each["@id"] for each in linked["distribution"])
    records = {each["@id"]: each["description"] for each in linked["recordSet"]}
    for info in yaml_["dataset_info"]:
        for split in info["splits"]:
            rows = records[f"{info['config_name']}/{split['name']}"]
            assert rows.startswith(f"{split['num_examples']} rows")
