"""One set of images falls into train and eval by image: disjoint, complete, seeded, stable when images are added."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import scar
from scar.accounting import Tally
from scar.annotations.parts import is_of_eval, select_part
from scar.annotations.pictures import PictureList
from scar.cli import app
from scar.errors import InputError
from scar.recipe import Source
from tests.scar.annotations.exports import draw_tiny_set, write_coco
from tests.scar.annotations.test_pictures import TwoRegions

if TYPE_CHECKING:
    from tests.conftest import World

FILES = [f"folder/{number}.jpg" for number in range(60)]


def part(split: str, files: list[str], seed: int = 0, share: float = 0.3) -> set[str]:
    """The files of a part."""
    source = Source(name="X", split=split, images=Path(), instances=Path("x.json"), eval_share=share)  # type: ignore[arg-type]
    refs = [TwoRegions(number, file) for number, file in enumerate(files)]
    index = select_part(PictureList(source, Tally(), refs), seed)
    assert [key.file for key in index.iter_keys()] == [index[place].file for place in range(len(index))]
    assert index.tally.records == index.tally.rejected["other_split"]  # those of its own pictures are still to be read
    assert index.tally.records == len(files) - len(index)
    return {key.file for key in index.iter_keys()}


@given(st.permutations(FILES), st.integers(0, 60), st.integers(0, 5))
def test_parts_are_disjoint_and_complete_and_stay_when_images_are_added(files: list[str], some: int, seed: int) -> None:
    train, held = part("train", FILES, seed), part("eval", FILES, seed)
    assert not train & held
    assert train | held == set(FILES)
    assert {file for file in files[:some] if is_of_eval(TwoRegions(1, file), seed, 0.3)} == held & set(files[:some])


def test_the_share_holds_on_average_and_the_seed_counts() -> None:
    keys = [TwoRegions(number, f"{number}.jpg") for number in range(4000)]
    counts = [sum(is_of_eval(key, seed, 0.1) for key in keys) for seed in range(3)]
    assert all(340 < count < 460 for count in counts)
    assert len({frozenset(key.id for key in keys if is_of_eval(key, seed, 0.1)) for seed in range(3)}) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TwoRegions(1, "a/7.jpg", "coco:7"), TwoRegions(9, "b/COCO_7.jpg", "coco:7")),
        (TwoRegions(1, "cat_jpg.rf.1f2e3d4c.jpg"), TwoRegions(2, "cat_jpg.rf.99aa00bb.jpg")),
        (TwoRegions(1, "same.png"), TwoRegions(2, "same.png")),
    ],
)
def test_copies_of_one_image_fall_into_one_part(one: TwoRegions, other: TwoRegions) -> None:
    sides = [(is_of_eval(one, seed, 0.5), is_of_eval(other, seed, 0.5)) for seed in range(40)]
    assert all(first == second for first, second in sides)
    assert len(set(sides)) == 2


def test_an_empty_part_is_refused() -> None:
    with pytest.raises(InputError, match=r"X/eval: none of its 1 images falls into eval with an eval share of 0\.001"):
        part("eval", FILES[:1], share=0.001)


def split_options(world: World) -> list[str]:
    return world.options()[:-2]


def test_one_own_file_gives_both_splits(tmp_path: Path) -> None:
    tiny = draw_tiny_set(tmp_path, count=18)
    files = ["--instances", write_coco(tmp_path, tiny), "--captions", tiny.captions, "--images", tiny.images]
    options = [*map(str, files), "--name", "Tiny", "--split-by", "image", "--eval-share", "0.4", "--overlap", "keep"]
    done = CliRunner().invoke(app, ["build", *options, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    samples = list(scar.read(tmp_path / "out"))
    images = {split: {s.image_id for s in samples if s.split == split} for split in ("train", "eval")}
    assert not images["train"] & images["eval"]
    assert images["train"]
    assert images["eval"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--split-by", "image", "--split", "eval"], "--split: --split-by makes both splits"),
        (["--split", "eval", "--eval-share", "0.2"], "--eval-share: it belongs to --split-by image"),
        (["--split-by", "image", "--eval-share", "1"], "eval_share"),
        (["--split-by", "image", "--eval-share", "0"], "eval_share"),
    ],
)
def test_options_that_exclude_each_other_are_refused(
    options: list[str], message: str, world: World, tmp_path: Path
) -> None:
    world.write()
    done = CliRunner().invoke(app, ["build", *split_options(world), *options, "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert message in done.output
    assert done.output.count("\n") == 1
