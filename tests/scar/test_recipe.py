"""Recipes name sources or data sets; those of the package are valid; errors name the file and the source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scar import build
from scar.annotations.box_form import BOX_FORMS
from scar.errors import RecipeError
from scar.generators.generator import Generator
from scar.recipe import READERS, Recipe, Source, list_built_in, parse_recipe, read_datasets, read_recipe
from scar.sample import SPLITS, Split

if TYPE_CHECKING:
    from tests.conftest import World


def test_recipes_of_the_package_validate_and_say_what_they_are(tmp_path: Path) -> None:
    for name, about in list_built_in().items():
        recipe = read_recipe(name, tmp_path)
        assert about
        assert {split for source in recipe.sources for split in [source.split]} == set(SPLITS)


def test_the_papers_recipe(tmp_path: Path) -> None:
    recipe = read_recipe("scar-1m", tmp_path)
    assert sorted({source.name for source in recipe.sources}) == [
        "ADE20K",
        "COCO_Stuff",
        "RefCOCO_plus",
        "RefCOCOg",
        "VisualGenome",
    ]
    assert len(recipe.sources) == 10
    assert recipe.overlap == "drop-train"
    assert recipe.skip_bad
    assert all(source.max_per_image == 5 for source in recipe.sources)
    by_key = {source.key: source for source in recipe.sources}
    assert by_key["RefCOCOg/eval"].inputs["refs"] == tmp_path / "refcocog" / "refs(umd).p"
    assert by_key["RefCOCO_plus/train"].inputs["refs"] == tmp_path / "refcoco+" / "refs(unc).p"
    assert by_key["COCO_Stuff/eval"].inputs["stuff"] == tmp_path / "coco" / "annotations" / "stuff_val2017.json"


@pytest.mark.parametrize("name", read_datasets())
@pytest.mark.parametrize("split", SPLITS)
def test_every_data_set_has_what_its_reader_needs(name: str, split: Split, tmp_path: Path) -> None:
    recipe = parse_recipe({"source": [{"dataset": name, "split": split}]}, "here", Path(), tmp_path)
    (source,) = recipe.sources
    assert set(READERS[source.reader].required) <= source.inputs.keys()
    assert source.licence
    assert source.get
    assert all(path.is_relative_to(tmp_path) for path in [source.images, *source.inputs.values()])


def test_limits_of_a_data_set_can_be_changed(tmp_path: Path) -> None:
    table = {"dataset": "ade20k", "split": "eval", "max_per_image": 2, "min_side": 5, "name": "Mine", "licence": "mine"}
    (source,) = parse_recipe({"source": [table]}, "here", Path(), tmp_path).sources
    assert (source.name, source.max_per_image, source.min_side, source.licence) == ("Mine", 2, 5, "mine")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"dataset": "ade"}, "no data set is called 'ade'; there are refcoco_plus, refcocog"),
        ({"dataset": "ade20k"}, r"source 1 \(ade20k\): split is None, not one of train, eval"),
        ({"dataset": "ade20k", "split": "val"}, "split is 'val'"),
        ({"dataset": "ade20k", "split": "eval", "images": "x"}, "images of a data set stands in sources.toml"),
        ({"dataset": "ade20k", "split": "eval", "colour": 1}, "unknown key 'colour'"),
        ({"name": "x", "split": "eval", "images": "x"}, "the reader coco needs instances"),
        (
            {"name": "x", "split": "eval", "images": "x", "reader": "visual_genome"},
            "needs image_data, objects, .*: `files` in a recipe, --file NAME=PATH on the command line",
        ),
        ({"name": "x", "split": "eval", "images": "x", "reader": "xml"}, "no reader is called 'xml'; there are coco"),
        (
            {"name": "x", "split": "eval", "images": "x", "instances": "i", "files": {"refs": "r"}},
            "the reader coco does not read refs, only instances, captions, stuff",
        ),
        (
            {"name": "x", "split": "eval", "images": "x", "instances": "i", "boxes": "corner"},
            "boxes = 'corner': say xywh, corners, center, yxhw or yx-corners, with -shares",
        ),
        (
            {"name": "x", "split": "eval", "images": "x", "instances": "i", "boxes": "corners", "reader": "voc"},
            "the files of the reader voc say what boxes mean; leave boxes out",
        ),
        ({"name": "x", "split": "eval", "images": "x", "files": {"refs": 3}}, "expected a path, got 3"),
    ],
)
def test_a_source_that_does_not_validate(table: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=message):
        parse_recipe({"source": [table]}, "here", Path(), tmp_path)


def test_a_recipe_may_say_every_form_of_boxes_and_no_other() -> None:
    for boxes in BOX_FORMS:
        assert Source(name="x", split="eval", images=Path("x"), instances=Path("i"), boxes=boxes).boxes == boxes
    assert len(BOX_FORMS) == 5 * 4 + 3, "layouts by units, and units alone"


def test_data_sets_need_a_place() -> None:
    with pytest.raises(RecipeError, match=r"scar-1m, source 1 \(refcocog\): .*give --data-root"):
        read_recipe("scar-1m")


def test_overlap_is_one_of_three(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"overlap = 'drop' is none of 'refuse', 'drop-train', 'keep'"):
        parse_recipe({"overlap": "drop", "source": [{}]}, "here", Path(), tmp_path)


def test_the_default_recipe_refuses_leaks() -> None:
    assert Recipe(sources=()).overlap == "refuse"


def test_a_recipe_names_its_sources(world: World, stand_in: Generator, tmp_path: Path) -> None:
    world.write()
    recipe = world.folder / "recipe.toml"
    table = """
        seed = 4
        [[source]]
        name = "Toy"
        split = "eval"
        instances = "instances.json"
        captions = "captions.json"
        images = "images"
        licence = "CC BY 4.0"
        max_per_image = 2
    """
    recipe.write_text(table)
    loaded = read_recipe(recipe)
    assert loaded == Recipe(sources=(world.source(licence="CC BY 4.0", max_per_image=2),), seed=4)
    assert build(recipe, tmp_path / "out", generator=stand_in)["Toy/eval"]["samples"] == 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source = 3", "source = 3: Expected `array`, got `int`"),
        ("seed = 1", "no key source; the keys are source, seed, skip_bad"),
        ("source = []", "Expected `array` of length >= 1"),
        ("[[source]]\nname = 'Toy'", r"source 1 \(Toy\): no key split, images"),
        (
            "[[source]]\nsplits = 'x.p'",
            r"source 1 \(no name\): unknown key 'splits': did you mean split\? the keys are name",
        ),
        ("[[source]\n", "not TOML"),
        ("GOOD\nsplit = 'val'", "not TOML"),
        ("GOOD\nmax_per_image = 0", r"source 1 \(Toy\): max_per_image = 0: Expected `int` >= 1"),
        ("GOOD\nmin_area_share = 2", r"Expected `float` <= 1"),
        ("GOOD\ncaptions = 3", r"captions = 3: expected a path, got 3"),
        ("GOODGOOD", "two sources are Toy/eval; give each its own name and split"),
        ("[[source]]\nname = '../x'\nsplit = 'eval'\ninstances = 'i'\nimages = 'i'", "expected at most 80 letters"),
        (
            "[[source]]\nname = 'x'\nsplit = 'val'\ninstances = 'i'\nimages = 'i'",
            "split = 'val' is none of 'train', 'eval'",
        ),
    ],
)
def test_a_recipe_that_does_not_validate(tmp_path: Path, text: str, message: str) -> None:
    good = "[[source]]\nname = 'Toy'\nsplit = 'eval'\ninstances = 'i.json'\nimages = 'images'\n"
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(text.replace("GOOD", good))
    with pytest.raises(RecipeError, match=rf"recipe\.toml.*{message}"):
        read_recipe(recipe)


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"absent\.toml: no such file; give a recipe"):
        read_recipe(tmp_path / "absent.toml")
