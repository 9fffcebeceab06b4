"""Files of a source that are missing, packed, damaged or closed: one line that names the file and the way out."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from typer.testing import CliRunner

from scar.annotations import json_stream
from scar.annotations.inputs import check_inputs, digest_input
from scar.cli import app
from scar.errors import InputError
from scar.recipe import Source

if TYPE_CHECKING:
    from tests.conftest import World

Change = Callable[["World"], object]


def instances(change: Callable[[bytes], bytes | str]) -> Change:
    """The instances JSON changed."""

    def apply(world: World) -> None:
        new = change(world.instances_file.read_bytes())
        world.instances_file.write_bytes(new if isinstance(new, bytes) else new.encode())

    return apply


def captions(text: str) -> Change:
    """The captions JSON with another text."""
    return lambda world: world.captions_file.write_text(text)


def zipped(name: str) -> Change:
    """The instances JSON in an archive beside where it should be."""

    def apply(world: World) -> None:
        with zipfile.ZipFile(world.folder / name, "w") as archive:
            archive.write(world.instances_file, "instances.json")
        world.instances_file.unlink()

    return apply


def zipped_images(world: World) -> None:
    shutil.make_archive(str(world.image_folder), "zip", world.image_folder)
    shutil.rmtree(world.image_folder)


def zipped_under_its_own_name(world: World) -> None:
    zipped("archive")(world)
    (world.folder / "archive").rename(world.instances_file)


def file_for_a_folder(world: World) -> None:
    shutil.rmtree(world.image_folder)
    world.image_folder.touch()


def packed_by_gzip(world: World) -> None:
    (world.folder / "instances.json.gz").write_bytes(gzip.compress(world.instances_file.read_bytes()))
    world.instances_file.unlink()


def of_zeros(world: World) -> None:
    """A gigabyte that takes no room on the disk."""
    with world.instances_file.open("wb") as file:
        file.truncate(1 << 30)


FILES: dict[str, tuple[Change, str]] = {
    "no instances": (lambda world: world.instances_file.unlink(), r"instances\.json: no such file; Toy/eval needs"),
    "no captions": (lambda world: world.captions_file.unlink(), r"captions\.json: no such file; Toy/eval needs"),
    "no images": (
        lambda world: world.image_folder.rename(world.folder / "moved"),
        "images: no such folder; Toy/eval needs",
    ),
    "file for a folder": (
        file_for_a_folder,
        "images: is no folder; Toy/eval needs",
    ),
    "cut off": (instances(lambda whole: whole[: len(whole) // 2]), "instances.json: not JSON, or cut off.*get a fresh"),
    "cut off in the first list": (instances(lambda _: '{"images": [{'), "instances.json: not JSON, or cut off"),
    "a list": (instances(lambda _: "[1]"), "instances.json: of another shape"),
    "captions without their list": (
        captions('{"captions": []}'),
        "captions.json: (of another shape|no captions that are read)",
    ),
    "empty file": (captions(""), "captions.json: not JSON, or cut off"),
    "captions of other images": (
        captions('{"annotations": [{"image_id": 1, "caption": "A cow."}]}'),
        "none of its 1 captions is of an image of instances.json",
    ),
    "instances for captions": (
        lambda world: shutil.copy(world.instances_file, world.captions_file),
        r"captions\.json: is an instances JSON; give it as --instances",
    ),
    "nothing in it": (instances(lambda _: '{"images": [], "annotations": [], "categories": []}'), "none of its"),
    "images zipped": (zipped_images, "images: no such folder; Toy/eval needs its images there: unpack images.zip"),
    "zip of its name": (zipped("instances.zip"), "instances.json: no such file; .* unpack instances.zip"),
    "zip of another name": (zipped("annotations.zip"), "no such file; .* unpack annotations.zip, if it is in there"),
    "zip called JSON": (zipped_under_its_own_name, "instances.json: a zip archive: unzip it first"),
    "gzip": (packed_by_gzip, "instances.json: no such file; .* unpack instances.json.gz"),
    "gzip called JSON": (instances(gzip.compress), "instances.json: compressed by gzip: gunzip it first"),
    "bzip2 called JSON": (instances(bz2.compress), "instances.json: compressed by bzip2: bunzip2 it first"),
    "7z called JSON": (instances(lambda _: b"7z\xbc\xaf\x27\x1c"), "instances.json: a 7z archive: unpack it first"),
    "a photo": (
        instances(lambda _: b"\xff\xd8\xff\xe0JFIF"),
        "instances.json: a JPEG image: give the file of its anno",
    ),
    "a pickle": (instances(lambda _: b"\x80\x04\x95"), "instances.json: a pickle: only --reader refcoco reads one"),
    "an empty list of images": (
        instances(lambda whole: json.dumps(json.loads(whole) | {"images": []})),
        "instances.json: its list of images is empty",
    ),
    "UTF-16": (
        instances(lambda whole: whole.decode().encode("utf-16")),
        "instances.json: UTF-16 or UTF-32: save it as UTF-8",
    ),
    "web page": (instances(lambda _: "<!doctype html>404"), "instances.json: a web page or XML, not JSON: download"),
    "pointer of Git LFS": (
        instances(lambda _: "version https://git-lfs.github.com/spec/v1\noid sha256:1\n"),
        "instances.json: a pointer of Git LFS: `git lfs pull` gets the file",
    ),
    "other text": (instances(lambda _: "hello"), r"no value begins with b'hello' \(byte 0\); get a fresh copy"),
    "a gigabyte of zeros": (of_zeros, r"instances\.json: not JSON, or cut off: no value begins with b'\\x00"),
}


def is_refused(result: Any, message: str) -> None:
    """Assert one line on stderr with the message, and exit code 2."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert re.search(message, result.stderr), result.stderr


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_refused_whatever_is_skipped(
    name: str, world: World, run: Callable[..., Any], tmp_path: Path
) -> None:
    change, message = FILES[name]
    world.write()
    change(world)
    is_refused(run("--skip-bad"), message)
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("value", ["{", '"'])
def test_a_long_line_that_is_one_value_is_given_up(
    value: str, world: World, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "WINDOW_BYTES", 10_000)
    monkeypatch.setattr(json_stream, "MAX_RECORD_BYTES", 100_000)
    world.write()
    whole = world.instances_file.read_text()
    long = f'{{"x": "{"y" * 1_000_000}"}}' if value == "{" else f'"{"y" * 1_000_000}"'
    world.instances_file.write_text(f'{{"info": {long}, {whole[1:]}')
    is_refused(run(), r"instances\.json: .*a record goes on for more than 100,000 bytes \(byte 9\)")


