"""A push over an earlier one: the printed plan is what happens, our old files go, files and edits of others stay."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scar.errors import InputError
from scar.publish.push_record import RECORD, write_push_record
from scar.publish.send import send_files
from scar.publish.upload import PushTarget, make_upload
from tests.local_hub import LocalHub, make_uploads

REPO = "me/corpus"
ROW = re.compile(r"  (adds|replaces|removes|keeps) +(\S+) +[\d.]+ k?B( |$)")
CARD_TEXT = "---\nlicense: mit\nconfigs:\n- data_files: {}\n---\n<!-- Rendered by `scar card` -->\n# Corpus\n"
NAMES = ["SCaR-eval/a.parquet", "SCaR-eval/b.parquet", "SCaR-train/a.parquet", "provenance/b.parquet", "stats.json"]

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")  # the client's own


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files as a corpus has them; its card names the rows."""
    make_uploads(tmp_path / "corpus", {name: name.encode() for name in NAMES})
    return tmp_path / "corpus"


@pytest.fixture
def push(capsys: pytest.CaptureFixture[str], local_hub: LocalHub) -> Callable[..., str]:
    """Pushes such a folder; returns what was printed."""

    def call(folder: Path, *, dry_run: bool = False, prune: bool = False) -> str:
        rows = sorted(path.relative_to(folder).as_posix() for path in folder.glob("SCaR*/*"))
        (folder / "README.md").write_text(CARD_TEXT.format(rows))
        paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        files = [make_upload(folder, path.as_posix()) for path in paths if not path.parts[0].startswith(".")]
        target = PushTarget(REPO, "dataset", prune=prune, card="README.md", card_keys=["configs"])
        capsys.readouterr()
        send_files([*files, write_push_record(folder, files)], target, about=[], dry_run=dry_run)
        return capsys.readouterr().out

    return call


def read_table(output: str) -> dict[str, set[str]]:
    """Paths by action, as a person reads them."""
    table: dict[str, set[str]] = {"adds": set(), "replaces": set(), "removes": set(), "keeps": set()}
    for line in output.splitlines():
        if match := ROW.match(line):
            table[match[1]].add(match[2])
    return table


def compare_trees(before: dict[str, bytes], after: dict[str, bytes]) -> dict[str, set[str]]:
    both = before.keys() & after.keys()
    return {
        "adds": set(after.keys() - before.keys()),
        "replaces": {path for path in both if before[path] != after[path]},
        "removes": set(before.keys() - after.keys()),
        "keeps": {path for path in both if before[path] == after[path]},
    }


def drop_shard(folder: Path, _: LocalHub) -> None:
    (folder / "SCaR-eval" / "b.parquet").unlink()


def drop_split(folder: Path, _: LocalHub) -> None:
    shutil.rmtree(folder / "SCaR-train")


def rename_source(folder: Path, _: LocalHub) -> None:
    for split in ("SCaR-eval", "provenance"):
        (folder / split / "b.parquet").rename(folder / split / "c.parquet")


def add_source_of_others(_: Path, hub: LocalHub) -> None:
    hub.put_files(REPO, {"SCaR-eval/theirs.parquet": b"rows", "notes/a.txt": b"a", ".gitattributes": b"x"})


def edit_card(_: Path, hub: LocalHub) -> None:
    card = hub.files(REPO)["README.md"]
    hub.put_files(REPO, {"README.md": card + b"\nA person wrote this.\n"})


def edit_rows(_: Path, hub: LocalHub) -> None:
    hub.put_files(REPO, {"SCaR-eval/a.parquet": b"theirs", "stats.json": b"{}"})


def delete_rows(_: Path, hub: LocalHub) -> None:
    hub.put_files(REPO, {"SCaR-eval/a.parquet": None})


def edit_rows_that_go(folder: Path, hub: LocalHub) -> None:
    hub.put_files(REPO, {"SCaR-eval/b.parquet": b"theirs"})
    drop_shard(folder, hub)


CHANGES: list[Callable[[Path, LocalHub], Any]] = [
    drop_shard, drop_split, rename_source, add_source_of_others, edit_card, edit_rows, delete_rows, edit_rows_that_go,
]  # fmt: skip


