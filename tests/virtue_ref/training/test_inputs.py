"""What a plan says of sources that cannot be used."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from scar.errors import CheckpointError, DataError
from virtue_ref.training import inputs
from virtue_ref.training.recipe import SourceRecipe, TrainingRecipe


@pytest.mark.parametrize("weights_fail", [False, True])
def test_every_source_is_counted_whatever_its_problem(monkeypatch: pytest.MonkeyPatch, weights_fail: bool) -> None:
    """Of 21 sources, 6 have the first problem, 1 the last. All are named in a line or counted in the last."""
    problem_of = {f"s{problem}-{number}": problem for problem in range(6) for number in range(6 - problem)}
    recipe = TrainingRecipe.read("virtue-2b-scar")
    first = recipe.sources[0]
    recipe = dataclasses.replace(recipe, sources=tuple(dataclasses.replace(first, name=name) for name in problem_of))

    def open_none(recipe: TrainingRecipe, *_: object) -> list[SourceRecipe]:
        (source,) = recipe.sources
        raise DataError(f"{source.name}: problem {problem_of[source.name]}.")

    def read_weights(_: TrainingRecipe) -> None:
        if weights_fail:
            raise CheckpointError("no weights.")

    monkeypatch.setattr(inputs, "open_sources", open_none)
    monkeypatch.setattr(inputs, "read_start", read_weights)
    _, _, missing = inputs.gather_inputs(recipe, Path("data"))
    lines = missing[weights_fail:]
    counts = [int(re.match(r"(\d+) ", line)[1]) for line in lines]  # type: ignore[index]
    assert counts == ([6, 5, 4, 6] if weights_fail else [6, 5, 4, 3, 3])
    assert lines[-1] == f"{counts[-1]} more sources, for other reasons"
    assert sum(counts) == len(problem_of)
