"""`Index`, a folder of embedded images or regions that can be searched: build one, open one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from numpy.typing import NDArray

from mmeb_eval.embedder import Embedder
from mmeb_eval.item import Item
from scar.common.files import create_folder, describe_no_folder, make_count, make_path, write_json
from scar.errors import ConfigError, VirtueError
from scar.sample import Box
from virtue_ref.inference.vector_parts import PART_ROWS, InputRow, embed_in_parts
from virtue_ref.search.entries import Entries, Entry, check_ids, read_entries
from virtue_ref.search.files import (
    ABOUT_FILE,
    ENTRY_FILE,
    FILE_TYPES,
    FORMAT,
    VECTOR_FILE,
    About,
    Columns,
    create_vectors,
    open_vectors,
    read_about,
    read_columns,
    write_entries,
)
from virtue_ref.search.graph import GRAPH_FILE, build_graph, search_graph
from virtue_ref.search.nearest import find_nearest
from virtue_ref.search.query import Query, embed_query

INSTRUCTION = (
    "Find the caption that best describes the segmented object, "
    "considering both local details and global context in the given image."
)
"""Text of entries and of queries by region: SCaR's, with which VIRTUE learned to meet the captions of regions."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that a query found.

    Attributes:
        score: inner product of the unit vectors of query and entry, -1 to 1.
        id, text, box: see `Entry`.
        image: path of the image file. That it still exists is not checked.
    """

    score: float
    id: str
    text: str
    image: Path
    box: Box | None


class Index:
    """An index with the embedder that made it; `open_index` makes it.

    Attributes:
        folder: its folder.
        about: what it records of its making, such as the model; see `About`.
        images: folder of the images.
        vectors: (N, D) unit rows, mapped into memory.
    """

    def __init__(self, folder: Path, embedder: Embedder, about: About, images: Path) -> None:
        self.folder = folder
        self.about = about
        self.images = images
        self.vectors: NDArray[Any] = open_vectors(folder / VECTOR_FILE, about)
        self._columns: Columns = read_columns(folder / ENTRY_FILE, about)
        self._embedder = embedder

    def __len__(self) -> int:
        return self.about.count

    def __getitem__(self, row: int) -> Entry:
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}.")
        return self._columns.get_entry(row % len(self))

    def search(self, query: Query, top: int = 10, *, exact: bool = False) -> list[Hit]:
        """Find the entries that are nearest to a query.

        Args:
            query: a text; an item, such as an image with a box; or (text or item, weight) pairs. An item with an image
                and no text gets the instruction of the index.
            top: number of hits; all entries if there are fewer.
            exact: whether to compare with every entry although the index has a graph (`build_index`).

        Returns:
            The hits, best first; equal scores are in the order of the index.

        Raises:
            InputError: `top` is no whole number of at least 1.
            ItemError: the query cannot be embedded.
        """
        wanted = make_count(top, "top")
        vector = embed_query(self._embedder, query, self.about.instruction)
        graph = self.folder / GRAPH_FILE
        if graph.exists() and not exact:
            found = search_graph(graph, self.vectors, vector, wanted)
        else:
            found = find_nearest(self.vectors, vector, wanted)
        return [self._make_hit(row, score) for row, score in found]

    def _make_hit(self, row: int, score: float) -> Hit:
        entry = self[row]
        return Hit(score, entry.id, entry.text, self.images / entry.image, entry.box)


def build_index(
    embedder: Embedder,
    entries: Entries | str | Path,
    folder: str | Path,
    *,
    instruction: str = INSTRUCTION,
    dtype: str = "float16",
    graph: bool = False,
    part_rows: int = PART_ROWS,
) -> Index:
    """Embed images or regions into an index. The same call resumes one that was stopped.

    Args:
        embedder: the embedder.
        entries: what `read_entries` makes, or a path for it: images, or a SCaR corpus.
        folder: a new folder; it appears when everything is in it.
        instruction: text that goes with each image.
        dtype: number format of the vectors, float16 or float32.
        graph: whether to add a graph of neighbours, for approximate search among more than about a million entries;
            it needs the extra "search".
        part_rows: number of entries after which vectors are saved.

    Raises:
        VirtueError: the folder exists, an image is missing or cannot be embedded, an id stands twice, or what a stopped
            run saved is of another model.
        InputError: the entries cannot be read.
        ConfigError: `dtype` is unknown, or usearch is not installed.
    """
    out = make_path(folder, "index")
    if dtype not in FILE_TYPES:
        raise ConfigError(f"unknown dtype {dtype!r} of an index: it is one of {', '.join(FILE_TYPES)}.")
    if out.exists():
        raise VirtueError(f"{out} exists; name a new folder.")
    source = entries if isinstance(entries, Entries) else read_entries(entries)
    listed: list[Entry] = []

    def iter_rows() -> Iterator[InputRow]:
        for entry in check_ids(source.read()):
            listed.append(entry)
            path = source.root / entry.image
            yield InputRow(entry.id, Item(instruction, path, entry.box), f"{entry.id}, {path.name}")

    parts = out.with_name(f".{out.name}.parts")
    found = embed_in_parts(embedder, iter_rows(), parts, part_rows=part_rows)
    about = About(FORMAT, embedder.name, instruction, str(source.root.resolve()), len(listed), found.dim, dtype)
    with create_folder(out) as unfinished:
        vectors = create_vectors(unfinished / VECTOR_FILE, about.count, about.dim, dtype)
        found.fill(vectors)
        vectors.flush()
        write_entries(unfinished / ENTRY_FILE, listed, vectors, embedder.name)
        if graph:
            build_graph(vectors, unfinished / GRAPH_FILE)
        write_json(msgspec.to_builtins(about), unfinished / ABOUT_FILE)
    shutil.rmtree(parts)
    return open_index(out, embedder)


def open_index(folder: str | Path, embedder: Embedder, images: str | Path | None = None) -> Index:
    """Open an index.

    Args:
        folder: the folder that `build_index` wrote.
        embedder: the embedder for queries; it must be the one that made the index.
        images: folder of the images, if it is no longer where it was.

    Raises:
        VirtueError: there is no index, half of one, or one of another model; or `images` is no folder.
    """
    path = make_path(folder, "index")
    about = read_about(path)
    if about.model != embedder.name:
        raise VirtueError(f"{path}: an index of {about.model}, not of {embedder.name}; load that model or index again.")
    root = Path(about.images) if images is None else make_path(images, "images")
    if images is not None and not root.is_dir():
        raise VirtueError(f"{root}: {describe_no_folder(root)}; give the folder that the images of the index are in.")
    return Index(path, embedder, about, root)