@pytest.mark.parametrize("prune", [False, True], ids=["", "prune"])
@pytest.mark.parametrize("change", CHANGES)
def test_the_plan_is_what_the_push_does(
    folder: Path,
    local_hub: LocalHub,
    push: Callable[..., str],
    change: Callable[[Path, LocalHub], Any],
    prune: bool,
) -> None:
    planned = read_table(push(folder, dry_run=True))
    push(folder)
    assert planned == compare_trees({}, local_hub.files(REPO))
    change(folder, local_hub)
    before = local_hub.files(REPO)
    planned = read_table(push(folder, dry_run=True, prune=prune))
    assert local_hub.files(REPO) == before
    assert read_table(push(folder, prune=prune)) == planned
    after = local_hub.files(REPO)
    assert planned == compare_trees(before, after)
    here = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    theirs = {path for path in after if after[path] != here.get(path)}
    if prune:
        assert theirs <= {".gitattributes"}
    elif change is add_source_of_others:
        assert theirs == {"SCaR-eval/theirs.parquet", "notes/a.txt", ".gitattributes"}
    elif change is edit_rows_that_go:
        assert theirs == {"SCaR-eval/b.parquet"}
    elif change is edit_card:
        assert theirs == {"README.md"}
    else:
        assert not theirs
    assert read_table(push(folder, prune=prune))["keeps"] == after.keys(), "again, nothing changes"


def test_an_edited_card_names_the_new_files(folder: Path, local_hub: LocalHub, push: Callable[..., str]) -> None:
    push(folder)
    edit_card(folder, local_hub)
    drop_shard(folder, local_hub)
    output = push(folder)
    assert "was edited on the Hub: its words stay, the header's list of files is renewed; --prune replaces it" in output
    there = local_hub.files(REPO)
    card = there["README.md"].decode()
    assert card.endswith("# Corpus\n\nA person wrote this.\n")
    assert "b.parquet" not in card
    push(folder)
    assert local_hub.files(REPO) == there, "it stays in later pushes too"
    push(folder, prune=True)
    assert local_hub.files(REPO)["README.md"] == (folder / "README.md").read_bytes()


def test_a_card_that_was_there_before_the_first_push_stays(
    folder: Path, local_hub: LocalHub, push: Callable[..., str]
) -> None:
    push(folder)
    local_hub.put_files(REPO, dict.fromkeys(local_hub.files(REPO)) | {"README.md": b"# Mine\n"})
    push(folder)
    card = local_hub.files(REPO)["README.md"].decode()
    assert card.endswith("\n---\n# Mine\n")
    assert "SCaR-eval/b.parquet" in card


def test_rows_of_a_push_without_a_record_go_by_its_croissant_file(
    folder: Path, local_hub: LocalHub, push: Callable[..., str]
) -> None:
    """As scar 0.2 pushed."""
    sha256 = hashlib.sha256((folder / "SCaR-eval/b.parquet").read_bytes()).hexdigest()
    rows = {"distribution": [{"contentUrl": "SCaR-eval/b.parquet", "sha256": sha256}]}
    (folder / "croissant.json").write_text(json.dumps(rows))
    push(folder)
    local_hub.put_files(REPO, {RECORD: None, "SCaR-eval/theirs.parquet": b"rows"})
    drop_shard(folder, local_hub)
    push(folder)
    there = local_hub.files(REPO).keys()
    assert "SCaR-eval/b.parquet" not in there
    assert "SCaR-eval/theirs.parquet" in there


@pytest.mark.parametrize("record", [b"{", b"[]", b'{"format": 1, "files": {"a": 1}}', b'{"format": 9, "files": {}}'])
def test_a_damaged_record_is_told(folder: Path, local_hub: LocalHub, push: Callable[..., str], record: bytes) -> None:
    push(folder)
    local_hub.put_files(REPO, {RECORD: record})
    before = local_hub.files(REPO)
    with pytest.raises(InputError, match=rf"{REPO}: {re.escape(RECORD)} (is no record|has format 9)"):
        push(folder)
    assert local_hub.files(REPO) == before
    push(folder, prune=True)
    assert local_hub.files(REPO)[RECORD] == (folder / RECORD).read_bytes()


def test_a_card_with_a_broken_header_is_told(folder: Path, local_hub: LocalHub, push: Callable[..., str]) -> None:
    push(folder)
    for content, problem in ((b"---\na: [1\n---\n# Mine\n", "is no YAML"), (b"\xff", "is no UTF-8")):
        local_hub.put_files(REPO, {"README.md": content})
        with pytest.raises(InputError, match=f"{REPO}: README.md.* on the Hub {problem}.*--prune replaces it"):
            push(folder)
    push(folder, prune=True)
