"""A shard is some images of a source: what a worker gets, does and gives back, the same on every engine."""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import pyarrow as pa

from scar.accounting import Tally
from scar.annotations import PictureRef
from scar.build.pipeline import iter_samples
from scar.formats.row_codec import make_provenance_table, make_row_table
from scar.formats.schema import PROVENANCE_SCHEMA, SCHEMAS, Origin
from scar.generators.generator import Generator
from scar.recipe import Recipe, Source
from scar.sample import Sample, Split

SHARD_IMAGES = 500
"""Images of a shard: a second or two of work, some megabytes. The files that are published do not depend on it."""

_METADATA_KEY = b"scar"
"""Key of the schema's metadata under which a shard keeps all that is no row."""


@dataclass(frozen=True, slots=True)
class Job:
    """What all shards of a source have in common.

    Attributes:
        source: where the pictures come from.
        recipe: seed and strictness.
        generator: writes the captions.
        origin: what the provenance says of all samples.
        digest: names all that decides the results; see `Store`.
    """

    source: Source
    recipe: Recipe
    generator: Generator
    origin: Origin
    digest: str


@dataclass(frozen=True, slots=True)
class Shard:
    """What a worker gets.

    Attributes:
        job: what to do.
        picture_refs: of the pictures, by ascending id.
    """

    job: Job
    picture_refs: Sequence[PictureRef]

    def __call__(self) -> bytes:
        """Make its samples: a pure function of it and of the files that it names.

        Returns:
            The bytes of a `ShardResult`.

        Raises:
            BadRecord: a record cannot be used and the recipe does not skip such records.
        """
        job, tally = self.job, Tally(skip_bad=self.job.recipe.skip_bad)
        pictures = (ref.read_picture(tally) for ref in self.picture_refs)
        with _garbage_collection_off():
            rows, notes = _make_tables(iter_samples(pictures, job.source, job.recipe, job.generator, tally), job)
        return ShardResult(job.digest, rows, notes, tally).to_bytes()


@dataclass(frozen=True, slots=True)
class ShardResult:
    """What a worker gives back.

    Attributes:
        digest: that of its shard.
        rows: in the published format.
        notes: their provenance, row by row.
        tally: what was counted on the way.
    """

    digest: str
    rows: pa.Table
    notes: pa.Table
    tally: Tally

    @property
    def images(self) -> list[str]:
        """The image files of the samples, relative to the source's image folder."""
        return [path.split("/", 2)[2] for path in dict.fromkeys(self.rows["qry_image_path"].to_pylist())]

    def to_bytes(self) -> bytes:
        """An Arrow file; the same result gives the same bytes."""
        head = {
            "digest": self.digest,
            "records": self.tally.records,
            "samples": self.tally.samples,
            "rejected": self.tally.rejected,
            "ignored": self.tally.ignored,
            "vetoes": self.tally.vetoes,
        }
        both = [*self.rows.columns, *self.notes.columns]
        fields = [
            *(field.with_name(f"row.{field.name}") for field in self.rows.schema),
            *(field.with_name(f"note.{field.name}") for field in self.notes.schema),
        ]
        schema = pa.schema(fields, metadata={_METADATA_KEY: json.dumps(head, sort_keys=True)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            writer.write_table(pa.Table.from_arrays(both, schema=schema))
        return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """The result that `to_bytes` wrote."""
        table = pa.ipc.open_file(content).read_all()
        head = json.loads(table.schema.metadata[_METADATA_KEY])
        split: Split = "train" if "row.pos_text" in table.schema.names else "eval"
        rows = len(SCHEMAS[split])
        return cls(
            head["digest"],
            pa.Table.from_arrays(table.columns[:rows], schema=SCHEMAS[split]),
            pa.Table.from_arrays(table.columns[rows:], schema=PROVENANCE_SCHEMA),
            Tally(
                records=head["records"],
                samples=head["samples"],
                rejected=Counter(head["rejected"]),
                ignored=Counter(head["ignored"]),
                vetoes=Counter(head["vetoes"]),
            ),
        )


def read_digest(content: bytes | memoryview | pa.Buffer) -> str:
    """The digest in the bytes of a result, of which only the end is looked at.

    Raises:
        ValueError: these are not the bytes of a result.
    """
    try:
        return str(json.loads(pa.ipc.open_file(content).schema.metadata[_METADATA_KEY])["digest"])
    except (pa.ArrowException, OSError, KeyError, TypeError) as error:
        raise ValueError(f"no shard: {error}") from None


def _make_tables(samples: Iterable[Sample], job: Job) -> tuple[pa.Table, pa.Table]:
    """Rows and notes; the samples themselves are gone when it returns."""
    made = list(samples)
    return make_row_table(made, job.source.split, job.origin.seed), make_provenance_table(made, job.origin)


@contextmanager
def _garbage_collection_off() -> Iterator[None]:
    """Python does not look for cycles among what it keeps: a shard's records have none, and to look takes a fifth."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
