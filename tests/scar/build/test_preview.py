"""What a preview says is what the build then does; it writes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

import scar
from scar import Recipe, Source, build
from scar.build.preview import iter_preview_lines, preview_build
from scar.common.progress import track_silently
from tests.scar.annotations.exports import draw_tiny_set, write_coco

if TYPE_CHECKING:
    from tests.conftest import World


def test_a_preview_of_all_pictures_tells_what_the_build_does(tmp_path: Path) -> None:
    tiny = draw_tiny_set(tmp_path, count=6)
    coco = write_coco(tmp_path, tiny)
    source = Source(name="Tiny", split="eval", instances=coco, captions=tiny.captions, images=tiny.images)
    recipe = Recipe(sources=(source,))
    (preview,) = preview_build(recipe, 1, "local", track_silently)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["captions.json", "coco.json", "images"]
    entry = build(recipe, tmp_path / "out")["Tiny/eval"]
    assert (preview.records, preview.samples, preview.rejected) == (
        entry["records"],
        entry["samples"],
        entry["rejected"],
    )
    assert preview.golds == {reason: each["samples"] for reason, each in entry["golds"].items()}
    golds = [sample.gold.text for sample in scar.read(tmp_path / "out")]
    assert preview.captions == tuple(golds[:10])
    lines = list(iter_preview_lines([preview], recipe))
    assert lines[0].startswith("Tiny/eval, from its 6 pictures: 18 records = ")
    assert any(line.startswith("Tiny/eval: ") for line in lines)


def test_a_preview_tells_what_is_repaired_and_doubtful(world: World) -> None:
    for annotation in world.annotations:
        annotation["bbox"], annotation["segmentation"] = [3, 4, 6, 7], []
        annotation["iscrowd"] = 1
    world.write()
    recipe = Recipe(sources=(world.source(),))
    (preview,) = preview_build(recipe, 1, "local", track_silently)
    assert preview.doubts == {"boxes_corners": 9}
    lines = list(iter_preview_lines([preview], recipe))
    assert any("WARNING: boxes_corners 9 (" in line and "say --boxes corners" in line for line in lines)
    assert any("used after a repair: crowd_of_all 9 (" in line for line in lines)


def test_a_preview_goes_on_where_the_build_would_stop(world: World) -> None:
    world.add_annotation(999, 5, 1, (1, 1, 0, 5))
    world.write()
    (preview,) = preview_build(Recipe(sources=(world.source(),)), 1, "local", track_silently)
    assert preview.stops_at is not None
    assert "annotation 999: box (1, 1, 0, 5) has no area" in preview.stops_at
    assert preview.rejected["empty_box"] == 1
    (skipping,) = preview_build(Recipe(sources=(world.source(),), skip_bad=True), 1, "local", track_silently)
    assert skipping.stops_at is None


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_needs_no_folder_and_prints(as_json: bool, world: World) -> None:
    from scar.cli import app

    world.write()
    done = CliRunner().invoke(app, ["build", *world.options(), "--plan", *(["--json"] if as_json else [])])
    assert done.exit_code == 0, done.output
    if as_json:
        assert json.loads(done.stdout)[0]["source"] == "Toy/eval"
    else:
        assert "first captions" in done.stdout or "0 samples" in done.stdout
    assert {path.name for path in world.folder.iterdir()} == {"images", "instances.json", "captions.json"}
