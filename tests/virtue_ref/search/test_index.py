"""An index finds what brute force finds, has the same bytes however it was made, and refuses what is no index of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from mmeb_eval.item import Item
from scar.errors import ConfigError, InputError, VirtueError
from scar.sample import Box
from virtue_ref.embedder import VirtueEmbedder, load
from virtue_ref.search.entries import Entries, read_entries
from virtue_ref.search.files import ENTRY_FILE, VECTOR_FILE
from virtue_ref.search.index import INSTRUCTION, Index, build_index, open_index


def digest(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_hits_are_those_of_brute_force(tiny: VirtueEmbedder, built: Index, regions: Entries, photos: Path) -> None:
    entries = [*regions.read()]
    matrix = tiny.embed([Item(INSTRUCTION, photos / entry.image, entry.box) for entry in entries])
    for query in ("a cup", Item("", photos / "b.png", Box(40, 20, 90, 50))):
        item = Item(query) if isinstance(query, str) else Item(INSTRUCTION, query.image, query.prompt)
        scores = matrix @ tiny.embed([item])[0]
        hits = built.search(query, top=4)
        assert np.allclose([hit.score for hit in hits], np.sort(scores)[::-1][:4], atol=2e-3)
        assert hits[0].id == entries[int(scores.argmax())].id
        assert hits[0].image.is_file()
    assert hits[0].id == "11", "a region finds itself"
    assert (hits[0].text, hits[0].box) == ("dog", Box(40, 20, 90, 50))
    assert len(built.search("a cup", top=100)) == len(built) == 6


def test_the_files_say_the_same(built: Index, regions: Entries) -> None:
    vectors = load_file(built.folder / VECTOR_FILE)["vectors"]
    assert vectors.dtype == np.float16
    assert np.array_equal(vectors, built.vectors)
    table = pq.read_table(built.folder / ENTRY_FILE)
    assert table.column_names == ["id", "text", "image", "box", "vector"]
    assert np.array_equal(np.stack(table["vector"].to_numpy(zero_copy_only=False)), vectors.astype(np.float32))
    assert [built[row] for row in range(len(built))] == [*regions.read()]
    with pytest.raises(IndexError):
        built[6]


class Stopping:
    """An embedder that fails after some calls, as if the process were killed."""

    def __init__(self, inner: VirtueEmbedder, calls: int) -> None:
        self.inner, self.calls, self.name, self.embedded = inner, calls, inner.name, 0

    def embed(self, items: Iterable[Item]) -> NDArray[np.float32]:
        if not self.calls:
            raise KeyboardInterrupt
        self.calls -= 1
        rows = list(items)
        self.embedded += len(rows)
        return self.inner.embed(rows)


def test_a_stopped_run_goes_on_and_gives_the_same_bytes(tiny: VirtueEmbedder, regions: Entries, tmp_path: Path) -> None:
    whole = build_index(tiny, regions, tmp_path / "whole", part_rows=2)
    with pytest.raises(KeyboardInterrupt):
        build_index(Stopping(tiny, 2), regions, tmp_path / "stopped", part_rows=2)
    assert not (tmp_path / "stopped").exists()
    rest = Stopping(tiny, 9)
    stopped = build_index(rest, regions, tmp_path / "stopped", part_rows=2)
    assert rest.embedded == 2, "of three parts, one was missing"
    assert digest(stopped.folder) == digest(whole.folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stopped", "whole"]


def test_float32_keeps_the_vectors(tiny: VirtueEmbedder, photos: Path, tmp_path: Path) -> None:
    index = build_index(tiny, photos, tmp_path / "i", dtype="float32", instruction="what is it")
    names = ("a.png", "b.png", "deep/c.jpg")
    assert np.array_equal(index.vectors, tiny.embed([Item("what is it", photos / name) for name in names]))


def test_moved_images_are_found(tiny: VirtueEmbedder, built: Index, photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos, tmp_path / "moved")
    assert open_index(built.folder, tiny, tmp_path / "moved").search("a")[0].image.is_relative_to(tmp_path / "moved")
    with pytest.raises(VirtueError, match="absent: no such folder; give"):
        open_index(built.folder, tiny, tmp_path / "absent")


def test_an_index_of_another_model_is_refused(built: Index, tiny: VirtueEmbedder) -> None:
    with pytest.raises(VirtueError, match=r"an index of virtue-tiny-.*, not of virtue-tiny-.*; load"):
        open_index(built.folder, load("tiny", truncate_dim=32))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no about": (lambda folder: (folder / "about.json").unlink(), "only half of an index"),
    "empty folder": (lambda folder: [*map(Path.unlink, folder.iterdir())], "no index"),
    "cut vectors": (lambda folder: (folder / VECTOR_FILE).write_bytes(b"12345678" * 9), "index again"),
    "short vectors": (
        lambda folder: (folder / VECTOR_FILE).write_bytes((folder / VECTOR_FILE).read_bytes()[:-1]),
        "index again",
    ),
    "no vectors": (lambda folder: (folder / VECTOR_FILE).unlink(), "index again"),
    "cut entries": (lambda folder: (folder / ENTRY_FILE).write_bytes(b"PAR1"), "index again"),
    "no entries": (lambda folder: (folder / ENTRY_FILE).unlink(), "index again"),
    "other about": (lambda folder: (folder / "about.json").write_text("{}"), "index again"),
    "later format": (
        lambda folder: (folder / "about.json").write_text(
            json.dumps(json.loads((folder / "about.json").read_text()) | {"format": 9})
        ),
        "format 9",
    ),
    "other count": (
        lambda folder: (folder / "about.json").write_text(
            json.dumps(json.loads((folder / "about.json").read_text()) | {"count": 7})
        ),
        "index again",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_is_told_in_one_line(built: Index, tiny: VirtueEmbedder, tmp_path: Path, damage: str) -> None:
    change, told = DAMAGES[damage]
    shutil.copytree(built.folder, tmp_path / "index")
    change(tmp_path / "index")
    with pytest.raises(VirtueError, match=told) as caught:
        open_index(tmp_path / "index", tiny)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_built_is_refused(
    tiny: VirtueEmbedder, built: Index, photos: Path, instances: Path, tmp_path: Path
) -> None:
    with pytest.raises(VirtueError, match="exists; name a new folder"):
        build_index(tiny, photos, built.folder)
    with pytest.raises(ConfigError, match="unknown dtype 'int3' of an index"):
        build_index(tiny, photos, tmp_path / "i", dtype="int3")
    with pytest.raises(InputError, match="top"):
        built.search("a", top=0)
    partial = tmp_path / "partial"
    shutil.copytree(photos, partial)
    entries = read_entries(instances, partial)
    (partial / "b.png").unlink()
    with pytest.raises(VirtueError, match=r"10, b.png: .*b.png: no such image"):
        build_index(tiny, entries, tmp_path / "i")
    (partial / "b.png").write_bytes(b"no image")
    with pytest.raises(VirtueError, match=r"b\.png"):
        build_index(tiny, entries, tmp_path / "i")
    assert not (tmp_path / "i").exists()
