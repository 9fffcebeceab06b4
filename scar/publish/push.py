"""Push files to a repository of the Hub in one commit, so that no revision has half of a corpus.

The contents are sent first; the commit follows. If there are more files than one commit takes, the first commits only
add new files, which no card names yet; the last commit changes the card and all other files that the repository already
has. Files that the Hub has are not sent again, so the same call continues an interrupted push. A commit that somebody
else overtook is refused by the Hub, and planned anew.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from scar.common.hub_files import RemoteFile, RepoType, list_files
from scar.common.progress import Track, track_silently
from scar.common.retry import retry_action
from scar.errors import HubError, InputError
from scar.publish.changes import PushPlan, plan_changes
from scar.publish.push_record import RECORD, PushedFile, encode_record
from scar.publish.upload import PushTarget, Upload

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

MAX_FILES_PER_COMMIT = 1_000
"""The most files that the Hub's own client puts in one commit. Their contents are sent before the commit."""

MAX_FILES_PER_REPO = 100_000
MAX_FILES_PER_FOLDER = 10_000
MAX_BYTES_PER_FILE = 50 * 10**9
"""Limits of the Hub. Source: huggingface.co/docs/hub/storage-limits."""

FILES_PER_UPLOAD = 20
"""Files whose contents are sent between two steps of the progress bar."""


@dataclass(frozen=True, slots=True)
class PushResult:
    """What a push did.

    Attributes:
        commit: id of the commit that holds every file of the push.
        sent: files of the push that the repository lacked or had with other contents.
        removed: paths of files that the push removed.
    """

    commit: str
    sent: tuple[Upload, ...]
    removed: tuple[str, ...]


def check_limits(files: Sequence[Upload]) -> None:
    """Check files against the Hub's limits.

    Raises:
        InputError: there are no files, or they exceed a limit; the message says what to do.
    """
    if not files:
        raise InputError("nothing to push: give a folder that has files.")
    if len(files) > MAX_FILES_PER_REPO:
        raise InputError(f"{len(files):,} files; the Hub takes {MAX_FILES_PER_REPO:,} in a repository: merge them.")
    for file in files:
        if file.size > MAX_BYTES_PER_FILE:
            raise InputError(
                f"{file.file}: {file.size:,} bytes; the Hub takes {MAX_BYTES_PER_FILE:,} in a file: split it."
            )
    folders = Counter(file.path.rpartition("/")[0] for file in files)
    folder, count = folders.most_common(1)[0]
    if count > MAX_FILES_PER_FOLDER:
        raise InputError(
            f"{folder}: {count:,} files; the Hub takes {MAX_FILES_PER_FOLDER:,} in a folder: use subfolders."
        )


