"""Downloads the data of tasks into one folder, which can be moved and needs no network afterwards."""

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
"""Folder of unfinished downloads below the data folder; a stopped run resumes from it."""

SCAR_IMAGES_NOTE = (
    "Sony/SCaR-Eval holds no images: get those of COCO, Visual Genome and ADE20K from their own sites and put them "
    "under the rows' paths; `mmeb-eval check --data {data}` lists what is missing."
)


@dataclass(frozen=True, slots=True)
class PartSource:
    """Files of a data set on the hub that are fetched together and become a `FetchedPart`.

    Attributes:
        name: name of the part in the manifest: that of a task, or ``images``.
        repo: id of the data set on the hub.
        pattern: pattern of the files' paths in the data set, as in `pathlib.PurePath.match`.
        folder: folder below the data folder that gets the files under their bare names; None gives them below the data
            folder the paths that they have in the data set.
        archive: whether the files are archives of images; each is unpacked into its folder and then deleted.
    """

    name: str
    repo: str
    pattern: str
    folder: str | None = None
    archive: bool = False


MMEB_IMAGES = PartSource("images", "TIGER-Lab/MMEB-V2", "image-tasks/mmeb_v1.tar.gz", archive=True)


def list_part_sources(tasks: Sequence[Task], *, images: bool = True) -> list[PartSource]:
    """The parts that tasks need: the rows of each task and, for MMEB with ``images``, one archive of all its images.

    Nothing is requested from the hub.
    """
    parts = [
        PartSource(task.name, task.dataset, f"SCAR_{task.source}_val_filtered.parquet", "SCaR-eval")
        if task.benchmark == "SCaR"
        else PartSource(task.name, task.dataset, f"{task.name}/*.parquet")
        for task in tasks
    ]
    return parts + [MMEB_IMAGES] * (images and any(task.benchmark == "MMEB" for task in tasks))


def parse_revisions(texts: Sequence[str]) -> dict[str, str]:
    """Parse values of ``--revision`` into repository -> commit or tag.

    >>> parse_revisions(["Sony/SCaR-Eval@v1"])
    {'Sony/SCaR-Eval': 'v1'}

    Raises:
        EvalError: a text is not ``repository@commit``, its repository is none of those with task data, or two texts
            name different commits of one repository.
    """
    known = sorted({source.repo for source in list_part_sources(list(all_tasks().values()))})
    revisions: dict[str, str] = {}
    for text in texts:
        repo, _, commit = text.partition("@")
        if repo not in known or not commit:
            raise EvalError(f"--revision {text!r}: write repository@commit; repositories are {', '.join(known)}.")
        if revisions.setdefault(repo, commit) != commit:
            raise EvalError(f"--revision: {repo} is named at {revisions[repo]} and at {commit}; a folder holds one.")
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
    """Fetch the parts that the data folder lacks, or has of another commit than asked for.

    If the folder has all parts, and ``revisions`` names no other commit or tag, nothing is requested.

    Args:
        tasks: the tasks whose data are fetched.
        data: the data folder.
        revisions: repository -> commit or tag. A repository without an entry stays at the commit that the folder has,
            or gets the newest one if the folder has none.
        images: whether to fetch the archive of MMEB's images too.
        endpoint: URL of the hub; None means the environment variable HF_ENDPOINT, else the public hub.
        say: called with a line of text for the user.
        sleep: called with the number of seconds to wait before another attempt.

    Returns:
        All parts that the folder now has, by name.

    Raises:
        EvalError: the hub cannot be reached, refuses or lacks a file; the disk is full; or `revisions` names a
            repository that the tasks do not need.
        DataError: a file does not have the hub's checksum, an archive is unsafe, or the folder's manifest is damaged.
    """
    from huggingface_hub import HfApi

    sources = list_part_sources(tasks, images=images)
    if unused := (revisions or {}).keys() - {source.repo for source in sources}:
        raise EvalError(f"--revision {min(unused)}: what is fetched needs nothing of it; leave it out.")
    parts = read_manifest(data)
    hub = HfApi(endpoint=endpoint)
    revisions = {part.repo: part.revision for part in parts.values()} | dict(revisions or {})
    commits: dict[str, str] = {}
    for source in sources:
        part, revision = parts.get(source.name), revisions.get(source.repo)
        if part is not None and part.revision == revision and part.is_in(data):
            continue

        def fetch_part(
            source: PartSource = source, part: FetchedPart | None = part, revision: str | None = revision
        ) -> None:
            if source.repo not in commits:
                commits[source.repo] = str(hub.dataset_info(source.repo, revision=revision).sha)
            commit = commits[source.repo]
            if part is None or part.revision != commit or not part.is_in(data):
                parts[source.name] = _download_part(hub, source, commit, data)
                write_manifest(parts, data)
                say(f"{source.name}: {source.repo} at {commit}")

        try:
            retry_action(fetch_part, source.repo, "read", say=say, sleep=sleep)
        except HubError as error:
            raise EvalError(str(error)) from error
        except InputError as error:
            raise DataError(str(error)) from error
    shutil.rmtree(data / STAGING_FOLDER, ignore_errors=True)
    if any(task.benchmark == "SCaR" for task in tasks):
        say(SCAR_IMAGES_NOTE.format(data=data))
    return parts


def _download_part(hub: HfApi, source: PartSource, commit: str, data: Path) -> FetchedPart:
    """Download a part; each file is checked before it moves into the data folder."""
    files = list_files(hub, source.repo, "dataset", commit)
    found = [path for path in sorted(files) if PurePosixPath(path).match(source.pattern)]
    if not found:
        raise DataError(f"{source.repo} at {commit} has no {source.pattern}; name another commit with --revision.")
    part = FetchedPart(source.repo, commit, {})
    for name in found:
        path = name if source.folder is None else f"{source.folder}/{PurePosixPath(name).name}"
        target = resolve_path(data, path, source.repo)
        staged = download_file(
            hub, source.repo, "dataset", commit, files[name], data / STAGING_FOLDER / source.name / commit
        )
        checksum = files[name].sha256 or hash_file(staged)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.archive:
            part = replace(part, images=part.images + _unpack_with_bar(staged, target.parent))
        else:
            staged.replace(target)
        part = replace(part, files={**part.files, path: FetchedFile(files[name].size, checksum)})
    return part


def _unpack_with_bar(archive: Path, out: Path) -> int:
    """Unpack an archive behind a progress bar, then delete it; return the number of its files."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"unpacking {archive.name}", total=None)
        count = unpack_archive(archive, out, strip="MMEB", advance=lambda size: progress.advance(task, size))
    archive.unlink()
    return count
