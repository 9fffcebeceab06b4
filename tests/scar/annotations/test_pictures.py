"""References to pictures travel between processes; a held out picture has no regions, and they are counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scar.accounting import Tally
from scar.annotations import open_index
from scar.annotations.pictures import HELD_OUT, HeldOut, PictureIndex, PictureList, PictureRef, with_held_out
from scar.recipe import READERS, Reader, Source
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


def list_pictures(reader: str, *refs: PictureRef) -> PictureIndex:
    """An index of a toy source."""
    files = dict.fromkeys(READERS[reader].required, Path("x.json"))
    return PictureList(
        Source(name="T", split="train", images=Path("images"), reader=reader, files=files), Tally(), refs
    )


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
    pictures = PictureList(index.source, index.tally, list(index))
    assert len(pictures) == len(index)
    assert [ref.id for ref in pictures] == [5, 7, 11]
    for keys in (pictures.iter_keys(), index.iter_keys()):
        assert [(key.id, key.file, key.identity) for key in keys] == [
            (5, "000005.png", None),
            (7, "000007.png", None),
            (11, "000011.png", None),
        ]


def test_pictures_that_the_reader_holds_out_have_no_key() -> None:
    kept, held_out = TwoRegions(1, "a"), TwoRegions(2, "b", "coco:2")
    assert list(list_pictures("coco", kept, HeldOut(held_out, "reader")).iter_keys()) == [kept]


def test_only_images_of_ones_own_lack_an_id(world: World) -> None:
    world.write()
    source = world.source()
    assert open_index(source, Tally()).lacks_id()
    for image in world.images:
        image["file_name"] = f"{image['id']:012}.jpg"
    world.write()
    index = open_index(source, Tally())
    assert not index.lacks_id()
    first = next(index.iter_keys())
    assert (first.id, first.file, first.identity) == (5, "000000000005.jpg", "coco:5")


def test_images_of_a_new_format_lack_an_id(monkeypatch: pytest.MonkeyPatch) -> None:
    refs = TwoRegions(1, "a.png", "coco:1"), TwoRegions(2, "b.png")
    for name, reader in {"toy": Reader("toy", ()), "own": Reader("toy", (), shares_images=False)}.items():
        monkeypatch.setitem(READERS, name, reader)
        assert list_pictures(name, *refs).lacks_id() == (name == "toy")
        assert not list_pictures(name, *refs[:1]).lacks_id()


def test_only_ade20k_is_known_to_share_no_image() -> None:
    assert [name for name, reader in READERS.items() if not reader.shares_images] == ["ade20k"]


@pytest.mark.parametrize("name", READERS)
def test_the_folders_of_a_format_are_among_its_inputs(name: str) -> None:
    reader = READERS[name]
    assert reader.folders <= {*reader.required, *reader.optional}
