"""References to pictures travel between processes; a held out picture has no regions, and they are counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scar.accounting import Tally
from scar.annotations import open_index
from scar.annotations.pictures import HELD_OUT, HeldOut, PictureKey, PictureList, lacks_id, with_held_out
from scar.sample import Box, Picture, Region

if TYPE_CHECKING:
    from tests.conftest import World


@dataclass(frozen=True)
class TwoRegions:
    """A reference to a picture of two regions, of which one may become a sample."""

    id: int
    file: str
    identity: str | None = None

    def read_picture(self, tally: Tally) -> Picture:
        tally.records += 1
        box = Box(0, 0, 20, 20)
        return Picture(self.id, self.file, 40, 40, (Region(1, box, "cup"), Region(2, box, "fork", target=False)))


def test_held_out_images_are_empty_and_their_records_counted(travelled: Callable[[Any], Any]) -> None:
    tally = Tally()
    refs = [with_held_out(ref, {2}) for ref in (TwoRegions(1, "a"), TwoRegions(2, "b", "coco:2"))]
    assert [len(travelled(ref).read_picture(tally).regions) for ref in refs] == [2, 0]
    assert tally.rejected == {HELD_OUT: 1}
    held_out = refs[1]
    assert isinstance(held_out, HeldOut)
    assert (held_out.id, held_out.file, held_out.identity) == (2, "b", "coco:2")


def test_a_list_of_references_is_an_index(world: World) -> None:
    world.write()
    index = open_index(world.source(), Tally())
    pictures = PictureList(list(index))
    assert len(pictures) == len(index)
    assert [ref.id for ref in pictures] == [5, 7, 11]
    assert list(pictures.iter_keys()) == list(index.iter_keys())
    assert next(pictures.iter_keys()) == PictureKey(5, "000005.png", None)


def test_only_images_of_ones_own_lack_an_id(world: World) -> None:
    world.write()
    source = world.source()
    assert lacks_id(source, open_index(source, Tally()))
    for image in world.images:
        image["file_name"] = f"{image['id']:012}.jpg"
    world.write()
    index = open_index(source, Tally())
    assert not lacks_id(source, index)
    assert next(index.iter_keys()) == PictureKey(5, "000000000005.jpg", "coco:5")
