"""A result is the same after it was written to bytes and read again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scar import Recipe, build
from scar.annotations.pictures import PictureRef
from scar.build import corpus
from scar.build.shard import ShardResult, build_shard
from scar.recipe import Source


def test_a_result_survives_its_bytes(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[bytes]()

    def note(refs: Sequence[PictureRef], source: Source, *rest: Any) -> bytes:
        seen.append(build_shard(refs, source, *rest))
        return seen[0]

    monkeypatch.setattr(corpus, "build_shard", note)
    report = build(Recipe(sources=recipe.sources[1:]), tmp_path)["Drawn/train"]
    (content,) = seen
    result = ShardResult.from_bytes(content)
    assert result.to_bytes() == content
    assert result.tally.samples == result.rows.num_rows == result.notes.num_rows == report["samples"]
    assert dict(result.tally.vetoes) == report["vetoes"]
    assert len(result.images) == report["images"]
