"""Commands print numbers to stdout and one line per expected failure to stderr, with exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from scar import read
from scar.cli import app
from tests.shared import SHARED

if TYPE_CHECKING:
    from tests.conftest import World

COCO_MINI = SHARED / "data" / "coco-mini"


AFTER_SELECTION = ("no_caption", "position_share", "few_negatives")
"""Reasons to reject a chosen region."""


def scar(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_demo_is_drawn_built_and_checked_in_one_go(tmp_path: Path) -> None:
    done = scar("build", "demo", "--out", tmp_path / "one", "--images", "4", "--seed", "2")
    assert done.exit_code == 0, done.output
    assert "Demo/eval: " in done.stdout
    assert "Demo/train: " in done.stdout
    assert scar("check", tmp_path / "one").stdout.endswith(" rows: no problems\n")
    assert scar("build", "demo", "--out", tmp_path / "two", "--images", "4", "--seed", "2").exit_code == 0
    ours, theirs = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "one", tmp_path / "two")
    )
    assert ours == theirs
    splits = {sample.split for sample in read(tmp_path / "one")}
    assert splits == {"train", "eval"}


@pytest.mark.skipif(not COCO_MINI.is_dir(), reason=f"no {COCO_MINI}")
def test_real_photographs(tmp_path: Path) -> None:
    options: list[str | Path] = ["--instances", COCO_MINI / "annotations" / "instances_val2017.json"]
    options += ["--captions", COCO_MINI / "annotations" / "captions_val2017.json"]
    options += ["--images", COCO_MINI / "val2017", "--name", "COCO_mini", "--split", "eval", "--out", tmp_path]
    done = scar("build", *options, "--json")
    assert done.exit_code == 0, done.output
    entry = json.loads(done.stdout)["COCO_mini/eval"]
    assert entry["records"] == 624 == entry["samples"] + sum(entry["rejected"].values())
    chosen = entry["samples"] + sum(entry["rejected"].get(reason, 0) for reason in AFTER_SELECTION)
    assert entry["samples"] > 0.4 * chosen  # golds of what no caption names are left out, as they are often untrue
    golds = sum(each["chosen"] for each in entry["golds"].values())
    assert entry["samples"] <= golds <= entry["samples"] + entry["rejected"].get("few_negatives", 0)
    assert scar("check", tmp_path).exit_code == 0
    assert all(len(set(sample.captions)) == 10 for sample in read(tmp_path))
    counted = scar("stats", tmp_path, "--json")
    assert json.loads(counted.stdout)["COCO_mini/eval"]["samples"] == entry["samples"]


def test_the_report_balances_in_print(world: World, tmp_path: Path) -> None:
    world.write()
    recipe = world.folder / "recipe.toml"
    recipe.write_text(
        "[[source]]\nname='Toy'\nsplit='eval'\ninstances='instances.json'\nimages='images'\nmin_side=60\nmin_area_share=0"
    )
    done = scar("build", recipe, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert done.stderr.startswith("scar: ")
    assert 'none of its 9 records became a sample: {"small": 9}' in done.stderr


def test_check_lists_problems_and_exits_2(built: Path) -> None:
    (built / "images" / "toy_val" / "000005.png").unlink()
    found = scar("check", built)
    assert found.exit_code == 2
    assert "image: 3\n  SCaR_eval_Toy.parquet, row 0: image " in found.stdout
    assert found.stdout.endswith("2 files, 18 rows: 3 problems\n")
    as_json = scar("check", built, "--json")
    assert as_json.exit_code == 2
    assert json.loads(as_json.stdout)["problems"]["image"]["count"] == 3


def test_stats_prints_a_table(built: Path) -> None:
    counted = scar("stats", built)
    assert counted.exit_code == 0
    assert "Toy/eval" in counted.stdout
    assert (built / "stats.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "--out", "OUT"], "missing --instances, --images, --name, --split; give them, or"),
        (["build", "absent.toml", "--out", "OUT"], "absent.toml: no such file; give a recipe file"),
        (["build", "absent.toml", "--name", "x", "--out", "OUT"], "--name: the sources stand in absent.toml; leave"),
        (
            ["build", "demo", "--name", "x", "--out", "OUT"],
            "--name: the demo draws its own images; leave the option out",
        ),
        (["build", "demo", "--images", "many", "--out", "OUT"], "--images 'many': the demo takes a number"),
        (["build", "demo", "--images", "0", "--out", "OUT"], "takes a number of images to draw, 1 to"),
        (
            ["build", "--instances", "i", "--images", "i", "--name", "a/b", "--split", "eval", "--out", "OUT"],
            "options, source 1 (a/b): name = 'a/b': expected at most 80 letters",
        ),
        (
            ["build", "--instances", "i.json", "--images", "i", "--name", "a", "--split", "eval", "--out", "OUT"],
            "i.json: no such file; a/eval needs its instances there",
        ),
        (["build", "demo", "--out", "FILE"], "is a file, not a folder"),
        (["check", "absent"], "absent: no such folder; give the folder that `scar build` wrote"),
        (["stats", "absent"], "absent: no such folder; give the folder that `scar build` wrote"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    places = {"OUT": str(tmp_path / "out"), "FILE": str(tmp_path / "file")}
    refused = scar(*(places.get(argument, argument) for argument in arguments))
    assert refused.exit_code == 2, refused.output
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("scar: ")
    assert message in refused.stderr


def test_a_bug_keeps_its_traceback(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import scar.inspect.statistics

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(scar.inspect.statistics, "count_corpus", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        CliRunner().invoke(app, ["stats", str(built)], catch_exceptions=False)


def test_the_command_line_imports_nothing_heavy() -> None:
    program = "import sys, scar.cli; sys.exit(any(name in sys.modules for name in {heavy}))"
    heavy = ("numpy", "pyarrow", "pandas", "PIL", "rich.progress", "pycocotools")
    subprocess.run([sys.executable, "-c", program.format(heavy=heavy)], check=True)  # noqa: S603 - our own program


def test_recipes_are_listed() -> None:
    listed = scar("build", "--list")
    assert listed.exit_code == 0
    assert listed.stdout.startswith("demo: ")
    assert "scar-1m: SCaR of the paper" in listed.stdout


def test_a_build_needs_a_folder() -> None:
    refused = scar("build", "demo")
    assert refused.exit_code == 2
    assert refused.stderr == "scar: missing --out; give the folder to build into.\n"


def test_the_papers_recipe_says_what_it_lacks_and_where_to_get_it(tmp_path: Path) -> None:
    refused = scar("build", "scar-1m", "--data-root", tmp_path / "data", "--out", tmp_path / "out")
    assert refused.exit_code == 2
    assert "data/refcocog/instances.json: no such file; RefCOCOg/train needs its instances there" in refused.stderr
    assert "get it from https://github.com/lichengunc/refer" in refused.stderr
    assert not (tmp_path / "out").exists()
    homeless = scar("build", "scar-1m", "--out", tmp_path / "out")
    assert homeless.exit_code == 2
    assert "give --data-root" in homeless.stderr


def test_a_corpus_of_other_sources_is_not_compared_with_the_paper(built: Path) -> None:
    refused = scar("check", built, "--against-paper")
    assert refused.exit_code == 2
    assert "holds none of RefCOCOg" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "demo", "--out", "OUT", "--skip-bad"], "--skip-bad: the demo draws its own images; leave"),
        (
            ["build", "demo", "--out", "OUT", "--decode-images", "--engine", "ray"],
            "--decode-images, --engine: the demo draws its own",
        ),
        (["build", "demo", "--out", "OUT", "--data-root", "."], "--data-root: the demo draws its own images; leave"),
        (["build", "--list", "--out", "OUT"], "--out: --list takes nothing else; leave the option out"),
        (["build", "--list", "--seed", "0", "--force"], "--force, --seed: --list takes nothing else; leave the option"),
        (["build", "--out", "OUT", "--data-root", "."], "--data-root: it belongs to a recipe that names data sets"),
        (["check", "OUT", "--against-paper", "--images", "."], "--images: --against-paper opens no images; leave"),
    ],
)
def test_an_option_that_nobody_takes_is_refused(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = scar(*(argument.replace("OUT", str(tmp_path / "out")) for argument in arguments))
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--seed", ["-1", "nan", "9223372036854775808"]),
        ("--workers", ["0", "-2", "1.5"]),
        ("--max-per-image", ["0", "-3", "x"]),
        ("--min-side", ["-1", "nan", "inf", "-inf"]),
        ("--min-area-share", ["-0.1", "1.1", "nan", "inf"]),
    ],
)
def test_a_number_of_a_build_that_is_out_of_range_is_refused(
    option: str, values: list[str], world: World, tmp_path: Path
) -> None:
    world.write()
    for value in values:
        done = scar("build", *world.options(), "--out", tmp_path / "out", option, value)
        assert done.exit_code == 2, value
        assert option.removeprefix("--").replace("-", "_") in done.stderr.replace("-", "_")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("value", ["0", "-3", "2.5", "nan", "100001", "9" * 5000])
def test_the_demo_draws_a_number_of_images_within_reason(value: str, tmp_path: Path) -> None:
    done = scar("build", "demo", "--out", tmp_path / "out", "--images", value)
    assert done.exit_code == 2
    assert "the demo takes a number of images to draw, 1 to 100,000" in done.stderr


@pytest.mark.parametrize("command", ["check", "stats", "show", "audit", "card", "pull", "build", "push"])
def test_a_file_in_place_of_a_folder_is_named(command: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    arguments: dict[str, list[str | Path]] = {
        "pull": ["me/corpus", "--out", path],
        "build": ["demo", "--images", "3", "--out", path],
        "push": [path, "--repo", "me/corpus", "--dry-run"],
    }
    done = scar(command, *arguments.get(command, [path]))
    assert done.exit_code == 2
    assert "is a file, not a folder" in done.stderr
    assert path.read_text() == "mine"


def test_a_build_that_is_there_already_says_so(tmp_path: Path) -> None:
    arguments: list[str | Path] = ["build", "demo", "--out", tmp_path / "out", "--images", "3"]
    first, second, forced = scar(*arguments), scar(*arguments), scar(*arguments, "--force")
    assert first.exit_code == second.exit_code == forced.exit_code == 0
    assert first.stdout == second.stdout == forced.stdout
    assert "nothing to do, it holds this build already; --force builds it again" in second.stderr
    assert "nothing to do" not in first.stderr + forced.stderr


def test_a_name_that_file_names_cannot_have_is_explained(world: World, tmp_path: Path) -> None:
    world.write()
    options = world.options()
    options[options.index("--name") + 1] = "a/b"
    done = scar("build", *options, "--out", tmp_path / "out")
    assert "name = 'a/b': expected at most 80 letters of A to Z, digits, _, + and -" in done.stderr
    assert "regex" not in done.stderr


def test_without_scenes_the_way_out_is_told(world: World, tmp_path: Path) -> None:
    world.write()
    options = world.options()
    at = options.index("--captions")
    done = scar("build", *options[:at], *options[at + 2 :], "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "none of its 9 records became a sample" in done.stderr
    assert "--captions with people's captions of the images" in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_anything_that_tells_things_apart_the_way_out_is_told(world: World, tmp_path: Path) -> None:
    world.annotations = world.annotations[::3]
    world.write()
    options = world.options()
    at = options.index("--captions")
    done = scar("build", *options[:at], *options[at + 2 :], "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert '{"no_caption": 3}' in done.stderr
    assert "people's captions of the images, in English, or a key `scene` to the images" in done.stderr


def test_without_single_things_the_way_out_is_told(world: World, tmp_path: Path) -> None:
    for annotation in world.annotations:
        annotation["iscrowd"] = 1
    world.annotations[-1] |= {"iscrowd": 0, "bbox": [4, 5, 3, 3]}  # if all were crowds, the flag would be passed over
    world.write()
    done = scar("build", *world.options(), "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert '{"crowd": 8, "small": 1}' in done.stderr
    assert "CVAT, set it for every mask. Set it to 0 in the annotations of single things." in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("repo", ["noslash", "a/b/c", "/b", "a/", "a b/c", "../b", "a/..", "a/b--c"])
def test_a_repository_is_named_org_and_name(repo: str, tmp_path: Path) -> None:
    scar("build", "demo", "--out", tmp_path / "out", "--images", "3")
    done = scar("push", tmp_path / "out", "--repo", repo, "--dry-run")
    assert done.exit_code == 2
    assert "not of the form ORG/NAME" in done.stderr