BORNE: dict[str, Change] = {
    "byte order mark": instances(lambda whole: b"\xef\xbb\xbf" + whole),
    "all on one line, spaces between": instances(lambda whole: whole.replace(b", ", b"," + b" " * 5000)),
    "indented": instances(lambda whole: json.dumps(json.loads(whole), indent=4)),
    "NaN in an unused field": instances(lambda whole: whole.replace(b'"iscrowd": 0', b'"iscrowd": 0, "area": NaN')),
    "other lists first": instances(lambda whole: b'{"licenses": [{"id": 1}], "info": {"x": [{}]}, ' + whole[1:]),
    "categories renumbered": instances(
        lambda whole: re.sub(
            rb'("category_id"|"categories": \[\{"id"|"id"): ([123])(?=[,}])',
            lambda found: found[1] + b": %d" % (int(found[2]) * 700),
            whole,
        )
    ),
}


@pytest.mark.parametrize("name", BORNE)
def test_what_is_odd_but_clear_gives_the_same_rows(
    name: str, world: World, run: Callable[..., Any], tmp_path: Path
) -> None:
    world.write()
    assert run().exit_code == 0
    rows = tmp_path / "out" / "SCaR-eval" / "SCaR_eval_Toy.parquet"
    expected = rows.read_bytes()
    BORNE[name](world)
    changed = run("--force")
    assert changed.exit_code == 0, changed.output
    assert rows.read_bytes() == expected