def plan_push(
    files: Sequence[Upload],
    target: PushTarget,
    *,
    endpoint: str | None = None,
    say: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> PushPlan:
    """Compare files with a repository and plan the push; the Hub is only read.

    Args:
        files: the files to push.
        target: where the files go.
        endpoint: URL of the Hub; None means the environment variable HF_ENDPOINT, else the public Hub.
        say: shows the user a line before each wait for the Hub.
        sleep: waits for a number of seconds.

    Raises:
        HubError: the Hub refuses or cannot be reached after several attempts, or the tag is on another commit.
        InputError: there are no files, they exceed the Hub's limits, or `plan_changes` refuses what the repository has.
    """
    from huggingface_hub import HfApi

    check_limits(files)
    hub = HfApi(endpoint=endpoint)
    return retry_action(lambda: plan_changes(hub, files, target), target.repo, "write", say=say, sleep=sleep)


def push_files(
    files: Sequence[Upload],
    target: PushTarget,
    *,
    plan: PushPlan | None = None,
    endpoint: str | None = None,
    track: Track = track_silently,
    say: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> PushResult:
    """Send files to a repository, commit them, and check that the commit holds them.

    The repository, the branch and the tag are created if they do not exist.

    Args:
        files: the files to push; `scar.publish.changes.compare_files` says what happens to the repository's others.
        target: where the files go.
        plan: what the user was shown; the push does nothing else. None makes a plan now.
        endpoint: URL of the Hub; None means the environment variable HF_ENDPOINT, else the public Hub.
        track: shows progress.
        say: shows the user a line before each wait for the Hub.
        sleep: waits for a number of seconds.

    Raises:
        HubError: the Hub refuses or cannot be reached after several attempts, somebody changed files of the plan
            meanwhile, a committed file differs, or the tag is on another commit. The Hub keeps what was sent, so that
            the same call continues.
        InputError: see `plan_push`; or more existing files change than one commit takes.
    """
    from huggingface_hub import HfApi

    check_limits(files)
    hub = HfApi(endpoint=endpoint)
    return retry_action(lambda: _push_once(hub, files, target, plan, track), target.repo, "write", say=say, sleep=sleep)


def _push_once(
    hub: HfApi, files: Sequence[Upload], target: PushTarget, shown: PushPlan | None, track: Track
) -> PushResult:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    repo, repo_type = target.repo, target.repo_type
    hub.whoami()
    hub.create_repo(repo, repo_type=repo_type, private=not target.public, exist_ok=True)
    if target.revision != "main":
        hub.create_branch(repo, branch=target.revision, repo_type=repo_type, exist_ok=True)
    plan = plan_changes(hub, files, target)
    if shown is not None:
        _check_nothing_new(plan, shown, repo)
    commit = str(plan.head)
    removed = plan.list_paths("removes")
    if plan.sent or removed:
        steps = plan_commits([file.path for file in plan.sent], removed, plan.remote)
        additions = {file.path: _make_addition(file) for file in plan.sent}
        _send_contents(hub, list(additions.values()), target, track)
        for number, (added_paths, removed_paths) in enumerate(steps, 1):
            added = [additions[path] for path in added_paths]
            if number == 1 < len(steps) and RECORD in additions:
                added.append(CommitOperationAdd(RECORD, _encode_pending_record(files, plan)))
            commit = hub.create_commit(
                repo,
                [*(CommitOperationDelete(path) for path in removed_paths), *added],
                commit_message=target.message,
                repo_type=repo_type,
                revision=target.revision,
                parent_commit=commit,
            ).oid
    _verify_files(plan.files, list_files(hub, repo, repo_type, commit), repo, commit)
    if target.tag is not None:
        _tag_commit(hub, repo, repo_type, target.tag, commit)
    return PushResult(commit, plan.sent, tuple(removed))


def _check_nothing_new(plan: PushPlan, shown: PushPlan, repo: str) -> None:
    """Check that a push does only what the user was shown, though others may have committed since."""
    known = {(change.action, change.path) for change in shown.changes}
    for change in plan.changes:
        is_new = change.action != "keeps" and (change.action, change.path) not in known
        if is_new and change.path != RECORD:  # the first of several commits writes the record
            raise HubError(
                f"{repo}: somebody changed {change.path} there since the plan was made; run the same command again."
            )


def _encode_pending_record(files: Sequence[Upload], plan: PushPlan) -> bytes:
    """The record for the first of several commits: also names what the later ones add, so that all of it is ours."""
    coming = {file.path: file.file for file in files}
    own = msgspec.json.decode(coming[RECORD].read_bytes())["files"]
    pushed = {path: PushedFile(**content) for path, content in own.items() if path not in plan.remote}
    return encode_record(dict(plan.record) | pushed).encode()


def plan_commits(
    paths: Sequence[str], removed: Sequence[str], remote: Collection[str]
) -> list[tuple[Sequence[str], Sequence[str]]]:
    """Distribute changes over commits.

    Args:
        paths: paths, in the repository, of files to add or change.
        removed: paths of files to remove.
        remote: paths that the repository has now.

    Returns:
        The paths to add or change and the paths to remove, for each commit. All commits but the last one only add files
        that are new and lie in folders.

    Raises:
        InputError: more existing or top-level files change, or are removed, than one commit takes.
    """
    if len(paths) + len(removed) <= MAX_FILES_PER_COMMIT:
        return [(paths, removed)]
    new = [path for path in paths if path not in remote and "/" in path]
    last = [path for path in paths if path in remote or "/" not in path]
    if len(last) + len(removed) > MAX_FILES_PER_COMMIT:
        raise InputError(
            f"{len(last) + len(removed):,} files change or go, and one commit takes {MAX_FILES_PER_COMMIT:,}: "
            "push to another --revision, where all of them are new."
        )
    early = [new[start : start + MAX_FILES_PER_COMMIT] for start in range(0, len(new), MAX_FILES_PER_COMMIT)]
    return [*((some, ()) for some in early), (last, removed)]


def _make_addition(file: Upload) -> CommitOperationAdd:
    from huggingface_hub import CommitOperationAdd

    addition = CommitOperationAdd(file.path, file.file)
    addition.upload_info.sha256 = bytes.fromhex(file.sha256)  # known, so that the client does not read the file for it
    return addition


def _send_contents(hub: HfApi, additions: list[CommitOperationAdd], target: PushTarget, track: Track) -> None:
    """Send the contents of large files, some at a time, before any commit names them."""
    groups = [additions[start : start + FILES_PER_UPLOAD] for start in range(0, len(additions), FILES_PER_UPLOAD)]
    for group in track(groups, f"sending to {target.repo}", len(groups)):
        hub.preupload_lfs_files(
            target.repo, group, repo_type=target.repo_type, revision=target.revision, free_memory=False
        )


def _verify_files(files: Sequence[Upload], remote: dict[str, RemoteFile], repo: str, commit: str) -> None:
    wrong = [file.path for file in files if not file.is_same(remote.get(file.path))]
    if wrong:
        raise HubError(f"{repo} at {commit}: {wrong[0]} is not the local file ({len(wrong)} such files); push again.")


def _tag_commit(hub: HfApi, repo: str, repo_type: RepoType, tag: str, commit: str) -> None:
    known = {ref.name: ref.target_commit for ref in hub.list_repo_refs(repo, repo_type=repo_type).tags}
    if known.get(tag, commit) != commit:
        raise HubError(f"{repo}: the tag {tag} is on {known[tag]}, not on the pushed {commit}; give another --tag.")
    hub.create_tag(repo, tag=tag, revision=commit, repo_type=repo_type, exist_ok=True)
