"""A pull is one commit, exact, goes on where it was, and replaces nothing that it was not told to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from mmeb_eval.data.files import find_scar_tasks
from scar import read
from scar.cli import app
from scar.errors import DataError, HubError, InputError
from scar.formats.reader import find_row_files
from scar.publish.pull import RECORD, plan_pull
from scar.publish.push import push_files
from scar.publish.upload import PushTarget
from tests.local_hub import TOKEN, Failure, LocalHub, make_uploads
from tests.scar.older_corpora import drop_reasons
from tests.scar.publish.pulls import REPO, contents, fetch, send

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")  # the client's own


PUBLISHED = "Sony/SCaR-Eval"


def scar(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def pushed(built: Path, local_hub: LocalHub) -> dict[str, bytes]:
    """A build on the Hub; its files."""
    done = scar("push", built, "--repo", REPO)
    assert done.exit_code == 0, done.output
    return local_hub.files(REPO)


@pytest.fixture
def published(built: Path, local_hub: LocalHub, tmp_path: Path) -> dict[str, bytes]:
    """The eval rows as their publishers keep them: bare files, no provenance, another README."""
    rows = (built / "SCaR-eval" / "SCaR_eval_Toy.parquet").read_bytes()
    files = {"SCAR_COCO_Stuff_val_filtered.parquet": rows, "README.md": b"# Theirs", ".gitattributes": b"x"}
    push_files(make_uploads(tmp_path / "theirs", files), PushTarget(PUBLISHED, "dataset"), endpoint=local_hub.endpoint)
    return files


def test_what_was_pushed_comes_back_byte_for_byte(built: Path, pushed: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = scar("pull", REPO, "--out", out)
    assert done.exit_code == 0, done.output
    assert contents(out) == pushed == {path: (built / path).read_bytes() for path in pushed}
    assert "Toy/eval: 3 of 3 images are missing; put them where rows name them:" in done.output
    assert (out / "images_missing.txt").read_text().splitlines() == [
        f"images/toy_{split}/{number:06}.png" for split in ("val", "train") for number in (5, 7, 11)
    ]
    assert "no problems" in done.output
    shutil.copytree(built / "images", out / "images")
    again = scar("pull", REPO, "--out", out)
    assert "Toy/train: all 3 images are there" in again.output
    assert not (out / "images_missing.txt").exists()
    assert scar("check", out).exit_code == 0


def test_a_corpus_of_an_earlier_build_comes_back_too(built: Path, local_hub: LocalHub, tmp_path: Path) -> None:
    done = scar("push", drop_reasons(built), "--repo", REPO)
    assert done.exit_code == 0, done.output
    out = tmp_path / "out"
    done = scar("pull", REPO, "--out", out)
    assert done.exit_code == 0, done.output
    assert contents(out) == local_hub.files(REPO)
    assert [sample.reason for sample in read(out)] == [None] * 18


def test_a_rerun_asks_the_hub_nothing(pushed: dict[str, bytes], local_hub: LocalHub, tmp_path: Path) -> None:
    scar("pull", REPO, "--out", tmp_path / "out")
    local_hub.asked.clear()
    again = scar("pull", REPO, "--out", tmp_path / "out")
    assert f"0 files, 0 B to fetch; {len(pushed)} are there" in again.output
    assert local_hub.asked == []


def test_the_published_data_sets_share_a_folder(
    published: dict[str, bytes], local_hub: LocalHub, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = scar("pull", PUBLISHED, "--out", out)
    assert done.exit_code == 0, done.output
    assert contents(out) == {
        "SCaR-eval/SCAR_COCO_Stuff_val_filtered.parquet": published["SCAR_COCO_Stuff_val_filtered.parquet"],
        "about/SCaR-Eval/README.md": b"# Theirs",
    }
    assert "1 files left out: .gitattributes" in done.output
    assert "from http://images.cocodataset.org/zips/val2017.zip (val2017)" in done.output
    assert "licence of the images: terms of use of Flickr" in done.output
    record = json.loads((out / RECORD).read_text())
    assert record["repos"][PUBLISHED]["commit"] == local_hub.repos["datasets", PUBLISHED].branches["main"]


def test_an_images_folder_elsewhere(built: Path, pushed: dict[str, bytes], tmp_path: Path) -> None:
    done = scar("pull", REPO, "--out", tmp_path / "out", "--images", built)
    assert done.exit_code == 0, done.output
    assert "all 3 images are there" in done.output


def test_images_that_are_other_ones_are_told(built: Path, pushed: dict[str, bytes], tmp_path: Path) -> None:
    from PIL import Image

    shutil.copytree(built / "images", tmp_path / "out" / "images")
    Image.new("RGB", (120, 90), "red").save(tmp_path / "out" / "images" / "toy_val" / "000007.png")
    done = scar("pull", REPO, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "1 of 3 images differ from their checksums in images.sha256: images/toy_val/000007.png" in done.output


def test_damaged_rows_are_told_by_the_check(local_hub: LocalHub, tmp_path: Path) -> None:
    files = make_uploads(tmp_path / "theirs", {"SCAR_ADE20K_val_filtered.parquet": b"no parquet"})
    push_files(files, PushTarget(PUBLISHED, "dataset"), endpoint=local_hub.endpoint)
    done = scar("pull", PUBLISHED, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "schema: 1" in done.output


def test_nothing_is_replaced_unless_it_is_said(pushed: dict[str, bytes], local_hub: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "README.md").write_text("# Mine")
    done = scar("pull", REPO, "--out", out)
    assert done.exit_code == 2
    assert "README.md: holds something else; --force replaces it, another --out keeps it." in done.output
    assert contents(out) == {"README.md": b"# Mine"}
    assert "1 files replaced: README.md" in scar("pull", REPO, "--out", out, "--force").output
    assert contents(out) == pushed


def test_another_revision_comes_only_with_force(built: Path, local_hub: LocalHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    scar("push", built, "--repo", REPO, "--tag", "v1")
    first = local_hub.files(REPO, "v1")
    scar("pull", REPO, "--out", out)
    (built / "SCaR-train" / "SCAR_Toy.parquet").unlink()
    (built / "provenance" / "SCAR_Toy.parquet").unlink()
    scar("push", built, "--repo", REPO)
    assert scar("pull", REPO, "--out", out).exit_code == 0
    assert contents(out) == first, "the commit that is there stays"
    refused = scar("pull", REPO, "--out", out, "--revision", "main")
    assert refused.exit_code == 2
    assert "--force brings" in refused.output
    assert contents(out) == first
    scar("pull", REPO, "--out", out, "--revision", "main", "--force")
    assert contents(out) == local_hub.files(REPO)
    scar("pull", REPO, "--out", tmp_path / "old", "--revision", "v1")
    assert contents(tmp_path / "old") == first


def test_a_dry_run_fetches_nothing(pushed: dict[str, bytes], local_hub: LocalHub, tmp_path: Path) -> None:
    local_hub.asked.clear()
    done = scar("pull", REPO, "--out", tmp_path / "out", "--dry-run")
    assert done.exit_code == 0, done.output
    assert f"{len(pushed)} files, " in done.output
    assert "Nothing was fetched." in done.output
    assert not (tmp_path / "out").exists()
    assert not any("/resolve/" in request for request in local_hub.asked)


def test_a_repository_without_rows_is_none(local_hub: LocalHub, tmp_path: Path) -> None:
    push_files(
        make_uploads(tmp_path / "x", {"README.md": b"x"}), PushTarget(REPO, "dataset"), endpoint=local_hub.endpoint
    )
    with pytest.raises(InputError, match=r"me/corpus at \w+: no parquet file in it, so it is no SCaR corpus"):
        fetch(local_hub, tmp_path / "out")
    with pytest.raises(HubError, match="not the name of a repository; write ORG/NAME"):
        plan_pull("not a name", tmp_path / "out", endpoint=local_hub.endpoint)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "repos": {"a": 3}}'])
def test_a_damaged_record(tmp_path: Path, content: str) -> None:
    (tmp_path / RECORD).write_text(content)
    with pytest.raises(InputError, match=r"pull.json: no record of a pull"):
        plan_pull(REPO, tmp_path)


def test_a_record_of_another_version(tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text('{"format": 9, "repos": {}}')
    with pytest.raises(InputError, match=r"format 9, this version reads 1"):
        plan_pull(REPO, tmp_path)


def test_the_token_is_in_no_output_and_no_file(pushed: dict[str, bytes], local_hub: LocalHub, tmp_path: Path) -> None:
    outputs = [scar("pull", REPO, "--out", tmp_path / "out").output]
    local_hub.failures.append(Failure("resolve", 9, 403))
    outputs.append(scar("pull", REPO, "--out", tmp_path / "other").output)
    assert "HTTP 403" in outputs[1]
    assert TOKEN not in "".join(outputs)
    for path in [*(tmp_path / "out").rglob("*"), *(tmp_path / "other").rglob("*")]:
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes()


def test_a_pull_that_was_killed_goes_on_with_the_same_commit(
    pushed: dict[str, bytes], local_hub: LocalHub, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    local_hub.failures.append(Failure("GET .*/resolve/", 99, kind="slow"))
    with subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", "from scar.cli import app; app()", "pull", REPO, "--out", str(out)],
        stdout=subprocess.DEVNULL,
    ) as running:
        deadline = time.monotonic() + 60
        while len(contents(out)) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(running.pid, signal.SIGKILL)
    before = contents(out)
    assert 3 <= len(before) < len(pushed)
    assert before.items() <= pushed.items(), "whole files alone stand in their places"
    local_hub.failures.clear()
    send(local_hub, tmp_path)  # the branch moves on
    local_hub.asked.clear()
    done = scar("pull", REPO, "--out", out)
    assert done.exit_code == 0, done.output
    assert contents(out) == pushed
    asked = {request.rpartition("/resolve/")[2].partition("/")[2] for request in local_hub.asked}
    assert not asked & before.keys(), "what is there is not asked for again"


def test_a_half_pulled_folder_is_read_by_nobody(
    built: Path, local_hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither as fewer rows, nor as rows of two revisions."""
    out = tmp_path / "out"
    scar("push", built, "--repo", REPO, "--tag", "v1")
    scar("pull", REPO, "--out", out)
    rows = pq.read_table(built / "SCaR-train" / "SCAR_Toy.parquet")
    pq.write_table(rows.slice(1), built / "SCaR-train" / "SCAR_Toy.parquet")
    notes = pq.read_table(built / "provenance" / "SCAR_Toy.parquet")
    pq.write_table(notes.slice(1), built / "provenance" / "SCAR_Toy.parquet")
    (built / "build_report.json").unlink()  # it says nine
    done = scar("push", built, "--repo", REPO)
    assert done.exit_code == 0, done.output
    local_hub.failures.append(Failure("GET .*/resolve/.*SCaR-train", 99, 403))
    half = scar("pull", REPO, "--out", out, "--revision", "main", "--force")
    assert half.exit_code == 2
    for command in ("check", "stats", "audit", "show", "card"):
        told = scar(command, out)
        assert told.exit_code == 2
        assert told.output == (
            f"scar: {out}: a pull into it has not ended; the same `scar pull` again brings the rest.\n"
        )
    with pytest.raises(InputError, match="a pull into it has not ended"):
        find_row_files(out)
    with pytest.raises(DataError, match="a pull into it has not ended"):
        find_scar_tasks(out)
    local_hub.failures.clear()
    assert scar("pull", REPO, "--out", out, "--force").exit_code == 0
    assert contents(out) == local_hub.files(REPO)
    assert sum(file.rows for file in find_row_files(out)) == 17


