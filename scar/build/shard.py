"""A shard is a range of the pictures of a source, the unit of work of a build; it is the same on every engine."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

import pyarrow as pa

from scar.accounting import Tally
from scar.annotations.pictures import PictureRef
from scar.annotations.upright import read_upright
from scar.build.pipeline import iter_samples
from scar.build.review_decisions import DecisionsById, apply_decisions
from scar.common.image_header import read_header
from scar.common.orientation import UPRIGHT
from scar.formats.row_codec import make_provenance_table, make_row_table
from scar.formats.schema import PROVENANCE_SCHEMA, SCHEMAS
from scar.generators.generator import Generator
from scar.language.user_words import NO_WORDS, Words
from scar.recipe import Recipe, Source
from scar.sample import Split

_METADATA_KEY = b"scar"
"""Key in the Arrow schema's metadata, under which a shard stores its digest and its counts as JSON."""


@dataclass(frozen=True, slots=True)
class ShardResult:
    """The samples of a shard as tables, and its counts.

    Attributes:
        digest: digest of everything that decides the result; see `ShardStore`.
        rows: samples in the published format of their split.
        notes: provenance of the samples, row by row.
        tally: counts of the shard's records.
        turned: those paths of `images` whose image EXIF turns.
    """

    digest: str
    rows: pa.Table
    notes: pa.Table
    tally: Tally
    turned: tuple[str, ...] = ()

    @property
    def images(self) -> list[str]:
        """Paths of the samples' images, relative to the source's image folder, without repetition."""
        return _list_images(self.rows)

    def to_bytes(self) -> bytes:
        """Write the result as an Arrow file; equal results give equal bytes."""
        metadata = {
            "digest": self.digest,
            "records": self.tally.records,
            "samples": self.tally.samples,
            "rejected": self.tally.rejected,
            "ignored": self.tally.ignored,
            "repaired": self.tally.repaired,
            "doubts": self.tally.doubts,
            "vetoes": self.tally.vetoes,
            "golds": self.tally.golds,
            "reasons": self.tally.reasons,
            "true_parts": self.tally.true_parts,
            "false_parts": self.tally.false_parts,
            "reviewed": self.tally.reviewed,
            "usage": self.tally.usage,
            "turned": self.turned,
        }
        columns = [*self.rows.columns, *self.notes.columns]
        fields = [
            *(field.with_name(f"row.{field.name}") for field in self.rows.schema),
            *(field.with_name(f"note.{field.name}") for field in self.notes.schema),
        ]
        schema = pa.schema(fields, metadata={_METADATA_KEY: json.dumps(metadata, sort_keys=True)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
        return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read the result that `to_bytes` wrote."""
        table = pa.ipc.open_file(content).read_all()
        metadata = json.loads(table.schema.metadata[_METADATA_KEY])
        split: Split = "train" if "row.pos_text" in table.schema.names else "eval"
        width = len(SCHEMAS[split])
        return cls(
            metadata["digest"],
            pa.Table.from_arrays(table.columns[:width], schema=SCHEMAS[split]),
            pa.Table.from_arrays(table.columns[width:], schema=PROVENANCE_SCHEMA),
            Tally(
                records=metadata["records"],
                samples=metadata["samples"],
                rejected=Counter(metadata["rejected"]),
                ignored=Counter(metadata["ignored"]),
                repaired=Counter(metadata.get("repaired", {})),
                doubts=Counter(metadata.get("doubts", {})),
                vetoes=Counter(metadata["vetoes"]),
                golds=Counter(metadata["golds"]),
                reasons=Counter(metadata["reasons"]),
                true_parts=Counter(metadata["true_parts"]),
                false_parts=Counter(metadata["false_parts"]),
                reviewed=Counter(metadata["reviewed"]),
                usage=Counter(metadata["usage"]),
            ),
            tuple(metadata.get("turned", ())),
        )


def build_shard(
    refs: Sequence[PictureRef],
    source: Source,
    recipe: Recipe,
    generator: Generator,
    digest: str,
    words: Words = NO_WORDS,
    decisions: DecisionsById = MappingProxyType({}),
) -> bytes:
    """Make the samples of a shard: a pure function of its arguments and of the files that they name.

    Args:
        refs: references to the pictures, by ascending image id.
        source: the source of the pictures.
        recipe: gives the seed, and whether bad records are skipped and images are decoded.
        generator: writes the captions.
        digest: digest of everything that decides the result; see `ShardStore`.
        words: the user's words for categories and scenes.
        decisions: what people decided about samples, by id.

    Returns:
        The bytes of a `ShardResult`.

    Raises:
        BadRecord: a record cannot be used and the recipe does not skip such records.
        InputError: an annotation file has changed or can no longer be read.
    """
    tally = Tally(skip_bad=recipe.skip_bad)
    usage = Counter(generator.usage)
    pictures = (read_upright(ref, source, tally) for ref in refs)
    written = iter_samples(pictures, source, recipe, generator, tally, words)
    samples = list(apply_decisions(written, decisions, tally))
    tally.usage = Counter(generator.usage) - usage
    rows = make_row_table(samples, source.split, recipe.seed)
    notes = make_provenance_table(samples, generator.name, generator.version, source.licence, recipe.seed)
    del samples  # they take more memory than the tables
    images = ((image, source.images / image) for image in _list_images(rows))
    turned = tuple(image for image, path in images if read_header(path).orientation != UPRIGHT)
    return ShardResult(digest, rows, notes, tally, turned).to_bytes()


def _list_images(rows: pa.Table) -> list[str]:
    return [path.split("/", 2)[2] for path in dict.fromkeys(rows["qry_image_path"].to_pylist())]


def read_digest(content: bytes | memoryview | pa.Buffer) -> str:
    """Read the digest from the bytes of a `ShardResult`, without its tables.

    Raises:
        ValueError: the bytes are not those of a whole `ShardResult`.
    """
    try:
        return str(json.loads(pa.ipc.open_file(content).schema.metadata[_METADATA_KEY])["digest"])
    except (pa.ArrowException, OSError, KeyError, TypeError) as error:
        raise ValueError(f"no shard: {error}") from None
