"""Write rows that contain the bytes of their images, and unpack such images into files again.

The Hub's viewer and `datasets.load_dataset` read these rows. They are extra files: the published formats have no column
for the bytes of images, and training code for these formats accepts no other columns.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scar.common.arrow import UNREADABLE, open_parquet, read_table
from scar.common.files import join_inside, replace_file, write_json
from scar.common.images import locate_image
from scar.common.progress import Track, track_silently
from scar.errors import BadRecord, InputError
from scar.formats.reader import RowFile, find_row_files, iter_row_batches
from scar.formats.schema import WITH_IMAGES_FOLDER
from scar.sample import Split

ROWS_PER_IMAGE_GROUP = 100
BYTES_PER_GROUP = 40_000_000
"""Most bytes of images in a row group: the Hub's viewer accepts 100 MB; less keeps writing below 500 MB of memory."""

BYTES_PER_SHARD = 500_000_000
"""Bytes of images in a shard; `datasets` makes shards of this size when it pushes."""

IMAGE_COLUMN = "image"
_IMAGE_FIELD = pa.field(IMAGE_COLUMN, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
"""Type of the image column that `datasets.Image` reads."""


@dataclass(frozen=True, slots=True)
class ImageShard:
    """A parquet file of rows with their images.

    Attributes:
        split: split of the rows.
        source: name of the source of the rows.
        file: path of the shard on this machine.
        path: path that the shard gets in a repository, such as ``with-images/SCAR_coco-00000-of-00002.parquet``.
    """

    split: Split
    source: str
    file: Path
    path: str


def write_image_shards(
    folder: Path, out: Path, sha256: Callable[[Path], str], track: Track = track_silently
) -> list[ImageShard]:
    """Write the rows of a corpus with their images; shards whose inputs have not changed are kept.

    A row group has at most `ROWS_PER_IMAGE_GROUP` rows, and at most `BYTES_PER_GROUP` of images unless a single image
    is larger. The files have a page index.

    Args:
        folder: a SCaR folder with its images.
        out: the folder that gets the folder ``with-images``; other parquet files in ``with-images`` are removed.
        sha256: computes the SHA-256 of a file, in hexadecimal digits.
        track: shows progress.

    Returns:
        The shards, kept and written, in the order of the rows of the corpus.

    Raises:
        InputError: an image is missing or its path leads out of the folder; or see `find_row_files`.
    """
    made_file = out / WITH_IMAGES_FOLDER / "made.json"
    made_file.parent.mkdir(parents=True, exist_ok=True)
    try:
        made = dict(json.loads(made_file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        made = {}
    shards = []
    for file in find_row_files(folder):
        images = _find_row_images(file, folder)
        counts = _plan_shards([path.stat().st_size for path in images])
        tables = _iter_tables(file.path)
        start = 0
        for number, count in enumerate(track(counts, f"embedding images of {file.source}", len(counts))):
            name = f"{file.path.stem}-{number:05}-of-{len(counts):05}.parquet"
            shard = ImageShard(file.split, file.source, out / WITH_IMAGES_FOLDER / name, f"{WITH_IMAGES_FOLDER}/{name}")
            shard_tables = list(islice(tables, count))
            shard_images = images[start : start + sum(map(len, shard_tables))]
            start += len(shard_images)
            key = _shard_key(file, start, shard_images, sha256)
            if made.get(name) != key or not shard.file.is_file():
                _write_shard(shard_tables, shard_images, folder, shard.file)
                made[name] = key
                write_json(made, made_file)
            shards.append(shard)
    for path in made_file.parent.glob("*.parquet"):
        if path not in {shard.file for shard in shards}:
            path.unlink()
    return shards


def unpack_images(shard: Path, out: Path, sha256_by_path: Mapping[str, str], *, force: bool = False) -> int:
    """Write the images of a shard to the paths in its rows.

    Args:
        shard: a file of `write_image_shards`. It may come from a stranger: paths and checksums of images are checked.
        out: the folder of the corpus; images are written only below its ``images``.
        sha256_by_path: expected SHA-256 of each image, by its path in the rows.
        force: replace files that have the path of an image and other contents.

    Returns:
        Number of different images in the shard, also of those that were there already.

    Raises:
        InputError: the shard is damaged, an image has an unsafe path or an unexpected SHA-256, or a file with other
            contents has its path and ``force`` is false.
    """
    names: set[str] = set()
    try:
        file = open_parquet(shard)
        for group in range(file.num_row_groups):
            for image in file.read_row_group(group, columns=[IMAGE_COLUMN])[IMAGE_COLUMN].to_pylist():
                name, content = str(image["path"]), bytes(image["bytes"])
                if name not in names:
                    _put_image(name, content, out, sha256_by_path, shard, force)
                names.add(name)
    except (*UNREADABLE, KeyError, TypeError) as error:
        raise InputError(f"{shard.name}: no readable rows with images: {error}.") from None
    return len(names)


def _put_image(
    name: str, content: bytes, out: Path, sha256_by_path: Mapping[str, str], shard: Path, force: bool
) -> None:
    if not name.startswith("images/"):
        raise InputError(f"{shard.name}: image path {name!r} would leave the image folder; refused.")
    try:
        path = join_inside(out, name)
    except ValueError as error:
        raise InputError(f"{shard.name}: image path {error}") from None
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256_by_path.get(name) != sha256:
        raise InputError(
            f"{shard.name}: {name} has SHA-256 {sha256}, not {sha256_by_path.get(name)}; its maker has to push again."
        )
    if path.exists():
        if path.stat().st_size == len(content) and path.read_bytes() == content:
            return
        if not force:
            raise InputError(f"{path}: holds something else; --force replaces it, another --out keeps it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as partial:
        partial.write_bytes(content)


def _find_row_images(file: RowFile, folder: Path) -> list[Path]:
    """Path of the image of each row."""
    column = read_table(file.path, ["qry_image_path"])["qry_image_path"].to_pylist()
    found: dict[str, Path] = {}
    for number, name in enumerate(column):
        if name not in found:
            try:
                found[name] = locate_image(folder, str(name), f"{file.path}, row {number}", resolve_links=True)
            except BadRecord as bad:
                raise InputError(f"{bad.where}: {bad.problem}; put it there, or push without --embed-images.") from None
    return [found[name] for name in column]


def _plan_shards(sizes: Sequence[int]) -> list[int]:
    """Number of batches of `ROWS_PER_IMAGE_GROUP` rows in each shard; a shard is one batch or fits `BYTES_PER_SHARD`.

    Args:
        sizes: size in bytes of each row's image.

    >>> _plan_shards([300_000_000] * 250), _plan_shards([1] * 250)
    ([1, 1, 1], [3])
    """
    counts: list[int] = []
    room = 0
    for start in range(0, len(sizes), ROWS_PER_IMAGE_GROUP):
        batch_bytes = sum(sizes[start : start + ROWS_PER_IMAGE_GROUP])
        if batch_bytes > room or not counts:
            counts.append(0)
            room = BYTES_PER_SHARD
        counts[-1] += 1
        room -= batch_bytes
    return counts


def _iter_tables(path: Path) -> Iterator[pa.Table]:
    """Yield the rows of a file in tables of `ROWS_PER_IMAGE_GROUP` rows, whatever the row groups of the file are."""
    pending: list[pa.RecordBatch] = []
    for batch in iter_row_batches(path, ROWS_PER_IMAGE_GROUP):
        pending.append(batch)
        table = pa.Table.from_batches(pending)
        if len(table) >= ROWS_PER_IMAGE_GROUP:
            yield table.slice(0, ROWS_PER_IMAGE_GROUP)
            pending = table.slice(ROWS_PER_IMAGE_GROUP).to_batches()
    if pending:
        yield pa.Table.from_batches(pending)


def _shard_key(file: RowFile, end: int, images: Sequence[Path], sha256: Callable[[Path], str]) -> str:
    """Digest of everything that decides the bytes of a shard; ``end`` is the index after its last row."""
    inputs = [sha256(file.path), end, [sha256(path) for path in images], pa.__version__]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


def _write_shard(tables: Sequence[pa.Table], images: Sequence[Path], folder: Path, path: Path) -> None:
    from datasets import Features, Image

    rows = tables[0].schema.remove_metadata()
    metadata = Features({IMAGE_COLUMN: Image(), **Features.from_arrow_schema(rows)}).arrow_schema.metadata
    schema = pa.schema([_IMAGE_FIELD, *rows], metadata=metadata)
    with (
        replace_file(path) as partial,
        pq.ParquetWriter(
            partial, schema, compression="zstd", use_dictionary=False, write_page_index=True, write_page_checksum=True
        ) as writer,
    ):
        start = 0
        for table in tables:
            for first, count in _iter_groups([path.stat().st_size for path in images[start : start + len(table)]]):
                own = images[start + first : start + first + count]
                writer.write_table(_with_images(table.slice(first, count), own, folder, schema))
            start += len(table)


def _with_images(rows: pa.Table, images: Sequence[Path], folder: Path, schema: pa.Schema) -> pa.Table:
    contents = pa.array((path.read_bytes() for path in images), pa.binary(), size=len(images))
    names = pa.array([path.relative_to(folder).as_posix() for path in images], pa.string())
    image = pa.StructArray.from_arrays([contents, names], fields=list(_IMAGE_FIELD.type))
    return pa.Table.from_arrays([image, *rows.itercolumns()], schema=schema)


def _iter_groups(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first row and the number of rows of each row group; a larger image has a group of its own.

    Args:
        sizes: size in bytes of each row's image.
    """
    first, total = 0, 0
    for number, size in enumerate(sizes):
        if number > first and total + size > BYTES_PER_GROUP:
            yield first, number - first
            first, total = number, 0
        total += size
    yield first, len(sizes) - first