def test_images_in_folders_keep_them(world: World, run: Callable[..., Any], tmp_path: Path) -> None:
    for entry in world.images:
        folder = world.image_folder / f"batch{entry['id'] % 2}"
        folder.mkdir(exist_ok=True)
        (world.image_folder / entry["file_name"]).rename(folder / entry["file_name"])
        entry["file_name"] = f"{folder.name}/{entry['file_name']}"
    world.write()
    assert run().exit_code == 0
    out = tmp_path / "out"
    assert len(list((out / "images" / "toy_val" / "batch1").iterdir())) == 3
    assert CliRunner().invoke(app, ["check", str(out)]).exit_code == 0


class Hostile:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self._mark}",)


def test_a_hostile_pickle_stops_the_build_and_does_nothing(world: World, tmp_path: Path) -> None:
    world.write()
    (world.folder / "refs(unc).p").write_bytes(pickle.dumps([Hostile(tmp_path / "mark")], 2))
    recipe = world.folder / "recipe.toml"
    recipe.write_text(
        '[[source]]\nname = "Refs"\nsplit = "train"\nreader = "refcoco"\ninstances = "instances.json"\n'
        'images = "images"\nfiles.refs = "refs(unc).p"\n'
    )
    result = CliRunner().invoke(app, ["build", str(recipe), "--out", str(tmp_path / "out"), "--skip-bad"])
    is_refused(result, r"refs\(unc\)\.p: refused, for it asks for posix\.system: .*get a fresh copy")
    assert not (tmp_path / "mark").exists()


CLOSED = """
import json, os, sys
from pathlib import Path
from typer.testing import CliRunner
sys.path.insert(0, sys.argv[2])
from scar.build import corpus
from scar.cli import app
from tests.conftest import STAND_IN

corpus.make_rules_generator = lambda: STAND_IN
folder, results = Path(sys.argv[1]), {}
build = ["build", "--instances", "world/instances.json", "--name", "Toy", "--split", "eval", "--images", "world/images"]

def run(name, closed, *more, mode=0):
    path = folder / closed
    before = path.stat().st_mode
    path.chmod(mode)
    found = CliRunner().invoke(app, [*build, "--out", name, "--workers", "1", *more])
    path.chmod(before)
    results[name] = found.exit_code, found.stderr

os.chdir(folder)
run("open", "world", mode=0o755)  # imports everything
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
run("again", "world", mode=0o755)
run("images", "world/images")
run("folder", "world/images/batch", "--captions", "world/captions.json")
run("image", "world/images/000005.png", "--captions", "world/captions.json")
run("skipped", "world/images/000005.png", "--captions", "world/captions.json", "--skip-bad")
run("parent", "closed", "--captions", "closed/captions.json")
run("out", ".", mode=0o555)
print(json.dumps(results))
"""


@pytest.fixture
def theirs(world: World) -> Iterator[Path]:
    """A folder with the world that belongs to a user who is not root: root may read everything."""
    last = world.images[-1]
    (world.image_folder / "batch").mkdir()
    (world.image_folder / "000011.png").rename(world.image_folder / "batch" / "000011.png")
    next(entry for entry in world.images if entry["id"] == 11)["file_name"] = "batch/000011.png"
    assert last["id"] == 5
    world.write()
    with tempfile.TemporaryDirectory() as folder:  # tmp_path lies in a folder of one's own
        shutil.copytree(world.folder, Path(folder) / "world")
        (Path(folder) / "closed").mkdir()
        if os.geteuid() == 0:
            for path in (Path(folder), *Path(folder).rglob("*")):
                os.chown(path, 65534, 65534)
        yield Path(folder)


