"""What stands in a folder already counts: no image comes into both splits by two builds, whatever its names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from scar import Recipe, Source, build
from scar.accounting import Tally
from scar.audit import audit
from scar.build.earlier_builds import find_earlier_builds
from scar.errors import LeakageError
from scar.formats.reader import find_row_files
from scar.generators.generator import Generator
from scar.sample import Split
from tests.scar.annotations.test_visual_genome import HELD, TRAIN_IDS, Genome

if TYPE_CHECKING:
    from tests.conftest import World


def looking(world: World) -> None:
    """The world with images that look like something."""
    for number, entry in enumerate(world.images):
        picture = Image.effect_mandelbrot((120, 90), (-2 + number, -1.2, 1, 1.2 - number / 2), 60)
        picture.convert("RGB").save(world.image_folder / entry["file_name"])
    world.write()


def test_two_builds_into_one_folder_leak_no_more_than_one(world: World, stand_in: Generator, tmp_path: Path) -> None:
    looking(world)
    out = tmp_path / "out"
    build(Recipe(sources=(world.source(),)), out, generator=stand_in)
    train = world.source(name="Other", split="train")
    with pytest.raises(LeakageError, match=r"\(Other/train and Toy/eval: 3\)"):
        build(Recipe(sources=(train,)), out, generator=stand_in)
    assert not list(out.rglob("SCAR_Other*"))
    with pytest.raises(
        LeakageError, match=r"in .*two already \(Other/train and Toy/eval: 3\); build Other/train again"
    ):
        build(Recipe(sources=(train,)), tmp_path / "two", generator=stand_in)
        build(Recipe(sources=(world.source(),), overlap="drop-train"), tmp_path / "two", generator=stand_in)
    build(Recipe(sources=(train,), overlap="keep"), out, generator=stand_in)
    assert audit(out)["overlap"] == {"Toy/eval in Other/train": 3}


def test_a_copy_of_an_image_of_coco_under_its_own_name_is_known(
    world: World, stand_in: Generator, tmp_path: Path
) -> None:
    looking(world)
    copied = shutil.copytree(world.folder, tmp_path / "coco")
    content = json.loads((copied / "instances.json").read_text())
    for entry in content["images"]:
        name = f"{entry['id']:012}.jpg"
        with Image.open(copied / "images" / entry["file_name"]) as picture:
            picture.save(copied / "images" / name, quality=95)
        entry["file_name"] = name
    (copied / "instances.json").write_text(json.dumps(content))
    coco = world.source(name="COCO", split="train", instances=copied / "instances.json", images=copied / "images")
    with pytest.raises(LeakageError, match=r"\(COCO/train and Toy/eval: 3\)"):
        build(Recipe(sources=(coco, world.source())), tmp_path / "out", generator=stand_in)
    build(Recipe(sources=(coco,)), tmp_path / "out", generator=stand_in)
    with pytest.raises(LeakageError, match=r"\(COCO/train and Toy/eval: 3\)"):
        build(Recipe(sources=(world.source(),)), tmp_path / "out", generator=stand_in)


def test_the_same_source_again_is_no_neighbour(world: World, stand_in: Generator, tmp_path: Path) -> None:
    looking(world)
    build(Recipe(sources=(world.source(),)), tmp_path, generator=stand_in)
    build(Recipe(sources=(world.source(),), seed=1), tmp_path, generator=stand_in, force=True)
    assert find_earlier_builds(tmp_path, {"Toy/eval"}, {"eval"}) == []
    assert find_earlier_builds(tmp_path / "absent", (), {"eval"}) == []
    (found,) = find_earlier_builds(tmp_path, (), {"eval"})
    assert (found.key, [number for number, _ in found.images]) == ("Toy/eval", [5, 7, 11])


def visual_genome(folder: Path, split: Split, coco_id: int) -> Source:
    """Visual-Genome-like files, one of whose images is an image of COCO."""
    genome = Genome(folder)
    wanted = HELD if split == "eval" else TRAIN_IDS[0]
    for entry in genome.image_data:
        entry["coco_id"] = coco_id if entry["image_id"] == wanted else None
        (folder / "VG_100K_2").mkdir(exist_ok=True)
        Image.effect_noise((120, 90), 90).convert("RGB").save(folder / f"VG_100K_2/{entry['image_id']}.jpg")
    genome.open(Tally(skip_bad=True), split)
    files = {
        name: folder / f"{name}.json" for name in ("image_data", "objects", "region_descriptions", "relationships")
    }
    return Source(name="VG", split=split, reader="visual_genome", images=folder, files=files)


@pytest.mark.parametrize("split", ["eval", "train"])
def test_an_image_of_coco_is_known_in_visual_genome(
    world: World, stand_in: Generator, tmp_path: Path, split: Split
) -> None:
    entry = next(entry for entry in world.images if entry["id"] == 5)
    entry["file_name"] = "000000000005.jpg"
    Image.new("RGB", (120, 90), "teal").save(world.image_folder / entry["file_name"])
    world.write()
    (tmp_path / "vg").mkdir()
    mine = world.source(split="train" if split == "eval" else "eval")
    theirs = visual_genome(tmp_path / "vg", split, 5)
    pair = "Toy/train and VG/eval: 1" if split == "eval" else "VG/train and Toy/eval: 1"
    for sources in ((mine, theirs), (theirs, mine)):
        with pytest.raises(LeakageError, match=pair):
            build(Recipe(sources=sources), tmp_path / "one", generator=stand_in)
        for number, source in enumerate(sources):
            recipe = Recipe(sources=(source,), skip_bad=True)
            if number:
                with pytest.raises(LeakageError, match=pair):
                    build(recipe, tmp_path / f"first {sources[0].key}", generator=stand_in)
            else:
                build(recipe, tmp_path / f"first {sources[0].key}", generator=stand_in)
    out = tmp_path / "kept"
    build(Recipe(sources=(mine, theirs), overlap="keep", skip_bad=True), out, generator=stand_in)
    report = audit(out)
    assert report["overlap"] == {" in ".join(reversed(pair[:-3].split(" and "))): 1}
    assert report["unlinked"] == {}
    (genome,) = [file for file in find_row_files(out) if file.source == "VG"]
    noted = genome.read_identities()
    assert sum(identity == "coco:5" for identity in noted.values()) == 1
    assert noted.keys() == genome.read_image_ids().keys()


def test_an_audit_says_what_it_cannot_see(built: Path) -> None:
    for path in (built / "images").rglob("*.png"):
        path.unlink()
    report = audit(built)
    assert report["unlinked"] == {"Toy/eval": 3, "Toy/train": 3}
