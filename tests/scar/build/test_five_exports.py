"""The same set, exported by the tools of the field, gives the same samples."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

import scar
from scar.cli import app
from scar.sample import Sample
from tests.scar.annotations.exports import EXPORTS, TinySet, draw_tiny_set


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinySet:
    return draw_tiny_set(tmp_path_factory.mktemp("tiny"))


def build_export(name: str, tiny: TinySet, folder: Path) -> list[Sample]:
    """Build an export through the command line, without any option that the format needs."""
    instances = EXPORTS[name](folder, tiny)
    options = ["--instances", instances, "--captions", tiny.captions, "--images", tiny.images]
    done = CliRunner().invoke(
        app, ["build", *map(str, options), "--name", "Tiny", "--split", "eval", "--out", str(folder / "out")]
    )
    assert done.exit_code == 0, done.output
    return list(scar.read(folder / "out"))


@pytest.fixture(scope="module")
def plain(tiny: TinySet, tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return build_export("coco", tiny, tmp_path_factory.mktemp("coco"))


@pytest.mark.parametrize("name", EXPORTS)
def test_every_export_gives_the_same_samples(name: str, tiny: TinySet, plain: list[Sample], tmp_path: Path) -> None:
    assert len(plain) > 20
    samples = build_export(name, tiny, tmp_path)
    numbers = {sample.image: sample.image_id for sample in plain}
    if name == "label_studio":  # it counts images from 0
        assert {number - 1 for number in numbers.values()} == {sample.image_id for sample in samples}
        samples = [msgspec.structs.replace(sample, image_id=numbers[sample.image]) for sample in samples]
    assert samples == plain