def test_rows_that_another_revision_lacks_go_though_they_were_edited(
    built: Path, local_hub: LocalHub, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    scar("push", built, "--repo", REPO)
    scar("pull", REPO, "--out", out)
    (built / "SCaR-train" / "SCAR_Toy.parquet").unlink()
    (built / "provenance" / "SCAR_Toy.parquet").unlink()
    scar("push", built, "--repo", REPO)
    edited = out / "SCaR-train" / "SCAR_Toy.parquet"
    pq.write_table(pq.read_table(edited).slice(2), edited)
    before = contents(out)
    assert scar("pull", REPO, "--out", out, "--revision", "main").exit_code == 2
    assert contents(out) == before
    done = scar("pull", REPO, "--out", out, "--revision", "main", "--force")
    assert "2 files removed: SCaR-train/SCAR_Toy.parquet, provenance/SCAR_Toy.parquet" in done.output, done.output
    assert contents(out) == local_hub.files(REPO)


def test_rows_that_no_pull_brought_are_named(built: Path, pushed: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    for path in ("SCaR-eval/SCaR_eval_Mine.parquet", "provenance/SCaR_eval_Mine.parquet"):
        (out / path).parent.mkdir(parents=True)
        shutil.copy(built / path.replace("Mine", "Toy"), out / path)
    done = scar("pull", REPO, "--out", out)
    assert (
        "1 files of rows stay that no pull brought, and are read too: SCaR-eval/SCaR_eval_Mine.parquet" in done.output
    )


def test_files_and_folders_in_the_way_are_told(pushed: dict[str, bytes], tmp_path: Path) -> None:
    def refused(out: Path) -> str:
        done = scar("pull", REPO, "--out", out, "--force")
        assert done.exit_code == 2
        assert done.output.count("\n") == 1
        return done.output

    (tmp_path / "file").write_text("x")
    assert f"{tmp_path / 'file'}: is a file, not a folder" in refused(tmp_path / "file")
    (tmp_path / "one" / "README.md").mkdir(parents=True)
    assert "README.md: is a folder, and a file is to lie there" in refused(tmp_path / "one")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "provenance").write_text("x")
    assert "provenance: is a file, and a folder is to lie there" in refused(tmp_path / "two")
