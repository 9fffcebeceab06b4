"""All sources of a build are opened side by side, those that share files together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.accounting import Tally
from scar.annotations import PictureIndex, open_index
from scar.annotations.inputs import digest_input
from scar.annotations.once import CallCache
from scar.common.progress import Track
from scar.recipe import Source

if TYPE_CHECKING:
    from scar.build.engine import Engine

HEAVY = 1 << 27
"""Bytes of annotations for which it is worth starting processes."""


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """A source whose files have been looked at.

    Attributes:
        source: where they are.
        index: its pictures.
        tally: has counted what belongs to no picture.
    """

    source: Source
    index: PictureIndex
    tally: Tally


def open_sources(
    sources: Sequence[Source], skip_bad: bool, engine: Engine, track: Track
) -> tuple[list[OpenedSource], Mapping[Path, str]]:
    """Look at the files of sources.

    Args:
        sources: of a build.
        skip_bad: count records that cannot be used.
        engine: does it.
        track: shows progress.

    Returns:
        Each source, and the digest of each file or folder that they have.

    Raises:
        InputError: a file cannot be read, is no JSON or has another shape.
        BadRecord: a record cannot be used and they are not to be skipped.
    """
    groups = _group_by_shared_files(sources)
    paths = list(dict.fromkeys(path for source in sources for path in source.inputs.values()))
    tasks: list[Callable[[], Any]] = [partial(_open_group, group, skip_bad) for group in groups]
    tasks += [partial(digest_input, path) for path in paths]
    done = list(track(engine(tasks), "opening the files", len(tasks)))
    opened = {each.source.key: each for group in done[: len(groups)] for each in group}
    return [opened[source.key] for source in sources], dict(zip(paths, done[len(groups) :], strict=True))


def are_heavy(sources: Sequence[Source]) -> bool:
    """Whether their files are so large that it takes long to look at them."""
    return _count_bytes(sources) > HEAVY


def _open_group(sources: Sequence[Source], skip_bad: bool) -> list[OpenedSource]:
    """Sources that share files; each file is looked at once."""
    once, opened = CallCache(), []
    for source in sources:
        tally = Tally(skip_bad=skip_bad)
        opened.append(OpenedSource(source, open_index(source, tally, once), tally))
    return opened


def _group_by_shared_files(sources: Sequence[Source]) -> list[list[Source]]:
    """Sources in groups of which no two have a file in common; the group with the largest files first."""
    groups: list[list[Source]] = []
    for source in sources:
        own = set(source.inputs.values())
        near = [group for group in groups if any(own.intersection(other.inputs.values()) for other in group)]
        groups = [group for group in groups if group not in near]
        groups.append([*(each for group in near for each in group), source])
    return sorted(groups, key=_count_bytes, reverse=True)


def _count_bytes(sources: Sequence[Source]) -> int:
    return sum(path.stat().st_size for path in {path for source in sources for path in source.inputs.values()})
