"""Parses that are kept: one arrow file that all workers map into memory, and parts that workers add to it.

A store holds the parses of one parser. Its file is `parses.arrow` in the folder that the user names, or the file that
the user names. A worker writes what it parsed as a part beside it, under a name made of the part's texts; `merge` makes
one file of all. The same parses give the same bytes, whoever added them.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scar.common.files import write_bytes
from scar.errors import InputError
from scar.language.parser import Parse, Parser

_FORMAT = "1"
"""Number of the layout of the file."""

_SUFFIX = ".arrow"

_COLUMNS = ("words", "lemmas", "tags", "deps")


class ParseStore:
    """The parses of one parser, by text. It may be pickled: each process opens the files itself.

    Args:
        path: a folder, or a file whose name ends in .arrow; neither need exist.
        parser: the parser whose parses are wanted; None takes those of any parser.

    Attributes:
        file: path of the store's file.
        parts: path of the folder of parts, small files that workers add and `merge` joins.

    Raises:
        InputError: a file is no store, is damaged, or holds the parses of another parser.
    """

    def __init__(self, path: Path, parser: Parser | None) -> None:
        self._path, self._parser = path, parser
        self.file = path if path.suffix == _SUFFIX else path / f"parses{_SUFFIX}"
        if path.suffix == _SUFFIX and path.is_dir():
            raise InputError(f"{path}: is a folder; a store of parses with this name is a file.")
        self.parts = self.file.with_name(f"{self.file.name}.parts")
        self._tables: list[_ParseTable] = []
        self._read_tables()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._path, self._parser)

    def __len__(self) -> int:
        """Number of stored parses; a text that two parts have counts twice."""
        return sum(len(table.texts) for table in self._tables)

    def find(self, text: str) -> Parse | None:
        """The stored parse of a text, which `clean_text` has cleaned; None if there is none."""
        return next((found for table in self._tables if (found := table.find(text)) is not None), None)

    def add(self, parses: Mapping[str, Parse]) -> None:
        """Write new parses as a part, and find them from now on.

        Raises:
            InputError: the store was opened without a parser, so that nobody could tell whose parses they are.
            WriteError: the part cannot be written.
        """
        if not parses:
            return
        if self._parser is None:
            raise InputError(f"{self._path}: parses cannot be added without their parser.")
        texts = sorted(parses)
        name = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:20]
        path = self.parts / f"{name}{_SUFFIX}"
        write_bytes(_encode([(text, parses[text]) for text in texts], self._parser.identity), path)
        self._tables.append(_ParseTable(path, self._parser))

    def merge(self) -> None:
        """Make one file of the store and all parts that lie beside it, and remove the parts.

        Raises:
            InputError: a part is damaged, or holds the parses of another parser.
            WriteError: the file cannot be written; the parts are kept.
        """
        import pyarrow as pa

        self._read_tables()
        parts = [table.path for table in self._tables if table.path != self.file]
        if not parts:
            return
        identity = self._tables[0].identity
        table = _merge_tables([table.table for table in self._tables])
        sink = pa.BufferOutputStream()
        _write_table(table, identity, sink)
        write_bytes(sink.getvalue().to_pybytes(), self.file)
        for path in parts:
            path.unlink(missing_ok=True)
        if self.parts.is_dir() and not any(self.parts.iterdir()):
            self.parts.rmdir()
        self._read_tables()

    def _read_tables(self) -> None:
        files = [self.file] if self.file.is_file() else []
        files += sorted(self.parts.glob(f"[!.]*{_SUFFIX}")) if self.parts.is_dir() else []
        self._tables = [_ParseTable(file, self._parser) for file in files]
        for table in self._tables:
            if table.identity != self._tables[0].identity:
                raise InputError(
                    f"{table.path}: parses of {_describe(table.identity)}, and {self._tables[0].path} has those of "
                    f"{_describe(self._tables[0].identity)}; remove one of them."
                )


class _ParseTable:
    """One file of parses in memory, sorted by text."""

    def __init__(self, path: Path, parser: Parser | None) -> None:
        import pyarrow as pa

        self.path = path
        try:
            with pa.memory_map(str(path)) as source:
                self.table = pa.ipc.open_file(source).read_all().combine_chunks()
        except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InputError(f"{path}: no store of parses, or a damaged one; remove it or name another.") from error
        metadata = {key.decode(): value.decode() for key, value in (self.table.schema.metadata or {}).items()}
        if (
            metadata.get("format") != _FORMAT
            or "parser" not in metadata
            or self.table.column_names[1:-1] != [*_COLUMNS]
        ):
            raise InputError(f"{path}: no store of parses of this version; remove it or name another.")
        self.identity: dict[str, str] = json.loads(metadata["parser"])
        if parser is not None and self.identity != parser.identity:
            raise InputError(
                f"{path}: holds parses of {_describe(self.identity)}, and the parser is {_describe(parser.identity)}; "
                "name another place with --parses, or remove it."
            )
        chunks: list[Any] = [column.combine_chunks() for column in self.table.columns]
        self.texts: Any = chunks[0]
        self._lists = chunks[1:]
        self._vocabularies = [column.values.dictionary.to_pylist() for column in chunks[1:-1]]

    def find(self, text: str) -> Parse | None:
        """The parse of a text; None if the file lacks it."""
        row = bisect_left(self.texts, text, key=lambda stored: stored.as_py())
        if row == len(self.texts) or self.texts[row].as_py() != text:
            return None
        words, lemmas, tags, deps = (
            tuple([vocabulary[code] for code in column[row].values.indices.to_pylist()])
            for column, vocabulary in zip(self._lists[:-1], self._vocabularies, strict=True)
        )
        return Parse(words, lemmas, tags, deps, tuple(self._lists[-1][row].as_py()))


def _describe(identity: Mapping[str, str]) -> str:
    return (
        f"{identity.get('name')} {identity.get('version')} (spaCy {identity.get('spacy')}, "
        f"SHA-256 {str(identity.get('sha256'))[:12]}...)"
    )


def _encode(rows: Sequence[tuple[str, Parse]], identity: Mapping[str, str]) -> bytes:
    """The bytes of a file with these parses, which are sorted by text."""
    import numpy as np
    import pyarrow as pa

    from scar.common.arrow import make_list_array, make_number_array, make_string_array

    lengths = [len(parse.words) for _, parse in rows]
    columns = [make_string_array(text for text, _ in rows)]
    for name in _COLUMNS:
        flat = [word for _, parse in rows for word in getattr(parse, name)]
        columns.append(make_list_array(lengths, _make_dictionary(flat)))
    heads = make_number_array([head for _, parse in rows for head in parse.heads], np.int16)
    columns.append(make_list_array(lengths, heads))
    sink = pa.BufferOutputStream()
    _write_table(pa.table(columns, ["text", *_COLUMNS, "heads"]), identity, sink)
    return bytes(sink.getvalue().to_pybytes())


def _make_dictionary(flat: Sequence[str]) -> Any:
    """A dictionary-encoded array of words, whose dictionary is sorted."""
    import numpy as np
    import pyarrow as pa

    from scar.common.arrow import make_number_array, make_string_array

    vocabulary = sorted(set(flat))
    codes = {word: code for code, word in enumerate(vocabulary)}
    indices = make_number_array([codes[word] for word in flat], np.int32)
    return pa.DictionaryArray.from_arrays(indices, make_string_array(vocabulary))


def _merge_tables(tables: Iterable[Any]) -> Any:
    """One table of several, sorted by text; of equal texts, the first counts. Only what it has stands in it."""
    import numpy as np
    import pyarrow as pa

    from scar.common.arrow import make_list_array, make_number_array, make_string_array, to_numpy

    every = list(tables)
    first: dict[str, tuple[int, int]] = {}
    for number, table in enumerate(every):
        for row, text in enumerate(table["text"].to_pylist()):
            first.setdefault(text, (number, row))
    texts = sorted(first)
    starts = np.cumsum([0, *(table.num_rows for table in every)])
    order = make_number_array([starts[first[text][0]] + first[text][1] for text in texts], np.int64)
    columns = [make_string_array(texts)]
    for name in (*_COLUMNS, "heads"):
        chunks = [chunk for table in every for chunk in table[name].chunks]
        if name != "heads":
            vocabulary = sorted({word for chunk in chunks for word in chunk.values.dictionary.to_pylist()})
            codes = {word: code for code, word in enumerate(vocabulary)}
            plain = []
            for chunk in chunks:
                known = np.array([codes[word] for word in chunk.values.dictionary.to_pylist()], np.int32)
                flat = to_numpy(chunk.flatten().indices)
                plain.append(
                    make_list_array(chunk.value_lengths().to_pylist(), make_number_array(known[flat], np.int32))
                )
            taken = pa.chunked_array(plain).combine_chunks().take(order)
            values: Any = pa.DictionaryArray.from_arrays(taken.flatten(), make_string_array(vocabulary))
        else:
            taken = pa.chunked_array(chunks).combine_chunks().take(order)
            values = taken.flatten()
        columns.append(make_list_array(taken.value_lengths().to_pylist(), values))
    return pa.table(columns, ["text", *_COLUMNS, "heads"])


def _write_table(table: Any, identity: Mapping[str, str], sink: Any) -> None:
    import pyarrow as pa

    table = table.replace_schema_metadata({"format": _FORMAT, "parser": json.dumps(identity, sort_keys=True)})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
