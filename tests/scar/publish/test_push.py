"""A push sends what is missing, commits once, verifies, and leaves no half revision, whatever fails on the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import scar.publish.push as module
from scar.common.hub_files import RemoteFile, list_files
from scar.errors import HubError, InputError
from scar.publish.push import check_limits, plan_push, push_files
from scar.publish.push_record import RECORD, write_push_record
from scar.publish.upload import PushTarget, Upload
from tests.local_hub import Failure, LocalHub, make_uploads

REPO = "me/corpus"

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")  # the client's own


CONTENTS = {
    "README.md": b"---\nlicense: mit\n---\n# One",
    "SCaR-eval/a.parquet": b"rows" * 99,
    "SCaR-eval/b.parquet": b"b",
}


def send(hub: LocalHub, files: list[Upload], **options: Any) -> Any:
    waits: list[float] = []
    target = PushTarget(REPO, "dataset", **options)
    return push_files(files, target, endpoint=hub.endpoint, sleep=waits.append), waits


def test_a_push_is_private_one_commit_and_exact(local_hub: LocalHub, tmp_path: Path) -> None:
    files = make_uploads(tmp_path / "one", CONTENTS)
    done, _ = send(local_hub, files, tag="v1")
    assert local_hub.files(REPO) == local_hub.files(REPO, "v1") == CONTENTS
    assert local_hub.repos["datasets", REPO].private
    assert len(local_hub.repos["datasets", REPO].commits) == 2, "the first is empty"
    assert {file.path for file in done.sent} == CONTENTS.keys()


def test_a_second_push_transfers_nothing(local_hub: LocalHub, tmp_path: Path) -> None:
    files = make_uploads(tmp_path / "one", CONTENTS)
    first, _ = send(local_hub, files)
    local_hub.asked.clear()
    again, _ = send(local_hub, files)
    assert again.commit == first.commit
    assert not again.sent
    assert not [request for request in local_hub.asked if "PUT" in request or "/commit/" in request]


def test_what_changed_is_sent_and_files_of_others_stay(local_hub: LocalHub, tmp_path: Path) -> None:
    send(local_hub, make_uploads(tmp_path / "one", CONTENTS | {"LICENSE": b"theirs"}))
    two = {"README.md": b"# Two", "SCaR-eval/a.parquet": b"new"}
    done, _ = send(local_hub, make_uploads(tmp_path / "two", two))
    assert done.removed == (), "no record says that they are ours"
    assert local_hub.files(REPO)["SCaR-eval/a.parquet"] == b"new"
    done, _ = send(local_hub, make_uploads(tmp_path / "two", two), prune=True)
    assert done.removed == ("LICENSE", "SCaR-eval/b.parquet")
    assert local_hub.files(REPO) == two


def test_a_branch_of_its_own_leaves_main_alone(local_hub: LocalHub, tmp_path: Path) -> None:
    send(local_hub, make_uploads(tmp_path / "one", CONTENTS))
    send(local_hub, make_uploads(tmp_path / "two", {"README.md": b"# Two"}), revision="next")
    assert local_hub.files(REPO) == CONTENTS
    assert local_hub.files(REPO, "next")["README.md"] == b"# Two"


def test_a_tag_that_is_elsewhere_is_an_error(local_hub: LocalHub, tmp_path: Path) -> None:
    send(local_hub, make_uploads(tmp_path / "one", CONTENTS), tag="v1")
    send(local_hub, make_uploads(tmp_path / "one", CONTENTS), tag="v1")
    with pytest.raises(HubError, match=r"me/corpus: the tag v1 is on \w+, not on the pushed \w+; give another --tag"):
        send(local_hub, make_uploads(tmp_path / "two", {"README.md": b"# Two"}), tag="v1")


STEPS = (
    "GET /api/whoami",
    "POST /api/repos/create",
    r"GET /api/datasets/me/corpus(/revision/main)?$",
    "GET .*/tree/",
    "POST .*/preupload/",
    "POST .*/objects/batch",
    "PUT /lfs/",
    "POST /api/validate-yaml",
    "POST .*/commit/",
)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "failure",
    [
        {"status": 429, "headers": {"ratelimit": '"api";r=0;t=55'}},
        {"status": 429, "headers": {"Retry-After": "7"}},
        {"status": 500},
        {"kind": "reset"},
        {"kind": "slow"},
    ],
    ids=["429", "retry-after", "500", "reset", "slow"],
)
def test_what_passes_is_tried_again_at_every_step(
    local_hub: LocalHub, tmp_path: Path, step: str, failure: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", waits.append)
    local_hub.failures.append(Failure(step, 1, **failure))
    target = PushTarget(REPO, "dataset")
    done = push_files(make_uploads(tmp_path / "one", CONTENTS), target, endpoint=local_hub.endpoint, sleep=waits.append)
    assert local_hub.files(REPO) == CONTENTS
    assert local_hub.failures[0].times == 0, "the step was reached"
    assert done.commit == local_hub.repos["datasets", REPO].branches["main"]
    if failure.get("status") == 429:
        assert waits == [56.0 if "ratelimit" in failure["headers"] else pytest.approx(7, abs=1)]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("status", "headers", "advice"),
    [
        (401, {}, "HTTP 401: the token is not valid; log in with `hf auth login`"),
        (403, {}, "HTTP 403: the token may not write there; make one with write access"),
        (403, {"X-Error-Message": "Private repository storage limit reached"}, "HTTP 403: the storage of the account"),
        (402, {}, "HTTP 402: the storage of the account is used up"),
    ],
    ids=["401", "403", "quota", "402"],
)
def test_what_does_not_pass_stops_at_once_and_the_last_revision_stays(
    local_hub: LocalHub, tmp_path: Path, step: str, status: int, headers: dict[str, str], advice: str
) -> None:
    new = "create" in step  # of a repository that is there, the client asks for no right to make it
    if not new:
        send(local_hub, make_uploads(tmp_path / "one", CONTENTS))
    local_hub.failures.append(Failure(step, 99, status, headers))
    two = {"README.md": b"# Two", "SCaR-eval/a.parquet": b"other rows" * 9}
    with pytest.raises(HubError, match=f"me/corpus: {advice}"):
        send(local_hub, make_uploads(tmp_path / "two", two))
    assert local_hub.failures[0].times == 98, "asked once"
    assert not local_hub.repos if new else local_hub.files(REPO) == CONTENTS


def test_a_hub_that_stays_away_is_told_in_one_line(tmp_path: Path, local_hub: LocalHub) -> None:
    local_hub.failures.append(Failure("whoami", 99, kind="reset"))
    with pytest.raises(HubError, match=r"me/corpus: the Hub cannot be reached, 6 times; run the same command later"):
        send(local_hub, make_uploads(tmp_path / "one", CONTENTS))


def test_a_push_that_is_not_what_was_sent_is_told(
    local_hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def list_changed(*about: Any) -> dict[str, RemoteFile]:
        files = list_files(*about)
        return {path: replace(file, size=1) if path.endswith("a.parquet") else file for path, file in files.items()}

    monkeypatch.setattr(module, "list_files", list_changed)
    with pytest.raises(HubError, match=r"me/corpus at \w+: SCaR-eval/a.parquet is not the local file \(1 such files\)"):
        send(local_hub, make_uploads(tmp_path / "one", CONTENTS))


def test_limits(tmp_path: Path) -> None:
    one = make_uploads(tmp_path, {"a": b"a"})[0]
    with pytest.raises(InputError, match="nothing to push"):
        check_limits([])
    with pytest.raises(InputError, match=r"100,001 files; the Hub takes 100,000 in a repository: merge them"):
        check_limits([one] * 100_001)
    with pytest.raises(InputError, match=r"rows: 10,001 files; the Hub takes 10,000 in a folder: use subfolders"):
        check_limits([Upload(f"rows/{number}", one.file, 1, one.sha256) for number in range(10_001)])
    with pytest.raises(InputError, match=r"60,000,000,000 bytes; the Hub takes 50,000,000,000 in a file"):
        check_limits([Upload("a", one.file, 60 * 10**9, one.sha256)])


def test_more_files_than_a_commit_takes_come_in_several_and_the_last_good_revision_stays(
    local_hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_FILES_PER_COMMIT", 4)
    send(local_hub, make_uploads(tmp_path / "one", CONTENTS))
    many = {f"rows/{number}.parquet": b"%d" % number for number in range(10)}
    two = CONTENTS | many | {"README.md": b"# Two", "SCaR-eval/a.parquet": b"other rows", "croissant.json": b"{}"}
    files = make_uploads(tmp_path / "two", two)

    def stop_after(count: int) -> None:
        """Refuse the commit behind so many."""
        for _ in range(count):
            local_hub.failures.append(Failure("POST .*/commit/", 1, kind="slow"))
        local_hub.failures.append(Failure("POST .*/commit/", 1, 403))

    stop_after(2)
    with pytest.raises(HubError, match="HTTP 403"):
        send(local_hub, files)
    half = local_hub.files(REPO)
    assert half == CONTENTS | {path: many[path] for path in list(many)[:8]}, "what the card names is as it was"
    local_hub.failures.clear()
    local_hub.asked.clear()
    send(local_hub, files)
    assert local_hub.files(REPO) == two
    assert sum("/commit/" in request for request in local_hub.asked) == 2, "it goes on behind the first two"
    assert not any("PUT" in request for request in local_hub.asked), "contents were there"
    changed = make_uploads(tmp_path / "three", {path: b"new" + content for path, content in two.items()})
    with pytest.raises(InputError, match=r"14 files change or go, and one commit takes 4: push to another --revision"):
        send(local_hub, changed)
    assert local_hub.files(REPO) == two


def record_of(folder: Path, files: list[Upload]) -> list[Upload]:
    return [*files, write_push_record(folder, files)]


def test_somebody_who_commits_after_the_plan_is_not_overwritten(local_hub: LocalHub, tmp_path: Path) -> None:
    one = make_uploads(tmp_path / "one", CONTENTS)
    send(local_hub, record_of(tmp_path / "one", one))
    two = make_uploads(tmp_path / "two", CONTENTS | {"SCaR-eval/a.parquet": b"new", "SCaR-eval/c.parquet": b"c"})
    files = record_of(tmp_path / "two", two)
    target = PushTarget(REPO, "dataset")
    plan = plan_push(files, target, endpoint=local_hub.endpoint)
    local_hub.put_files(REPO, {"SCaR-eval/c.parquet": b"theirs"})
    before = local_hub.files(REPO)
    with pytest.raises(HubError, match=r"me/corpus: somebody changed SCaR-eval/c.parquet there since the plan"):
        push_files(files, target, plan=plan, endpoint=local_hub.endpoint)
    assert local_hub.files(REPO) == before
    plan = plan_push(files, target, endpoint=local_hub.endpoint)

    local_hub.put_files(REPO, {"notes.txt": b"theirs"})
    push_files(files, target, plan=plan, endpoint=local_hub.endpoint)
    there = local_hub.files(REPO)
    assert there["notes.txt"] == b"theirs"
    assert there["SCaR-eval/c.parquet"] == b"c"


def test_a_commit_that_was_overtaken_is_planned_anew(
    local_hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = make_uploads(tmp_path / "one", CONTENTS)
    send(local_hub, record_of(tmp_path / "one", files))
    new = record_of(tmp_path / "one", make_uploads(tmp_path / "one", CONTENTS | {"SCaR-eval/a.parquet": b"new"}))
    real, overtakers = module._send_contents, [{"notes.txt": b"theirs"}, {"SCaR-eval/a.parquet": b"theirs"}]

    def overtake(*about: Any) -> None:
        real(*about)
        if overtakers:
            local_hub.put_files(REPO, dict(overtakers.pop(0)))

    monkeypatch.setattr(module, "_send_contents", overtake)
    done, waits = send(local_hub, new)
    assert len(waits) == 2, "the Hub refused two commits with another parent"
    assert local_hub.files(REPO)["notes.txt"] == b"theirs"
    assert local_hub.files(REPO)["SCaR-eval/a.parquet"] == b"new"
    assert done.removed == ()


def test_what_an_interrupted_push_left_is_its_own(
    local_hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several commits only the first came; the next push has fewer files."""
    monkeypatch.setattr(module, "MAX_FILES_PER_COMMIT", 4)
    many = {f"rows/{number}.parquet": b"%d" % number for number in range(10)}
    files = record_of(tmp_path / "one", make_uploads(tmp_path / "one", CONTENTS | many))
    local_hub.failures += [Failure("POST .*/commit/", 1, kind="slow"), Failure("POST .*/commit/", 9, 403)]
    with pytest.raises(HubError, match="HTTP 403"):
        send(local_hub, files)
    local_hub.failures.clear()
    assert local_hub.files(REPO).keys() == {*list(CONTENTS)[1:], "rows/0.parquet", "rows/1.parquet", RECORD}
    few = {"rows/0.parquet": b"0"}
    done, _ = send(local_hub, record_of(tmp_path / "two", make_uploads(tmp_path / "two", CONTENTS | few)))
    assert done.removed == ("rows/1.parquet",)
    there = local_hub.files(REPO)
    assert {path: there[path] for path in there if path != RECORD} == CONTENTS | few


def test_a_tag_that_is_elsewhere_is_told_before_anything_is_sent(local_hub: LocalHub, tmp_path: Path) -> None:
    send(local_hub, make_uploads(tmp_path / "one", CONTENTS), tag="v1")
    before = local_hub.files(REPO)
    with pytest.raises(HubError, match="the tag v1 is on"):
        send(local_hub, make_uploads(tmp_path / "two", {"README.md": b"# Two"}), tag="v1", prune=True)
    assert local_hub.files(REPO) == before
