"""Download a repository of the Hub into a SCaR folder: a published data set, or a build that was pushed.

The commit and its files are recorded before the first download, so that the same call continues with the same commit.
Each file is downloaded to a staging folder and moved into place when its checksum is right. Files that the folder
already has stay.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from scar.common.files import format_bytes, iter_paths, write_json
from scar.common.hub_files import STAGING, RemoteFile, download_file, list_files, resolve_path
from scar.common.progress import Track, track_silently
from scar.common.retry import retry_action
from scar.errors import HubError, InputError
from scar.formats.embedded_images import unpack_images
from scar.formats.reader import is_row_path
from scar.formats.schema import WITH_IMAGES_FOLDER
from scar.publish.checksums import StoredHashes
from scar.publish.missing_images import IMAGE_CHECKSUMS, read_checksums
from scar.publish.plan import iter_folder_lines
from scar.publish.push_record import RECORD as PUSH_RECORD

RECORD = "pull.json"
FORMAT = 1

HASHES = f"{STAGING}/checksums.json"
"""File below the corpus's folder that stores the SHA-256 of its files between calls."""

_PUSHED_MARK = IMAGE_CHECKSUMS
"""A repository that has this file was pushed by `scar push`: its paths are also the paths below the folder."""

_PUBLISHED_ROWS = re.compile(r"(?P<eval>SCaR_eval_.+|SCAR_.+_val_filtered)|(?P<train>SCAR_.+)")
"""Names of the published files of rows; in the repository they may lie in any folder."""


@dataclass(frozen=True, slots=True)
class PulledRepo:
    """What a folder has, or will have, of one repository.

    Attributes:
        commit: id of the commit.
        files: files of the commit, by their paths below the folder.
        embedded: files of rows with embedded images; a pull does not keep them, but unpacks their images.
    """

    commit: str
    files: Mapping[str, RemoteFile]
    embedded: tuple[RemoteFile, ...] = ()


@dataclass(frozen=True, slots=True)
class PullPlan:
    """What a pull will do.

    Attributes:
        repo: the data set on the Hub.
        out: the folder to download to.
        pulled: what the folder will have of the repository afterwards.
        fetched: files to download, as paths below the folder.
        unpacked: files of rows with embedded images, to download and to unpack into images.
        replaced: paths of local files that differ from the commit and are replaced.
        gone: paths of files from an earlier pull that the new commit lacks; they are removed, edited ones too.
        others: paths of local files of rows that no pull brought; they stay, and are read as rows too.
        skipped: paths of hidden files of the repository, which are not downloaded.
        force: whether to replace local images that differ.
    """

    repo: str
    out: Path
    pulled: PulledRepo
    fetched: tuple[str, ...]
    unpacked: tuple[RemoteFile, ...]
    replaced: tuple[str, ...]
    gone: tuple[str, ...]
    others: tuple[str, ...]
    skipped: tuple[str, ...]
    force: bool

    @property
    def sizes(self) -> list[tuple[str, int]]:
        """Path and size in bytes of each file to download.

        Paths are below the folder; a file of rows with embedded images has its path in the repository.
        """
        files = [(path, self.pulled.files[path].size) for path in self.fetched]
        return files + [(file.path, file.size) for file in self.unpacked]


