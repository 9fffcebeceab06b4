"""Rows with images: what goes into them comes out again, byte for byte, on the Hub and back."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import scar.formats.embedded_images as module
from scar.annotations.inputs import digest_input
from scar.cli import app
from scar.errors import InputError
from scar.formats.embedded_images import unpack_images, write_image_shards
from tests.local_hub import Failure, LocalHub

REPO = "me/corpus"
SHARD = "with-images/SCaR_eval_Toy-00000-of-00001.parquet"

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")  # the client's own


def scar(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


LOAD = """
import hashlib, json, sys
from datasets import load_dataset
from PIL import Image
for config, split in (("eval_images", "val"), ("train_images", "train")):
    rows = load_dataset(sys.argv[1], config, split="Toy")
    assert len(rows) == 9
    for row in rows:
        with Image.open(f"{sys.argv[2]}/{row['qry_image_path']}") as file:
            assert row["image"].tobytes() == file.tobytes() and row["image"].size == file.size
assert len(load_dataset(sys.argv[1], "eval", split="Toy")) == 9
"""


def test_a_push_with_images_is_loaded_with_them_and_pulled_into_files(
    built: Path, local_hub: LocalHub, tmp_path: Path
) -> None:
    done = scar("push", built, "--repo", REPO, "--embed-images")
    assert done.exit_code == 0, done.output
    assert "they keep the licences of their makers" in done.output
    there = local_hub.files(REPO)
    assert [path for path in there if path.startswith("with-images/")] == [SHARD, SHARD.replace("SCaR_eval", "SCAR")]
    card = there["README.md"].decode()
    assert "config_name: eval_images" in card
    assert "| `image` (in the configs with images) | the image file, byte for byte |" in card
    assert "The images are not in it" not in card
    subprocess.run([sys.executable, "-c", LOAD, REPO, str(built)], check=True, timeout=120)  # noqa: S603 - our own

    out = tmp_path / "out"
    pulled = scar("pull", REPO, "--out", out)
    assert pulled.exit_code == 0, pulled.output
    assert "all 3 images are there" in pulled.output
    for path, content in there.items():
        assert path.startswith("with-images/") or (out / path).read_bytes() == content
    for image in (built / "images").rglob("*.png"):
        assert (out / image.relative_to(built)).read_bytes() == image.read_bytes()
    assert not (out / "with-images").exists()
    assert scar("check", out).exit_code == 0
    local_hub.asked.clear()
    assert "0 files, 0 B to fetch" in scar("pull", REPO, "--out", out).output
    assert local_hub.asked == []
    assert "2 removed" in scar("push", built, "--repo", REPO).output, "the next push is without images"


def test_rows_alone(built: Path, local_hub: LocalHub, tmp_path: Path) -> None:
    scar("push", built, "--repo", REPO, "--embed-images")
    local_hub.asked.clear()
    done = scar("pull", REPO, "--out", tmp_path / "out", "--rows-only")
    assert "3 of 3 images are missing" in done.output
    assert not any("with-images" in request for request in local_hub.asked)
    assert "all 3 images are there" in scar("pull", REPO, "--out", tmp_path / "out").output


def test_images_that_are_in_the_way_stay_unless_it_is_said(built: Path, local_hub: LocalHub, tmp_path: Path) -> None:
    scar("push", built, "--repo", REPO, "--embed-images")
    mine = tmp_path / "out" / "images" / "toy_val" / "000005.png"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    done = scar("pull", REPO, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "000005.png: holds something else; --force replaces it" in done.output
    assert mine.read_bytes() == b"mine"
    assert scar("pull", REPO, "--out", tmp_path / "out", "--force").exit_code == 0
    assert mine.read_bytes() == (built / "images" / "toy_val" / "000005.png").read_bytes()


def test_a_pull_of_images_goes_on_behind_the_shards_that_came(built: Path, local_hub: LocalHub, tmp_path: Path) -> None:
    scar("push", built, "--repo", REPO, "--embed-images")
    local_hub.failures.append(Failure("GET .*/SCaR_eval_Toy-00000", 1, 403))
    assert scar("pull", REPO, "--out", tmp_path / "out").exit_code == 2
    assert len(list((tmp_path / "out" / "images").rglob("*.png"))) == 3
    local_hub.asked.clear()
    assert scar("pull", REPO, "--out", tmp_path / "out").exit_code == 0
    assert not any("SCAR_Toy-00000" in request for request in local_hub.asked)
    assert len(list((tmp_path / "out" / "images").rglob("*.png"))) == 6


def test_groups_of_rows_are_of_the_viewers_size(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = built / "SCaR-eval" / "SCaR_eval_Toy.parquet"
    table = pq.read_table(rows)
    pq.write_table(pa.concat_tables([table] * 40), rows, row_group_size=130)
    size = max(path.stat().st_size for path in (built / "images").rglob("*.png"))
    shard = next(shard for shard in write_image_shards(built, tmp_path, digest_input) if shard.split == "eval")
    assert groups(shard.file) == [100, 100, 100, 60]
    monkeypatch.setattr(module, "BYTES_PER_GROUP", 30 * size)
    monkeypatch.setattr(module, "BYTES_PER_SHARD", 200 * size)
    shards = [shard for shard in write_image_shards(built, tmp_path / "small", digest_input) if shard.split == "eval"]
    assert [shard.path for shard in shards] == [
        f"with-images/SCaR_eval_Toy-{number:05}-of-00002.parquet" for number in (0, 1)
    ]
    stored = pa.concat_tables([pq.read_table(shard.file) for shard in shards])
    assert stored.drop_columns(["image"]).equals(pq.read_table(rows))
    for row in stored.to_pylist():
        assert row["image"]["path"] == row["qry_image_path"]
        assert row["image"]["bytes"] == (built / row["qry_image_path"]).read_bytes()
    assert max(groups(shards[0].file)) <= 30


def groups(file: Path) -> list[int]:
    """Rows of each group, after a look at the page index."""
    meta = pq.read_metadata(file)
    for number in range(meta.num_row_groups):
        group = meta.row_group(number)
        assert group.total_byte_size <= 100_000_000
        assert all(group.column(place).has_offset_index for place in range(group.num_columns))
    return [meta.row_group(number).num_rows for number in range(meta.num_row_groups)]


def test_the_same_corpus_gives_the_same_bytes_and_only_what_changed_is_made_again(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = {shard.path: shard.file.read_bytes() for shard in write_image_shards(built, tmp_path / "one", digest_input)}
    assert first == {
        shard.path: shard.file.read_bytes() for shard in write_image_shards(built, tmp_path / "two", digest_input)
    }
    made: list[Path] = []
    monkeypatch.setattr(module, "_write_shard", lambda *given: made.append(given[-1]))
    write_image_shards(built, tmp_path / "one", digest_input)
    assert made == []
    image = built / "images" / "toy_val" / "000005.png"
    image.unlink()
    Image.new("RGB", (120, 90), "red").save(image)
    write_image_shards(built, tmp_path / "one", digest_input)
    assert [path.name for path in made] == [Path(SHARD).name]


def test_an_image_that_is_missing_is_named(built: Path, tmp_path: Path) -> None:
    (built / "images" / "toy_val" / "000007.png").unlink()
    with pytest.raises(InputError, match=r"row \d: image .*000007.png' does not exist; .* push without --embed-images"):
        write_image_shards(built, tmp_path, digest_input)


@pytest.fixture
def shard(built: Path, tmp_path: Path) -> pa.Table:
    return pq.read_table(
        next(s.file for s in write_image_shards(built, tmp_path / "made", digest_input) if s.split == "eval")
    )


def changed(shard: pa.Table, place: Path, **image: Any) -> Path:
    images = [row | image for row in shard["image"].to_pylist()]
    pq.write_table(shard.set_column(0, "image", pa.array(images)), place)
    return place


@pytest.mark.parametrize("path", ["../out.png", "/out.png", "images/../../out.png", "SCaR-eval/a.png"])
def test_an_image_path_that_leaves_its_folder_is_refused(shard: pa.Table, tmp_path: Path, path: str) -> None:
    with pytest.raises(InputError, match=r"would leave .*; refused"):
        unpack_images(changed(shard, tmp_path / "x.parquet", path=path), tmp_path / "out", {})
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.png").exists()


def test_images_that_are_not_what_was_pushed_are_refused(shard: pa.Table, tmp_path: Path) -> None:
    known = dict.fromkeys(shard["qry_image_path"].to_pylist(), "0" * 64)
    with pytest.raises(
        InputError, match=r"images/toy_val/\d+.png has SHA-256 \w+, not 0+; its maker has to push again"
    ):
        unpack_images(changed(shard, tmp_path / "x.parquet", bytes=b"?"), tmp_path / "out", known)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_a_link_is_not_followed(shard: pa.Table, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "images").mkdir(parents=True)
    (tmp_path / "out" / "images" / "toy_val").symlink_to(tmp_path / "elsewhere")
    known = {path: hashlib.sha256(b"?").hexdigest() for path in shard["qry_image_path"].to_pylist()}
    with pytest.raises(InputError, match=r"would leave .* through a link; refused"):
        unpack_images(changed(shard, tmp_path / "x.parquet", bytes=b"?"), tmp_path / "out", known)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("table", [{"image": [3]}, {"text": ["a"]}, {"image": [None]}, None])
def test_a_file_that_is_no_shard_is_named(tmp_path: Path, table: dict[str, list[Any]] | None) -> None:
    place = tmp_path / "x.parquet"
    if table is None:
        place.write_bytes(b"no parquet")
    else:
        pq.write_table(pa.table(table), place)
    with pytest.raises(InputError, match=r"x.parquet: no readable rows with images"):
        unpack_images(place, tmp_path / "out", {})


@pytest.mark.filterwarnings("ignore")
def test_croissant_reads_the_images(built: Path, local_hub: LocalHub, tmp_path: Path) -> None:
    import mlcroissant as mlc

    scar("push", built, "--repo", REPO, "--embed-images")
    for path, content in local_hub.files(REPO).items():
        place = tmp_path / "repo" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    assert json.loads((tmp_path / "repo" / "croissant.json").read_text())
    dataset = mlc.Dataset(str(tmp_path / "repo" / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    records = list(dataset.records("eval_images/Toy"))
    rows = pq.read_table(built / "SCaR-eval" / "SCaR_eval_Toy.parquet").to_pylist()
    assert len(records) == len(rows) == 9
    for record, row in zip(records, rows, strict=True):
        with Image.open(built / row["qry_image_path"]) as file:
            assert record["eval_images/Toy/image"].tobytes() == file.tobytes()
