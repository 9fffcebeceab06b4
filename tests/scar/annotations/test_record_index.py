"""Records of random images: those of each image are found again, in the order in which they were added."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest

from scar.annotations.json_stream import iter_records
from scar.annotations.record_index import RecordCollector, group_by_image, read_records, select_image

IMAGES = [-(2**63), -5, 0, 1, 2, 7, 2**63 - 1]


@pytest.mark.parametrize("count", [0, 1, 5, 200])
def test_the_records_of_each_image_are_read_in_order(count: int, tmp_path: Path) -> None:
    rng = Random(count)
    records = [{"image": rng.choice(IMAGES), "text": "é" * rng.randrange(9), "number": row} for row in range(count)]
    path = tmp_path / "records.json"
    path.write_text(json.dumps({"list": records}, ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, 2])))
    collector = RecordCollector(path)
    for record in iter_records(path, ["list"]):
        collector.add_record(json.loads(bytes(record.text))["image"], record)
    assert len(collector) == count
    grouped = path, group_by_image(collector.spans, collector.image_ids)
    for image in [*IMAGES, 3]:
        found_path, spans = select_image(grouped, image)
        expected = [record for record in records if record["image"] == image]
        assert [json.loads(text) for text in read_records(found_path, spans)] == expected
        assert spans[:, 1].tolist() == [record["number"] for record in expected]


def test_records_take_the_image_ids_that_they_are_given() -> None:
    spans = np.array([[1, 0, 10, 5], [1, 1, 20, 5], [2, 2, 30, 5]])
    grouped = group_by_image(spans, np.array([9, 4, 9]))
    assert grouped.tolist() == [[4, 1, 20, 5], [9, 0, 10, 5], [9, 2, 30, 5]]
    assert spans[:, 0].tolist() == [1, 1, 2]
