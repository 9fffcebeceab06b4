"""Download the data of tasks once, into one folder that then needs no network and can be carried elsewhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mmeb_eval.data.manifest import FetchedFile, FetchedPart, read_manifest, write_manifest
from mmeb_eval.data.tasks import Task
from mmeb_eval.data.tasks import tasks as all_tasks
from mmeb_eval.data.unpack import unpack_archive
from scar.common.files import hash_file
from scar.common.hub_files import download_file, list_files, resolve_path
from scar.common.retry import retry_action
from scar.errors import DataError, EvalError, HubError, InputError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

STAGING_FOLDER = ".fetch"
"""Where unfinished downloads lie below the data folder; a run that was stopped goes on from there."""

SCAR_IMAGES_NOTE = (
    "Sony/SCaR-Eval holds no images: get those of COCO, Visual Genome and ADE20K from their own sites and put them "
    "where the rows say; `mmeb-eval check --data {data}` lists what is missing."
)


@dataclass(frozen=True, slots=True)
class PartSource:
    """What is fetched together.

    Attributes:
        name: of the `Part` that it becomes.
        repo: data set of the hub.
        pattern: which of its files, as `pathlib.PurePath.match` has it.
        folder: where they go below the data folder, by name alone; None keeps their paths.
        archive: whether they are archives of images, to be unpacked where they lie.
    """

    name: str
    repo: str
    pattern: str
    folder: str | None = None
    archive: bool = False


MMEB_IMAGES = PartSource("images", "TIGER-Lab/MMEB-V2", "image-tasks/mmeb_v1.tar.gz", archive=True)


def list_part_sources(tasks: Sequence[Task], *, images: bool = True) -> list[PartSource]:
    """What the tasks need of the hub: their rows and, for MMEB, the one archive of all its images."""
    parts = [
        PartSource(task.name, task.dataset, f"SCAR_{task.source}_val_filtered.parquet", "SCaR-eval")
        if task.benchmark == "SCaR"
        else PartSource(task.name, task.dataset, f"{task.name}/*.parquet")
        for task in tasks
    ]
    return parts + [MMEB_IMAGES] * (images and any(task.benchmark == "MMEB" for task in tasks))


def parse_revisions(texts: Sequence[str]) -> dict[str, str]:
    """Commits by repository.

    >>> read_revisions(["Sony/SCaR-Eval@v1"])
    {'Sony/SCaR-Eval': 'v1'}

    Raises:
        EvalError: one is not of the form ``repository@commit``, or of a repository that is never fetched.
    """
    known = sorted({want.repo for want in list_part_sources(list(all_tasks().values()))})
    revisions = {}
    for each in texts:
        repo, _, commit = each.partition("@")
        if repo not in known or not commit:
            raise EvalError(f"--revision {each!r}: write repository@commit; repositories are {', '.join(known)}.")
        revisions[repo] = commit
    return revisions


def fetch_tasks(
    tasks: Sequence[Task],
    data: Path,
    *,
    revisions: Mapping[str, str] | None = None,
    images: bool = True,
    endpoint: str | None = None,
    say: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, FetchedPart]:
    """Fetch what is not there yet; where everything is, no request is made.

    Args:
        tasks: whose data are wanted.
        data: the folder.
        revisions: commits or tags by repository; else the commit that the folder already has, else the newest one.
        images: whether the archive of MMEB's images is fetched too.
        endpoint: of the hub, if not its usual one.
        say: shows a line to the user.
        sleep: waits so many seconds before what failed in passing is tried again.

    Returns:
        All parts that are in the folder now.

    Raises:
        EvalError: the hub cannot be reached, refuses or has no such thing, or the disk is full.
        DataError: what came is not what the hub says it is, or an archive that is unsafe.
    """
    from huggingface_hub import HfApi

    parts = read_manifest(data)
    hub = HfApi(endpoint=endpoint)
    commits = dict(revisions or {})
    fixed = {part.repo: part.revision for part in parts.values()}
    resolved: dict[str, str] = {}
    for want in list_part_sources(tasks, images=images):
        part = parts.get(want.name)
        asked = commits.get(want.repo, fixed.get(want.repo))
        if part is not None and part.revision == asked and part.is_in(data):
            continue

        def fetch_part(want: PartSource = want, part: FetchedPart | None = part, asked: str | None = asked) -> None:
            if want.repo not in resolved:
                resolved[want.repo] = str(hub.dataset_info(want.repo, revision=asked).sha)
            commit = resolved[want.repo]
            if part is None or part.revision != commit or not part.is_in(data):
                parts[want.name] = _download_part(hub, want, commit, data)
                write_manifest(parts, data)
                say(f"{want.name}: {want.repo} at {commit}")

        try:
            retry_action(fetch_part, want.repo, "read", say=say, sleep=sleep)
        except HubError as error:
            raise EvalError(str(error)) from error
        except InputError as error:
            raise DataError(str(error)) from error
    shutil.rmtree(data / STAGING_FOLDER, ignore_errors=True)
    if any(task.benchmark == "SCaR" for task in tasks):
        say(SCAR_IMAGES_NOTE.format(data=data))
    return parts


def _download_part(hub: HfApi, source: PartSource, commit: str, data: Path) -> FetchedPart:
    """The part of that commit, each file checked before it takes its place."""
    files = list_files(hub, source.repo, "dataset", commit)
    found = [path for path in sorted(files) if PurePosixPath(path).match(source.pattern)]
    if not found:
        raise DataError(f"{source.repo} at {commit} has no {source.pattern}; name another commit with --revision.")
    part = FetchedPart(source.repo, commit, {})
    for name in found:
        path = name if source.folder is None else f"{source.folder}/{PurePosixPath(name).name}"
        place = resolve_path(data, path, source.repo)
        staged = download_file(
            hub, source.repo, "dataset", commit, files[name], data / STAGING_FOLDER / source.name / commit
        )
        checksum = files[name].sha256 or hash_file(staged)
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.archive:
            part = replace(part, images=part.images + _unpack_with_bar(staged, place.parent))
        else:
            staged.replace(place)
        part = replace(part, files={**part.files, path: FetchedFile(files[name].size, checksum)})
    return part


def _unpack_with_bar(archive: Path, out: Path) -> int:
    """Unpack with a bar; the archive goes, its images stay."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"unpacking {archive.name}", total=None)
        count = unpack_archive(archive, out, strip="MMEB", advance=lambda size: progress.advance(task, size))
    archive.unlink()
    return count
