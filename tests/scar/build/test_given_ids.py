"""Ids that a build gives are in its rows; what the annotation files have instead stands beside their provenance."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from scar import Recipe, build, read
from scar.errors import InputError
from scar.formats.reader import RowFile, find_row_files
from scar.formats.schema import GIVEN_IDS_KEY
from scar.generators.generator import Generator

if TYPE_CHECKING:
    from tests.conftest import World


@pytest.fixture
def build_file(world: World, stand_in: Generator, tmp_path: Path) -> Callable[[], RowFile]:
    """Build the world and give its file of rows."""

    def build_world() -> RowFile:
        world.write()
        build(Recipe(sources=(world.source(),)), tmp_path / "out", generator=stand_in)
        (file,) = find_row_files(tmp_path / "out")
        return file

    return build_world


def test_text_ids_of_images_and_annotations_stand_beside_the_provenance(
    world: World, build_file: Callable[[], RowFile], tmp_path: Path
) -> None:
    for image in world.images:
        image["id"] = f"img-{image['id']}"
    for record in (*world.annotations, *world.captions):
        record["image_id"] = f"img-{record['image_id']}"
    for annotation in world.annotations:
        annotation["id"] = f"thing-{annotation['id']}"
    regions, images = build_file().read_given_ids()
    samples = list(read(tmp_path / "out"))
    assert {regions[sample.region.id] for sample in samples} == {record["id"] for record in world.annotations}
    for sample in samples:
        assert images[sample.image_id] == f"img-{int(Path(sample.image).stem)}"
        assert regions[sample.region.id].startswith(f"thing-{int(Path(sample.image).stem)}")


def test_a_missing_id_is_none_and_others_are_left_out(world: World, build_file: Callable[[], RowFile]) -> None:
    del world.annotations[0]["id"]
    assert build_file().read_given_ids() == ({113: None}, {})


def test_a_build_that_numbers_nothing_says_nothing(build_file: Callable[[], RowFile]) -> None:
    file = build_file()
    assert file.read_given_ids() == ({}, {})
    assert file.sidecar is not None
    assert GIVEN_IDS_KEY not in (pq.ParquetFile(file.sidecar).metadata.metadata or {})


@pytest.mark.parametrize("content", ["[]", "{", '{"regions": {"x": 1}}'])
def test_damaged_given_ids_are_refused(content: Any, build_file: Callable[[], RowFile]) -> None:
    file = build_file()
    assert file.sidecar is not None
    table = pq.read_table(file.sidecar)
    pq.write_table(table.replace_schema_metadata({GIVEN_IDS_KEY: content}), file.sidecar)
    with pytest.raises(InputError, match="its given ids are no JSON"):
        file.read_given_ids()
    assert json.dumps(file.read_identities()) == "{}"
