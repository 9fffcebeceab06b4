"""Download the data of tasks once, into one folder that then needs no network and can be carried elsewhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mmeb_eval.data.manifest import File, Part, read_manifest, write_manifest
from mmeb_eval.data.tasks import Task
from mmeb_eval.data.tasks import tasks as all_tasks
from mmeb_eval.data.unpack import unpack
from scar.common.files import hash_file
from scar.common.hub_files import download, find_place, tree
from scar.common.retry import persist
from scar.errors import DataError, EvalError, HubError, InputError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

STAGING = ".fetch"
"""Where unfinished downloads lie below the data folder; a run that was stopped goes on from there."""

SCAR_IMAGES = (
    "Sony/SCaR-Eval holds no images: get those of COCO, Visual Genome and ADE20K from their own sites and put them "
    "where the rows say; `mmeb-eval check --data {data}` lists what is missing."
)


@dataclass(frozen=True, slots=True)
class Wanted:
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


IMAGES = Wanted("images", "TIGER-Lab/MMEB-V2", "image-tasks/mmeb_v1.tar.gz", archive=True)


def wanted(tasks: Sequence[Task], *, images: bool = True) -> list[Wanted]:
    """What the tasks need of the hub: their rows and, for MMEB, the one archive of all its images."""
    parts = [
        Wanted(task.name, task.dataset, f"SCAR_{task.source}_val_filtered.parquet", "SCaR-eval")
        if task.benchmark == "SCaR"
        else Wanted(task.name, task.dataset, f"{task.name}/*.parquet")
        for task in tasks
    ]
    return parts + [IMAGES] * (images and any(task.benchmark == "MMEB" for task in tasks))


def read_revisions(given: Sequence[str]) -> dict[str, str]:
    """Commits by repository.

    >>> read_revisions(["Sony/SCaR-Eval@v1"])
    {'Sony/SCaR-Eval': 'v1'}

    Raises:
        EvalError: one is not of the form ``repository@commit``, or of a repository that is never fetched.
    """
    known = sorted({want.repo for want in wanted(list(all_tasks().values()))})
    revisions = {}
    for each in given:
        repo, _, commit = each.partition("@")
        if repo not in known or not commit:
            raise EvalError(f"--revision {each!r}: write repository@commit; repositories are {', '.join(known)}.")
        revisions[repo] = commit
    return revisions


def fetch(
    tasks: Sequence[Task],
    data: Path,
    *,
    revisions: Mapping[str, str] | None = None,
    images: bool = True,
    endpoint: str | None = None,
    say: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Part]:
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
    for want in wanted(tasks, images=images):
        part = parts.get(want.name)
        asked = commits.get(want.repo, fixed.get(want.repo))
        if part is not None and part.revision == asked and part.is_in(data):
            continue

        def get(want: Wanted = want, part: Part | None = part, asked: str | None = asked) -> None:
            if want.repo not in resolved:
                resolved[want.repo] = str(hub.dataset_info(want.repo, revision=asked).sha)
            commit = resolved[want.repo]
            if part is None or part.revision != commit or not part.is_in(data):
                parts[want.name] = _download(hub, want, commit, data)
                write_manifest(parts, data)
                say(f"{want.name}: {want.repo} at {commit}")

        try:
            persist(get, want.repo, "read", say=say, sleep=sleep)
        except HubError as error:
            raise EvalError(str(error)) from error
        except InputError as error:
            raise DataError(str(error)) from error
    shutil.rmtree(data / STAGING, ignore_errors=True)
    if any(task.benchmark == "SCaR" for task in tasks):
        say(SCAR_IMAGES.format(data=data))
    return parts


def _download(hub: HfApi, want: Wanted, commit: str, data: Path) -> Part:
    """The part of that commit, each file checked before it takes its place."""
    files = tree(hub, want.repo, "dataset", commit)
    found = [path for path in sorted(files) if PurePosixPath(path).match(want.pattern)]
    if not found:
        raise DataError(f"{want.repo} at {commit} has no {want.pattern}; name another commit with --revision.")
    part = Part(want.repo, commit, {})
    for name in found:
        path = name if want.folder is None else f"{want.folder}/{PurePosixPath(name).name}"
        place = find_place(data, path, want.repo)
        staged = download(hub, want.repo, "dataset", commit, files[name], data / STAGING / want.name / commit)
        checksum = files[name].sha256 or hash_file(staged)
        place.parent.mkdir(parents=True, exist_ok=True)
        if want.archive:
            part = replace(part, images=part.images + _unpack(staged, place.parent))
        else:
            staged.replace(place)
        part = replace(part, files={**part.files, path: File(files[name].size, checksum)})
    return part


def _unpack(archive: Path, out: Path) -> int:
    """Unpack with a bar; the archive goes, its images stay."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"unpacking {archive.name}", total=None)
        count = unpack(archive, out, strip="MMEB", seen=lambda size: progress.advance(task, size))
    archive.unlink()
    return count
