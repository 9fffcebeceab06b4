"""A summary states what the files of a corpus say, and refuses files that do not fit together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scar import Recipe, build
from scar.errors import InputError
from scar.generators.generator import Generator
from scar.publish.card import CARD, write_card
from tests.scar.publish.rendered import read_croissant


def test_an_audit_of_another_build_is_refused(corpus: Path) -> None:
    (corpus / "audit.json").write_text(json.dumps({"sources": {"Toy/eval": {"samples": 10}}}))
    with pytest.raises(InputError, match=r"audit.json: has another number of samples than the corpus; run `scar audit"):
        write_card(corpus)


@pytest.mark.parametrize("content", ["", "[]", '{"sources": 3}', '{"sources": {"Toy/eval": 3}}'])
def test_a_damaged_audit_is_named(corpus: Path, content: str) -> None:
    (corpus / "audit.json").write_text(content)
    with pytest.raises(InputError, match=r"audit.json: no audit .*; run `scar audit"):
        write_card(corpus)


def test_how_sure_a_score_can_be_is_told_of_eval_samples(corpus: Path) -> None:
    write_card(corpus)
    wide = 196 * (0.1 * 0.9 / 18) ** 0.5
    line = f"18 eval samples: at chance the 95 % interval of a score reaches {wide:.1f} points to each side."
    assert line in (corpus / CARD).read_text()
    assert line in read_croissant(corpus)["rai:dataLimitations"]


def test_sources_that_would_be_one_split_are_refused(world: Any, stand_in: Generator, tmp_path: Path) -> None:
    world.write()
    sources = (world.source(name="a-b"), world.source(name="a+b"))
    build(Recipe(sources=sources), tmp_path / "out", generator=stand_in)
    with pytest.raises(InputError, match=r"eval: the sources a\+b and a-b would both be the split 'a_b'; rename one"):
        write_card(tmp_path / "out")
