"""Annotations of an image that EXIF turns are those of its upright twin, whichever frame they are in."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from scar.accounting import Tally
from scar.annotations import open_index
from scar.annotations.upright import TURNED, read_upright
from scar.errors import BadRecord
from scar.recipe import Frame
from scar.sample import Picture
from tests.conftest import World
from tests.scar.common.orientations import ORIENTATIONS
from tests.scar.turned_world import make_world


def read_all(world: World, tally: Tally, frame: Frame | None = None) -> list[Picture]:
    """Every picture as a build reads it, with its masks."""
    source = world.source(frame=frame)
    pictures = [read_upright(ref, source, tally) for ref in open_index(source, tally)]
    masked = [tuple(region.with_mask() for region in picture.regions) for picture in pictures]
    return [
        msgspec.structs.replace(picture, regions=regions) for picture, regions in zip(pictures, masked, strict=True)
    ]


@pytest.mark.parametrize("frame", ["stored", "displayed"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_pictures_are_those_of_the_upright_twin(tmp_path: Path, orientation: int, frame: Frame) -> None:
    twin = read_all(make_world(tmp_path / "twin"), Tally())
    world = make_world(tmp_path / "turned", orientation, frame)
    assert read_all(world, tally := Tally(), frame) == twin
    assert tally.repaired[TURNED] == (9 if frame == "stored" and orientation > 1 else 0)
    if orientation > 4:
        assert read_all(world, Tally()) == twin  # the sizes tell the frame


@pytest.mark.parametrize(("orientation", "size"), [(2, (120, 90)), (3, (120, 90)), (4, (120, 90)), (6, (120, 120))])
def test_where_nothing_tells_the_frame_the_recipe_has_to(
    tmp_path: Path, orientation: int, size: tuple[int, int]
) -> None:
    world = make_world(tmp_path / "turned", orientation, "stored", size)
    with pytest.raises(BadRecord, match=rf"EXIF \(orientation {orientation}\).*say frame = .*--frame") as caught:
        read_all(world, Tally())
    assert caught.value.reason == "image_frame"
    pictures = read_all(world, tally := Tally(skip_bad=True))
    assert [picture.regions for picture in pictures] == [()] * 3
    assert tally.rejected == {"image_frame": 9}
    twin = make_world(tmp_path / "twin", size=size)
    assert read_all(world, Tally(), "stored") == read_all(twin, Tally())


def test_a_missing_or_broken_image_is_left_to_the_build(tmp_path: Path) -> None:
    world = make_world(tmp_path / "turned", 6, "stored")
    first, second, _ = (world.image_folder / image["file_name"] for image in world.images)
    first.unlink()
    second.write_bytes(b"no image")
    sizes = {(picture.width, picture.height) for picture in read_all(world, Tally())}
    assert sizes == {(90, 120), (120, 90)}
