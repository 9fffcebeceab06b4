"""Open the annotation files of sources. Sources that share no files are opened in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from scar.accounting import Tally
from scar.annotations.call_cache import CallCache
from scar.annotations.inputs import digest_input
from scar.annotations.parts import select_part
from scar.annotations.pictures import PictureIndex
from scar.common.progress import Track
from scar.recipe import READERS, Source

HEAVY_BYTES = 1 << 27
"""Total size of annotation files above which it pays off to open them in several processes."""

RunTasks: TypeAlias = Callable[[Iterable[Callable[[], Any]]], Iterator[Any]]
"""Calls functions without arguments, in this process or in others, and yields their results in order."""


def open_index(source: Source, tally: Tally, cache: CallCache | None = None) -> PictureIndex:
    """Index the pictures of a source.

    Args:
        source: the source, which names the files.
        tally: counts what is counted before pictures are read; the index keeps it. The head of
            `scar.annotations.pictures` says which records these are.
        cache: what other sources have already read, so that shared files are read once; None to read all files.

    Raises:
        InputError: a file is missing, cannot be read, is no JSON or has the wrong shape.
        BadRecord: a record cannot be used and ``tally`` does not skip such records.
    """
    index: PictureIndex = import_module(READERS[source.reader].module).open_index(source, tally, cache or CallCache())
    return index


def open_sources(
    sources: Sequence[Source], skip_bad: bool, run_tasks: RunTasks, track: Track, seed: int = 0
) -> tuple[list[PictureIndex], Mapping[Path, str]]:
    """Index the pictures of several sources, and digest their files.

    Args:
        sources: the sources of a build.
        skip_bad: count records that cannot be used, instead of raising.
        run_tasks: calls functions, for example in the processes of a build.
        track: shows progress.
        seed: the seed by which images fall into train or eval, for sources with an ``eval_share``.

    Returns:
        The indexes of the sources in the order of ``sources``, and by its path the digest of each annotation file and
        folder; see `scar.annotations.inputs.digest_input`.

    Raises:
        InputError: a file cannot be read, is no JSON or has the wrong shape.
        BadRecord: a record cannot be used and ``skip_bad`` is false.
    """
    groups = _group_by_shared_files(sources)
    paths = list(dict.fromkeys(path for source in sources for path in source.inputs.values()))
    tasks: list[Callable[[], Any]] = [partial(_open_group, group, skip_bad, seed) for group in groups]
    tasks += [partial(digest_input, path) for path in paths]
    results = list(track(run_tasks(tasks), "opening the files", len(tasks)))
    indexes = {index.source.key: index for group in results[: len(groups)] for index in group}
    return [indexes[source.key] for source in sources], dict(zip(paths, results[len(groups) :], strict=True))


def are_heavy(sources: Sequence[Source]) -> bool:
    """Whether the annotation files of the sources have more than `HEAVY_BYTES` in total, and so take long to open."""
    return _count_bytes(sources) > HEAVY_BYTES


def _open_group(sources: Sequence[Source], skip_bad: bool, seed: int) -> list[PictureIndex]:
    """Open sources that share files; each file is read once."""
    cache = CallCache()
    return [select_part(open_index(source, Tally(skip_bad=skip_bad), cache), seed) for source in sources]


def _group_by_shared_files(sources: Sequence[Source]) -> list[list[Source]]:
    """Group the sources so that no file belongs to two groups. The group with the most bytes comes first."""
    groups: list[list[Source]] = []
    for source in sources:
        files = set(source.inputs.values())
        sharing = [group for group in groups if any(files.intersection(other.inputs.values()) for other in group)]
        groups = [group for group in groups if group not in sharing]
        groups.append([*(each for group in sharing for each in group), source])
    return sorted(groups, key=_count_bytes, reverse=True)


def _count_bytes(sources: Sequence[Source]) -> int:
    return sum(path.stat().st_size for path in {path for source in sources for path in source.inputs.values()})