def test_without_permission_the_message_says_so(theirs: Path) -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", CLOSED, str(theirs), str(Path(__file__).parents[3])],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    results = json.loads(done.stdout)
    if results["again"][0]:
        pytest.skip(f"nobody may build here: {results['again']}")
    wanted = {
        "images": "scar: world/images: no permission to read it; Toy/eval needs its images there.",
        "folder": "image 11: image 'world/images/batch/000011.png' may not be read: no permission; `--skip-bad` drops",
        "image": "image 5: image 'world/images/000005.png' may not be read: no permission; `--skip-bad` drops it and "
        "counts it as 'image_closed'",
        "parent": "closed/captions.json: no permission to read it; Toy/eval needs its captions there",
        "out": f"scar: {theirs}: no permission to write there; give another --out.",
    }
    for name, message in wanted.items():
        code, stderr = results[name]
        assert code == 2, (name, stderr)
        assert message in stderr
    assert results["skipped"][0] == 0, results["skipped"]


def test_an_out_that_is_a_file_is_refused(world: World, run: Callable[..., Any], tmp_path: Path) -> None:
    world.write()
    (tmp_path / "out").touch()
    is_refused(run(), r"out: is a file, not a folder; give another --out")


def source(folder: Path, **changes: object) -> Source:
    (folder / "images").mkdir(exist_ok=True)
    (folder / "instances.json").write_text("{}")
    found = Source(
        name="Mine", split="eval", images=folder / "images", instances=folder / "instances.json", get="https://there"
    )
    return msgspec.structs.replace(found, **changes)


def test_what_is_missing_is_told_with_its_place_and_where_to_get_it(tmp_path: Path) -> None:
    check_inputs(source(tmp_path))
    with pytest.raises(
        InputError, match=r"no/x\.json: no such file; Mine/eval needs its instances there; get it from https"
    ):
        check_inputs(source(tmp_path, instances=tmp_path / "no" / "x.json"))
    with pytest.raises(InputError, match=r"train: no such folder; Mine/eval needs its images there; get it from https"):
        check_inputs(source(tmp_path, images=tmp_path / "train"))
    with pytest.raises(InputError, match=r"images: is a folder; Mine/eval needs its instances there"):
        check_inputs(source(tmp_path, instances=tmp_path / "images"))
    with pytest.raises(InputError, match=r"instances\.json: is no folder; Mine/eval needs its images there"):
        check_inputs(source(tmp_path, images=tmp_path / "instances.json"))
    exchanged = source(tmp_path, images=tmp_path / "instances.json", instances=tmp_path / "images")
    with pytest.raises(
        InputError, match=r"images: is a folder, and .*instances\.json a file; exchange instances and im"
    ):
        check_inputs(exchanged)


def test_archives_are_to_be_unpacked(tmp_path: Path) -> None:
    mine = source(tmp_path)
    (tmp_path / "train2017.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"train2017: no such folder; .* unpack train2017\.zip"):
        check_inputs(msgspec.structs.replace(mine, images=tmp_path / "train2017"))
    with pytest.raises(InputError, match=r"train2017\.zip: is an archive; .* unpacked"):
        check_inputs(msgspec.structs.replace(mine, images=tmp_path / "train2017.zip"))


def test_what_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = source(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "instances.json")
    with pytest.raises(InputError, match=r"instances\.json: no permission to read it"):
        check_inputs(mine)


def test_a_folders_digest_tells_names_and_sizes(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    file = tmp_path / "a" / "b" / "c.json"
    file.write_text("one")
    first = digest_input(tmp_path / "a")
    assert digest_input(tmp_path / "a") == first
    file.write_text("three")
    second = digest_input(tmp_path / "a")
    file.rename(file.with_name("d.json"))
    assert len({first, second, digest_input(tmp_path / "a"), digest_input(file.with_name("d.json"))}) == 4
    with pytest.raises(InputError, match=r"c\.json: No such file"):
        digest_input(file)
