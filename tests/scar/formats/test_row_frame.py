"""Published rows of images that EXIF turns are read in the displayed frame, like those of their upright twins."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from PIL import Image

from scar import Recipe, build, read
from scar.common.image_header import read_header
from scar.errors import InputError
from scar.formats.check import check_folder
from scar.formats.row_frame import RowFrame, is_in_displayed_frame, open_row_frame
from scar.generators.generator import Generator
from scar.inspect.samples_page import write_samples_page
from scar.sample import Box, Region
from tests.scar.common.orientations import ORIENTATIONS, save_stored
from tests.scar.turned_world import make_world, publish_stored


@pytest.fixture
def twin(tmp_path: Path, stand_in: Generator) -> Path:
    """A corpus of upright images."""
    build(Recipe(sources=(make_world(tmp_path / "world").source(),)), tmp_path / "twin", generator=stand_in)
    shutil.rmtree(tmp_path / "twin" / "provenance")
    return tmp_path / "twin"


def test_rows_are_those_of_the_upright_twin(twin: Path, tmp_path: Path) -> None:
    expected, others = list(read(twin)), write_samples_page(twin, count=9)
    for orientation in ORIENTATIONS:
        published = publish_stored(twin, tmp_path / str(orientation), orientation)
        assert list(read(published)) == expected
        assert check_folder(published).counts == {}
        for card, other in zip(write_samples_page(published, count=9), others, strict=True):
            assert card.sample.region == other.sample.region
            assert (card.picture, card.outline, card.problem) == (other.picture, other.outline, "")


@pytest.mark.parametrize("orientation", [3, 6])
def test_rows_of_a_build_beside_the_images_as_they_were(
    tmp_path: Path, stand_in: Generator, twin: Path, orientation: int
) -> None:
    world = make_world(tmp_path / "turned", orientation, "stored")
    out = tmp_path / "out"
    build(Recipe(sources=(world.source(frame="stored"),)), out, generator=stand_in)
    expected = [sample.region for sample in read(out)]
    for image in (out / "images" / "toy_val").iterdir():
        shutil.copyfile(world.image_folder / image.name, image)
        assert read_header(image).orientation == orientation
    assert [sample.region for sample in read(out)] == expected
    assert check_folder(out).counts == {}


def test_the_size_of_a_mask_tells_the_displayed_frame(twin: Path, tmp_path: Path) -> None:
    published = publish_stored(twin, tmp_path / "published", 6)
    sample = next(read(twin))
    frame = RowFrame(published)
    assert frame.turn_region(sample.region, sample.image) == sample.region
    without = msgspec.structs.replace(sample.region, mask=None)
    assert frame.turn_region(without, sample.image) != without


@pytest.mark.parametrize("image", ["gone.png", "../outside.png", "broken.png", "x\0y"])
def test_without_a_readable_image_rows_stay_as_they_are(tmp_path: Path, image: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "broken.png").write_bytes(b"no image")
    region = Region(1, Box(1, 2, 3, 4), "cup")
    assert RowFrame(tmp_path / "images").turn_region(region, image) is region


def test_damaged_masks_of_turned_images_are_named(twin: Path, tmp_path: Path) -> None:
    published = publish_stored(twin, tmp_path / "published", 6)
    (path,) = published.glob("SCaR-eval/*.parquet")
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[0]["segmentation"]["counts"] = "not runs"
    pq.write_table(table.from_pylist(rows, schema=table.schema), path)
    assert check_folder(published).counts == {"mask": 1}
    with pytest.raises(InputError, match="row 0"):
        list(read(published))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_an_image_in_the_place_of_another_turns_no_row_of_a_build(twin: Path, orientation: int) -> None:
    expected = list(read(twin))
    for image in (twin / "images" / "toy_val").iterdir():
        with Image.open(image) as upright:
            save_stored(upright.copy(), orientation, image)
    assert list(read(twin)) == expected


def test_rows_of_a_build_say_their_frame(twin: Path, tmp_path: Path) -> None:
    (rows,) = twin.glob("SCaR-eval/*.parquet")
    assert is_in_displayed_frame(rows)
    (published,) = publish_stored(twin, tmp_path / "published", 6).glob("SCaR-eval/*.parquet")
    assert not is_in_displayed_frame(published)
    assert not is_in_displayed_frame(tmp_path / "rows.jsonl")
    for key, value, is_displayed in (
        (b"scar.frame", b"displayed", True),
        (b"scar.frame", b"stored", False),
        (b"scar.upright", b"[]", True),  # of earlier builds
        (b"other", b"displayed", False),
    ):
        pq.write_table(pq.read_table(rows).replace_schema_metadata({key: value}), tmp_path / "told.parquet")
        assert is_in_displayed_frame(tmp_path / "told.parquet") == is_displayed
    with pytest.raises(InputError, match="give them as two sources"):
        open_row_frame([rows, published], twin)
