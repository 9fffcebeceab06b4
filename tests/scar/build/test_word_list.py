"""A user's words in a build, and the list of what will be said before anything is built."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from scar import Recipe, build
from scar.build.word_list import WordRow, iter_word_lines, list_words
from scar.cli import app
from scar.common.progress import track_silently
from scar.errors import InputError, RecipeError
from scar.recipe import read_recipe

CATEGORIES = {1: "sky-other", 2: "veh_03", 3: "DontCare", 4: "xyzzy", 5: "dog"}
BOXES = {1: [0, 0, 200, 60], 2: [20, 80, 60, 60], 3: [150, 150, 50, 50], 4: [100, 80, 40, 60], 5: [10, 150, 60, 40]}


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    """A recipe of twelve pictures with five regions each."""
    (tmp_path / "images").mkdir()
    images, annotations = [], []
    for number in range(1, 13):
        Image.new("RGB", (200, 200), (number, 90, 90)).save(tmp_path / "images" / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 200, "height": 200, "scene": "club_vip"})
        for category, box in BOXES.items():
            annotations.append(
                {
                    "id": number * 10 + category,
                    "image_id": number,
                    "category_id": category,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                }
            )
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for number, name in CATEGORIES.items()],
    }
    (tmp_path / "instances.json").write_text(json.dumps(content))
    (tmp_path / "words.toml").write_text(
        '[names]\nVEH-03 = "delivery van"\nnever_met = "a unicorn"\n[scenes]\n"club vip" = "at a night club"\n'
    )
    (tmp_path / "recipe.toml").write_text(
        'word_file = "words.toml"\n[[source]]\nname = "Toy"\nsplit = "eval"\nimages = "images"\n'
        'instances = "instances.json"\n'
    )
    return tmp_path / "recipe.toml"


def test_the_list_tells_what_is_said_and_where_it_comes_from(recipe_file: Path) -> None:
    recipe = read_recipe(recipe_file)
    rows = list_words(recipe, 1, "local", track_silently)
    assert {(row.kind, row.name): (row.says, row.count, row.origin) for row in rows} == {
        ("category", "sky-other"): ("the sky", 12, "rule"),
        ("category", "veh_03"): ("a delivery van", 12, "user"),
        ("category", "DontCare"): (None, 12, "no_thing"),
        ("category", "xyzzy"): ("a xyzzy", 12, "unknown"),
        ("category", "dog"): ("a dog", 12, "table"),
        ("scene", "club_vip"): ("at a night club", 12, "user"),
    }
    assert rows[0].origin == "unknown" and rows[1].origin == "no_thing"
    lines = list(iter_word_lines(rows, recipe))
    assert lines[0] == "Toy/eval: 5 categories, 1 unknown, 1 never said"
    assert lines[-1] == f"{recipe.word_file}: no source has 'never_met'"
    assert max(map(len, lines[:-1])) < 110


def test_the_list_tells_what_is_said_by_other_things(recipe_file: Path) -> None:
    recipe = read_recipe(recipe_file)
    said = WordRow("Toy/eval", "category", "tv", "a television", 3, "table")
    assert list(iter_word_lines([said], recipe))[1].endswith("table, but a computer monitor by a keyboard or a mouse")
    users = msgspec.structs.replace(said, origin="user")
    assert "monitor" not in list(iter_word_lines([users], recipe))[1]


def test_the_command_prints_the_list_and_builds_nothing(recipe_file: Path) -> None:
    run = CliRunner().invoke(app, ["build", str(recipe_file), "--words", "--out", str(recipe_file.parent / "out")])
    assert run.exit_code == 0, run.output
    assert "xyzzy" in run.stdout and "unknown: no dictionary has it" in run.stdout
    assert not (recipe_file.parent / "out").exists()
    as_json = CliRunner().invoke(app, ["build", str(recipe_file), "--words", "--json"])
    assert {row["name"] for row in json.loads(as_json.stdout)} == {*CATEGORIES.values(), "club_vip"}


def test_captions_say_the_users_words_and_rows_keep_the_category(recipe_file: Path) -> None:
    out = recipe_file.parent / "out"
    (entry,) = build(read_recipe(recipe_file), out).values()
    rows = pq.read_table(out / entry["file"]).to_pylist()
    assert entry["rejected"]["no_thing"] == 12
    vans = [row for row in rows if row["category"] == "veh_03"]
    assert vans and all(row["tgt_text"][0].startswith("a delivery van ") for row in vans)
    said = " ".join(text for row in rows for text in row["tgt_text"])
    assert "DontCare" not in said and "dontcare" not in said and "veh" not in said and "sky-other" not in said
    assert all("a night club" in row["tgt_text"][0] for row in rows)
    assert entry["records"] == 60 == entry["samples"] + sum(entry["rejected"].values())


def test_other_words_are_other_settings(recipe_file: Path) -> None:
    out = recipe_file.parent / "out"
    build(read_recipe(recipe_file), out)
    (recipe_file.parent / "words.toml").write_text('[names]\nveh_03 = "a truck"\n')
    with pytest.raises(InputError, match="built from other inputs or settings"):
        build(read_recipe(recipe_file), out)


def test_a_words_file_that_cannot_be_used_stops_the_build_first(recipe_file: Path) -> None:
    (recipe_file.parent / "words.toml").write_text('[names]\na = ""\n')
    with pytest.raises(RecipeError, match=r"words\.toml, \[names\]: 'a' = '' has no word"):
        build(read_recipe(recipe_file), recipe_file.parent / "out")
    assert not (recipe_file.parent / "out").exists()
    with pytest.raises(RecipeError, match="word_file"):
        Recipe(sources=read_recipe(recipe_file).sources, word_file=3)  # type: ignore[arg-type]