def plan_pull(
    repo: str,
    out: Path,
    *,
    revision: str | None = None,
    rows_only: bool = False,
    force: bool = False,
    endpoint: str | None = None,
    say: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> PullPlan:
    """Compare a folder with a repository and plan the pull; no file of the corpus is changed.

    The Hub is not asked if the repository was pulled into the folder before and no revision is given.

    Args:
        repo: ``organisation/name`` of a data set.
        out: the folder to download to.
        revision: branch, tag or commit; None means the commit that the folder has, else the newest one.
        rows_only: whether to leave out images that are embedded in rows.
        force: whether to replace local files that differ, and files of another revision.
        endpoint: URL of the Hub; None means the environment variable HF_ENDPOINT, else the public Hub.
        say: shows the user a line before each wait for the Hub.
        sleep: waits for a number of seconds.

    Raises:
        HubError: the Hub refuses or cannot be reached.
        InputError: ``out`` is a file, or its ``pull.json`` is damaged; the repository holds no parquet file, two of its
            files would have one path, or a path leads out of the folder or cannot hold a file; or, without ``force``, a
            local file differs or the folder holds another commit.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file, not a folder; give another --out.")
    records = read_record(out)
    before = records.get(repo)
    skipped: tuple[str, ...] = ()
    if before is not None and revision is None:
        pulled = before
    else:
        commit, found = retry_action(lambda: _list_commit(repo, revision, endpoint), repo, "read", say=say, sleep=sleep)
        pulled, skipped = _sort_files(found, repo, commit, out)
    files = pulled.files
    gone: tuple[str, ...] = ()
    if before is not None and before.commit != pulled.commit:
        if not force:
            raise InputError(
                f"{out}: holds {repo} at {before.commit}; --force brings {pulled.commit} in its place, "
                "another --out keeps it."
            )
        gone = tuple(path for path in before.files if path not in files and (out / path).is_file())
    hashes = StoredHashes(out / HASHES)
    for path in files:
        _check_place(out, path)
    present = [path for path in files if (out / path).exists()]
    replaced = tuple(sorted(path for path in present if not files[path].is_at(out / path, hashes)))
    if replaced and not force:
        raise InputError(f"{out / replaced[0]}: holds something else; --force replaces it, another --out keeps it.")
    fetched = tuple(sorted(path for path in files if path not in present or path in replaced))
    images_wanted = not rows_only and (IMAGE_CHECKSUMS in fetched or not _has_images(out, hashes))
    if out.exists():
        hashes.save()
    return PullPlan(
        repo=repo,
        out=out,
        pulled=pulled,
        fetched=fetched,
        unpacked=pulled.embedded if images_wanted else (),
        replaced=replaced,
        gone=gone,
        others=_find_other_rows(out, {*files, *gone, *(path for each in records.values() for path in each.files)}),
        skipped=skipped,
        force=force,
    )


def iter_pull_lines(plan: PullPlan) -> Iterator[str]:
    """The plan as lines for the user.

    Raises:
        HubError: the disk has too little room for the download.
    """
    wanted = sum(size for _, size in plan.sizes)
    there = len(plan.pulled.files) - len(plan.fetched)
    yield f"dataset {plan.repo} at {plan.pulled.commit} -> {plan.out}"
    yield from iter_folder_lines(plan.sizes)
    yield f"{len(plan.sizes)} files, {format_bytes(wanted)} to fetch; {there} are there"
    if plan.unpacked:
        below = plan.out / "images"
        yield f"the images in {WITH_IMAGES_FOLDER}/ become files below {below}; --rows-only leaves them out"
    said = {
        "replaced": plan.replaced,
        "removed": plan.gone,
        "left out": plan.skipped,
        "of rows stay that no pull brought, and are read too": plan.others,
    }
    for verb, paths in said.items():
        if paths:
            yield f"{len(paths)} files {verb}: {', '.join(paths[:3])}{', ...' if len(paths) > 3 else ''}"
    parent = next(folder for folder in (plan.out, *plan.out.resolve().parents) if folder.exists())
    free = shutil.disk_usage(parent).free
    if free < wanted:
        raise HubError(
            f"{plan.out}: {format_bytes(wanted)} to fetch, {format_bytes(free)} free; make room or give another --out."
        )


def pull_files(
    plan: PullPlan,
    *,
    endpoint: str | None = None,
    track: Track = track_silently,
    say: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Download what was planned; the same call continues an interrupted pull.

    Args:
        plan: the plan from `plan_pull`.
        endpoint: URL of the Hub; None means the environment variable HF_ENDPOINT, else the public Hub.
        track: shows progress.
        say: shows the user a line before each wait for the Hub.
        sleep: waits for a number of seconds.

    Raises:
        HubError: the Hub refuses or cannot be reached after several attempts, or the disk is full; what was downloaded
            is kept.
        InputError: a download is not what the Hub lists, its path leaves the folder, or an image cannot be unpacked,
            see `scar.formats.embedded_images.unpack_images`.
        WriteError: the record of the pull cannot be written.
    """
    from huggingface_hub import HfApi

    hub = HfApi(endpoint=endpoint)
    staging = plan.out / STAGING / plan.pulled.commit
    staging.mkdir(parents=True, exist_ok=True)
    for name in plan.gone:
        resolve_path(plan.out, name, plan.repo).unlink(missing_ok=True)
    _write_record(plan)

    def get_file(file: RemoteFile) -> Path:
        return retry_action(
            lambda: download_file(hub, plan.repo, "dataset", plan.pulled.commit, file, staging),
            plan.repo,
            "read",
            say=say,
            sleep=sleep,
        )

    for name in track(plan.fetched, f"fetching {plan.repo}", len(plan.fetched)):
        path = resolve_path(plan.out, name, plan.repo)
        downloaded = get_file(plan.pulled.files[name])
        path.parent.mkdir(parents=True, exist_ok=True)
        downloaded.replace(path)
    known = read_checksums(plan.out)
    for file in track(plan.unpacked, f"fetching images of {plan.repo}", len(plan.unpacked)):
        done = staging / f"{file.path}.done"
        if not done.exists():
            shard = get_file(file)
            unpack_images(shard, plan.out, known, force=plan.force)
            done.touch()
            shard.unlink()
    _end_staging(plan.out, plan.repo)


def _end_staging(out: Path, repo: str) -> None:
    """Remove what is left of pulls, also of other commits, except of pulls of other repositories."""
    others = {each.commit for name, each in read_record(out).items() if name != repo}
    for path in (out / STAGING).glob("*"):
        if path.is_dir() and path.name not in others:
            shutil.rmtree(path)


def _check_place(out: Path, name: str) -> None:
    """Check that a file can lie at a path.

    Raises:
        InputError: the path is a folder, or passes through a file.
    """
    if (out / name).is_dir():
        raise InputError(f"{out / name}: is a folder, and a file is to lie there; move it or give another --out.")
    for parent in PurePosixPath(name).parents[:-1]:
        if (out / parent).exists() and not (out / parent).is_dir():
            raise InputError(
                f"{out / parent}: is a file, and a folder is to lie there; move it, or give another --out."
            )


def _find_other_rows(out: Path, known: Collection[str]) -> tuple[str, ...]:
    """Paths of parquet files that are read as rows and are none of the known paths."""
    paths = iter_paths(out) if out.is_dir() else ()
    names = [path.relative_to(out).as_posix() for path in paths if is_row_path(path.relative_to(out))]
    return tuple(sorted(name for name in names if name not in known))


def _has_images(out: Path, sha256: Callable[[Path], str]) -> bool:
    """Whether the folder has every image of ``images.sha256``, unchanged; False without that file."""
    known = read_checksums(out)
    return bool(known) and all(
        (out / name).is_file() and sha256(out / name) == checksum for name, checksum in known.items()
    )


def read_record(out: Path) -> dict[str, PulledRepo]:
    """Read, from `RECORD` in a folder, what it has of each repository, by the repository's name.

    Empty if nothing was pulled into the folder.

    Raises:
        InputError: the record ``pull.json`` is damaged, or another version wrote it.
    """
    path = out / RECORD
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != FORMAT:
            raise InputError(f"{path}: format {stored['format']!r}, this version reads {FORMAT}; use another --out.")
        return {
            repo: PulledRepo(
                str(entry["commit"]),
                {path: RemoteFile(**file) for path, file in entry["files"].items()},
                tuple(RemoteFile(**file) for file in entry["embedded"]),
            )
            for repo, entry in stored["repos"].items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path}: no record of a pull ({error}); remove it and pull again.") from None


def _write_record(plan: PullPlan) -> None:
    repos = read_record(plan.out) | {plan.repo: plan.pulled}
    write_json({"format": FORMAT, "repos": {repo: asdict(each) for repo, each in repos.items()}}, plan.out / RECORD)


def _list_commit(repo: str, revision: str | None, endpoint: str | None) -> tuple[str, dict[str, RemoteFile]]:
    """The commit of a revision, and the files of that commit by path."""
    from huggingface_hub import HfApi

    hub = HfApi(endpoint=endpoint)
    commit = str(hub.dataset_info(repo, revision=revision).sha)
    return commit, list_files(hub, repo, "dataset", commit)


def _sort_files(
    found: Mapping[str, RemoteFile], repo: str, commit: str, out: Path
) -> tuple[PulledRepo, tuple[str, ...]]:
    """Sort the files of a commit: those to pull, by their paths below the folder; and hidden ones, to skip."""
    pushed = _PUSHED_MARK in found
    files: dict[str, RemoteFile] = {}
    embedded, skipped = [], []
    for path, file in sorted(found.items()):
        resolve_path(out, path, repo)
        if path != PUSH_RECORD and any(part.startswith(".") for part in PurePosixPath(path).parts):
            skipped.append(path)
            continue
        if pushed and path.startswith(f"{WITH_IMAGES_FOLDER}/"):
            embedded.append(file)
            continue
        local = path if pushed else _place_published(path, repo)
        if local in files:
            raise InputError(f"{repo} at {commit}: {path} and {files[local].path} would both be {local}.")
        files[local] = file
    if not any(local.endswith(".parquet") for local in files):
        raise InputError(f"{repo} at {commit}: no parquet file in it, so it is no SCaR corpus.")
    return PulledRepo(commit, files, tuple(embedded)), tuple(skipped)


def _place_published(path: str, repo: str) -> str:
    """Path below the folder for a file of a published data set; the eval and the train set fit into one folder.

    >>> _place_published("SCAR_ADE20K_val_filtered.parquet", "Sony/SCaR-Eval")
    'SCaR-eval/SCAR_ADE20K_val_filtered.parquet'
    >>> _place_published("README.md", "Sony/SCaR-Train")
    'about/SCaR-Train/README.md'
    """
    file = PurePosixPath(path)
    if file.parts[0] in ("images", "provenance"):
        return path
    if file.suffix != ".parquet":
        return f"about/{repo.rpartition('/')[2]}/{path}"
    match = _PUBLISHED_ROWS.fullmatch(file.stem)
    return path if match is None else f"SCaR-{'eval' if match['eval'] else 'train'}/{file.name}"
