"""A set of one class and one scene: it builds, and lines say where the false parts come from, before and after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import scar
from scar.cli import app
from tests.scar.annotations.exports import draw_tiny_set, write_coco


def write_one_class(folder: Path, scene: str | None) -> list[str]:
    """Options of a set with one bottle in each image; all images have the same scene."""
    tiny = draw_tiny_set(folder)
    path = write_coco(folder, tiny)
    content = json.loads(path.read_text())
    content["annotations"] = content["annotations"][::3]
    content["categories"] = [{"id": 1, "name": "bottle"}]
    for annotation in content["annotations"]:
        annotation["category_id"] = 1
    for image in content["images"]:
        image |= {"scene": scene} if scene else {}
    path.write_text(json.dumps(content))
    return ["--instances", str(path), "--images", str(tiny.images), "--name", "One", "--split", "eval"]


@pytest.mark.parametrize("step", ["--plan", "--out"])
def test_one_class_in_one_scene_is_built_and_says_where_its_negatives_come_from(step: str, tmp_path: Path) -> None:
    options = write_one_class(tmp_path, "supermarket")
    done = CliRunner().invoke(app, ["build", *options, step, *([str(tmp_path / "out")] if step == "--out" else [])])
    assert done.exit_code == 0, done.output
    for part, own in (("object", "a bottle"), ("scene", "a supermarket")):
        assert f"negatives: 1 own {part} ({own}); 100% of false {part}s come from the shipped table: " in done.output
    if step == "--plan":
        assert "a bottle in a supermarket" in done.output
        return
    samples = list(scar.read(tmp_path / "out"))
    assert "a bottle in a supermarket" in {sample.gold.text for sample in samples}
    for sample in samples:
        assert len(set(sample.captions)) == 10
        gold = (sample.gold.object, sample.gold.relation, sample.gold.scene)
        for negative in sample.negatives:
            parts = (negative.caption.object, negative.caption.relation, negative.caption.scene)
            assert sum(one != other for one, other in zip(parts, gold, strict=True)) == 1


@pytest.mark.parametrize(("scene", "is_asked_for"), [("supermarket", False), (None, True)])
def test_advice_asks_for_a_scene_only_where_there_is_none(
    scene: str | None, is_asked_for: bool, tmp_path: Path
) -> None:
    options = write_one_class(tmp_path, scene)
    path = Path(options[1])
    content = json.loads(path.read_text())
    content["annotations"] = [record for record in content["annotations"] for _ in range(3)]
    for number, record in enumerate(content["annotations"], start=1):
        content["annotations"][number - 1] = record | {"id": number, "bbox": [20 + 120 * (number % 3), 40, 90, 100]}
    path.write_text(json.dumps(content))
    done = CliRunner().invoke(app, ["build", *options, "--plan"])
    assert "give --captions with people's captions" in done.output
    assert ("key `scene`" in done.output) == is_asked_for
