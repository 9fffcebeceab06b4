"""Compare the files of a push with the repository: what is added, replaced, removed and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Literal, TypeAlias

from scar.common.files import hash_file, write_text
from scar.common.hub_files import RemoteFile, list_files
from scar.errors import HubError, InputError
from scar.publish.kept_card import renew_header
from scar.publish.push_record import PushedFile, read_push_record, read_small_file
from scar.publish.upload import PushTarget, Upload

if TYPE_CHECKING:
    from huggingface_hub import HfApi

RENDERED_WORDS = "<!-- Rendered by `"
"""Begins the mark of every rendered card; a card on the Hub without it was written by a person."""

HUBS_OWN = frozenset({".gitattributes"})
"""Files that the Hub makes itself; never removed."""

Action: TypeAlias = Literal["adds", "replaces", "removes", "keeps"]


@dataclass(frozen=True, slots=True)
class Change:
    """What a push does with one file of the repository.

    Attributes:
        action: whether the file is added, replaced, removed or kept.
        path: path in the repository.
        size: size in bytes afterwards; of a removed file, before.
        reason: why, where the action alone does not say it.
    """

    action: Action
    path: str
    size: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PushPlan:
    """What a push will do.

    Attributes:
        head: commit that the push builds on; None if the repository does not exist, or cannot be seen.
        files: all files of the push, also those that the repository already has; an edited card stands for ours.
        changes: one entry for each file that the repository has before or after the push, sorted by action and path.
        remote: files of the repository at ``head``, by path.
        record: contents that earlier pushes wrote, by path.
    """

    head: str | None
    files: tuple[Upload, ...]
    changes: tuple[Change, ...]
    remote: Mapping[str, RemoteFile]
    record: Mapping[str, PushedFile]

    def list_paths(self, *actions: Action) -> list[str]:
        """Paths of the files with one of these actions."""
        return [change.path for change in self.changes if change.action in actions]

    @property
    def sent(self) -> tuple[Upload, ...]:
        """Those of `files` that are to be sent, since the push adds or replaces them."""
        paths = set(self.list_paths("adds", "replaces"))
        return tuple(file for file in self.files if file.path in paths)


def plan_changes(hub: HfApi, files: Sequence[Upload], target: PushTarget) -> PushPlan:
    """Plan a push; the Hub is only read.

    Args:
        hub: client of the Hub.
        files: the files to push.
        target: where the files go.

    Raises:
        HubError: the tag is on another commit.
        InputError: without ``prune`` in the target: the repository has files of others that would be read in place of
            the pushed ones, the record of the last push is damaged, or the card on the Hub is no UTF-8 or has a
            damaged header.
        Exception: what the Hub's client raises.
    """
    head, remote = _read_head(hub, target)
    if head is None:
        return compare_files(files, target)
    try:
        record = read_push_record(hub, target.repo, target.repo_type, head, remote)
    except InputError:
        if not target.prune:
            raise
        record = None
    edited = _find_edited_card(hub, target, head, remote, record)
    plan = compare_files(files, target, head, remote, record or {}, edited)
    if target.tag is not None:
        _check_tag(hub, target, plan)
    return plan


def compare_files(
    files: Sequence[Upload],
    target: PushTarget,
    head: str | None = None,
    remote: Mapping[str, RemoteFile] | None = None,
    record: Mapping[str, PushedFile] | None = None,
    edited_card: str | None = None,
) -> PushPlan:
    """Make the plan from what is in the repository.

    Args:
        files: the files to push.
        target: where the files go.
        head: newest commit of the repository; None if it does not exist.
        remote: its files by path; None stands for an empty repository.
        record: contents that earlier pushes wrote, by path; None stands for nothing.
        edited_card: text of the card on the Hub if a person wrote or edited it; it stays. Its copy with a renewed
            header is written below ``.push`` of the pushed folder. None if there is none, or it is to be replaced.

    Raises:
        InputError: the repository has files of others that would be read in place of the pushed ones, or the header of
            the edited card is damaged.
    """
    remote, record = remote or {}, record or {}
    pushed: list[Upload] = []
    changes: list[Change] = []
    for file in files:
        reason = ""
        if file.path == target.card and edited_card is not None:
            file, reason = _keep_words(file, target, edited_card)
        elif file.path in record and file.path in remote and not record[file.path].is_same(remote[file.path]):
            reason = "was changed on the Hub since the last push"
        there = remote.get(file.path)
        if there is None:
            change = Change("adds", file.path, file.size)
        elif file.is_same(there):
            change = Change("keeps", file.path, file.size, reason if file.path == target.card else "")
        else:
            change = Change("replaces", file.path, file.size, reason)
        pushed.append(file)
        changes.append(change)
    paths = {file.path for file in files}
    rest = [_judge_other_file(file, target, record) for path, file in remote.items() if path not in paths]
    order = {"adds": 0, "replaces": 1, "removes": 2, "keeps": 3}
    changes = sorted([*changes, *rest], key=lambda change: (order[change.action], change.path))
    return PushPlan(head, tuple(pushed), tuple(changes), remote, record)


def _read_head(hub: HfApi, target: PushTarget) -> tuple[str | None, dict[str, RemoteFile]]:
    """The commit that a push builds on, and its files; a new branch begins at the main branch."""
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    repo, repo_type = target.repo, target.repo_type
    try:
        try:
            head = str(hub.repo_info(repo, repo_type=repo_type, revision=target.revision).sha)
        except RevisionNotFoundError:
            head = str(hub.repo_info(repo, repo_type=repo_type).sha)
    except RepositoryNotFoundError:
        return None, {}
    return head, list_files(hub, repo, repo_type, head)


def _find_edited_card(
    hub: HfApi,
    target: PushTarget,
    head: str,
    remote: Mapping[str, RemoteFile],
    record: Mapping[str, PushedFile] | None,
) -> str | None:
    """Text of the card on the Hub if a person wrote or edited it and it is to stay, else None."""
    card = remote.get(target.card or "")
    if card is None or target.prune:
        return None
    own = (record or {}).get(card.path)
    if own is not None and own.is_same(card):
        return None
    try:
        text = read_small_file(hub, target.repo, target.repo_type, head, card).decode()
    except UnicodeDecodeError:
        raise InputError(
            f"{target.repo}: {card.path} on the Hub is no UTF-8; mend it there, or --prune replaces it."
        ) from None
    is_of_earlier_version = own is None and RENDERED_WORDS in text
    return None if is_of_earlier_version else text


def _keep_words(card: Upload, target: PushTarget, edited: str) -> tuple[Upload, str]:
    """The card to push in place of ours, when a person edited the one on the Hub; and what to say of it."""
    kept = "was edited on the Hub and stays; --prune replaces it"
    text = edited
    if target.card_keys:
        ours = card.file.read_text(encoding="utf-8")
        text = renew_header(edited, ours, target.card_keys, f"{target.repo}: {card.path}")
        kept = "was edited on the Hub: its words stay, the header's list of files is renewed; --prune replaces it"
    file = card.file.parent / ".push" / card.path
    write_text(text, file)
    return replace(card, file=file, size=file.stat().st_size, sha256=hash_file(file)), kept


def _judge_other_file(file: RemoteFile, target: PushTarget, record: Mapping[str, PushedFile]) -> Change:
    """What happens with a file of the repository that this push does not have."""
    own = record.get(file.path)
    if own is not None and own.is_same(file):
        return Change("removes", file.path, file.size, "an earlier push wrote it, this one has no such file")
    if file.path in HUBS_OWN:
        return Change("keeps", file.path, file.size, "the Hub's own")
    if target.prune:
        return Change("removes", file.path, file.size, "--prune")
    whose = "no push wrote it" if own is None else "was changed on the Hub since the last push"
    if any(fnmatch(file.path, pattern) for pattern in target.rivals):
        raise InputError(
            f"{target.repo}: {file.path} ({whose}) would be read beside or in place of the pushed files; "
            "--prune removes it, another --revision leaves it alone."
        )
    return Change("keeps", file.path, file.size, f"{whose}; --prune removes it")


def _check_tag(hub: HfApi, target: PushTarget, plan: PushPlan) -> None:
    known = {ref.name: ref.target_commit for ref in hub.list_repo_refs(target.repo, repo_type=target.repo_type).tags}
    changes = plan.list_paths("adds", "replaces", "removes")
    if target.tag in known and (changes or known[target.tag] != plan.head):
        raise HubError(
            f"{target.repo}: the tag {target.tag} is on {known[target.tag]}, not on the pushed commit; "
            "give another --tag."
        )
