"""`virtue index` and `virtue search`, run in one process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.virtue_ref.conftest import drawn
from virtue_ref.cli import app


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three pictures and their index."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "photos").mkdir()
    for seed in range(3):
        drawn(90, 70, seed).save(folder / "photos" / f"{seed}.png")
    done = call("index", folder / "photos", "--out", folder / "index", "--model", "tiny")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("3 entries of 64 dimensions by virtue-tiny-")
    return folder


def test_by_text_image_region_and_mix(made: Path) -> None:
    image = ("--image", made / "photos" / "1.png")
    ways: list[tuple[object, ...]] = [("a cup",), image, (*image, "--box", "5,5,40,40"), (*image, "--point", "9,9")]
    ways += [(*image, "--polygon", "5,5 40,5 20,30"), (*image, "--lasso", "5,5 40,5 20,30 7,3")]
    ways.append((*image, "--scribble", "5,5 40,5", "--scribble", "20,30", "--beside", "60,60 70,60"))
    ways.append(("a cup", *image, "--box", "5,5,40,40", "--text-weight", 0.3))
    for way in ways:
        done = call("search", made / "index", *way, "--model", "tiny", "--top", 2, "--json")
        assert done.exit_code == 0, done.output
        hits = json.loads(done.stdout)
        assert [set(hit) for hit in hits] == [{"score", "id", "text", "image", "box"}] * 2
        assert hits[0]["score"] >= hits[1]["score"]
        if way == image:
            assert hits[0]["id"] == "1.png"


def test_a_picture_of_the_hits(made: Path, tmp_path: Path) -> None:
    done = call("search", made / "index", "a cup", "--model", "tiny", "--picture", tmp_path / "hits.png")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "hits.png").is_file()
    assert len(done.stdout.splitlines()) == 3


BAD = [
    ((), "nothing to search for"),
    (("--box", "1,2,3,4"), "a region without an image"),
    (("a", "--text-weight", "2"), "--text-weight 2.0: it is 0 to 1"),
    (("--image", "1.png", "--box", "1,2"), "--box '1,2': give x0,y0,x1,y1"),
    (("--image", "1.png", "--point", "a,b"), "--point 'a,b': give x,y"),
    (("--image", "1.png", "--polygon", "1,2 3"), "--polygon '3': give x,y"),
    (("--image", "1.png", "--polygon", "1,2 3,4", "--box", "1,2,3,4"), "one prompt, not box and polygon"),
    (("--image", "1.png", "--beside", "1,2"), "beside [[[1.0, 2.0]]] without scribble"),
    (("--image", "absent.png"), "absent.png"),
]


@pytest.mark.parametrize(("words", "told"), BAD)
def test_a_bad_query_is_told_in_one_line(made: Path, words: tuple[str, ...], told: str) -> None:
    done = call("search", made / "index", *words, "--model", "tiny")
    assert done.exit_code == 2
    assert told in done.stderr
    assert done.stderr.startswith("virtue: ")
    assert done.stderr.count("\n") == 1


def test_a_bad_index_is_told_in_one_line(made: Path, tmp_path: Path) -> None:
    for folder, told in ((tmp_path, "no index"), (made / "index", "load that model or index again")):
        done = call("search", folder, "a", "--model", "demo")
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert told in done.stderr
    done = call("index", made / "photos", "--out", made / "index", "--model", "tiny")
    assert (done.exit_code, done.stderr) == (2, f"virtue: {made / 'index'} exists; name a new folder.\n")


def test_vanished_images_are_told(made: Path, tmp_path: Path) -> None:
    done = call("search", made / "index", "a", "--model", "tiny", "--images", tmp_path)
    assert done.exit_code == 0
    assert "the images of 3 of 3 hits are gone, such as" in done.stderr
    assert done.stderr.count("\n") == 1
