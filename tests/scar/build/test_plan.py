"""A build looks at its folder first: what is complete is not built again, and nothing is replaced unasked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scar import Recipe, build, read
from scar.annotations.pictures import PictureRef
from scar.build import corpus
from scar.build.shard import build_shard
from scar.errors import InputError, RecipeError
from scar.formats.check import check_folder
from scar.generators.generator import Generator
from scar.recipe import Source
from tests.shared import read_files

if TYPE_CHECKING:
    from tests.conftest import World


def test_what_is_complete_is_not_built_again_unless_it_was_changed_or_force_says_so(
    recipe: Recipe, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def note(refs: Sequence[PictureRef], source: Source, *rest: Any) -> bytes:
        built.append(source.key)
        return build_shard(refs, source, *rest)

    monkeypatch.setattr(corpus, "build_shard", note)
    first = build(recipe, tmp_path)
    assert len(built) == 2
    assert build(recipe, tmp_path) == first
    assert len(built) == 2
    build(recipe, tmp_path, force=True)
    assert len(built) == 4
    next((tmp_path / "images" / "drawn_val").iterdir()).unlink()
    build(recipe, tmp_path)
    assert len(built) == 5
    (tmp_path / "provenance" / "SCAR_Drawn.parquet").write_bytes(b"changed")
    with pytest.raises(InputError, match=r"SCAR_Drawn\.parquet: holds something else; --force replaces it"):
        build(recipe, tmp_path)
    build(recipe, tmp_path, force=True)
    assert read_files(tmp_path) == whole


def test_another_build_is_replaced_only_by_force(world: World, stand_in: Generator, tmp_path: Path) -> None:
    world.write()
    out = tmp_path / "out"
    recipe = Recipe(sources=(world.source(),))
    build(recipe, out, generator=stand_in)
    before = read_files(out)

    reseeded = Recipe(sources=recipe.sources, seed=9)
    with pytest.raises(InputError, match=r"SCaR_eval_Toy\.parquet: built from other inputs or settings; --force"):
        build(reseeded, out, generator=stand_in)
    (out / "build_report.json").unlink()
    with pytest.raises(InputError, match=r"(parquet|png): holds something else; --force"):
        build(reseeded, out, generator=stand_in)
    assert read_files(out) == {name: data for name, data in before.items() if name != "build_report.json"}

    world.annotations = [entry for entry in world.annotations if entry["image_id"] != 7]
    world.write()
    build(reseeded, out, generator=stand_in, force=True)
    assert {sample.image_id for sample in read(out)} == {5, 11}
    assert "images/toy_val/000007.png" not in read_files(out)
    assert check_folder(out).counts == {}


def test_images_that_lie_where_the_build_writes_are_left_alone(
    world: World, stand_in: Generator, tmp_path: Path
) -> None:
    world.write()
    inside = tmp_path / "out" / "images"
    inside.parent.mkdir()
    world.image_folder.rename(inside)
    with pytest.raises(RecipeError, match="lie where the build writes"):
        build(Recipe(sources=(world.source(images=inside),)), tmp_path / "out", generator=stand_in)
