"""A card says what the captions of each version of the rules lack."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scar.publish.card import CARD, write_card
from tests.scar.publish.rendered import read_croissant

POSITIONS, UNSPOKEN = "many true captions only say where in the picture a thing is", "not what a person would have said"


@pytest.mark.parametrize(
    ("version", "said", "unsaid"), [("3", POSITIONS, UNSPOKEN), ("4", UNSPOKEN, POSITIONS), ("5", UNSPOKEN, POSITIONS)]
)
def test_the_rules_of_each_version_have_their_own_limits(corpus: Path, version: str, said: str, unsaid: str) -> None:
    path = corpus / "build_report.json"
    report = json.loads(path.read_text())
    for entry in report["sources"].values():
        entry["settings"] |= {"generator": "rules", "generator_version": version}
    path.write_text(json.dumps(report))
    write_card(corpus)
    text, limits = (corpus / CARD).read_text(encoding="utf-8"), read_croissant(corpus)["rai:dataLimitations"]
    assert text.count(said) == sum(said in line for line in limits) == 1
    assert unsaid not in text


def test_another_generator_has_none_of_them(corpus: Path) -> None:
    write_card(corpus)
    assert "`rules`" not in (corpus / CARD).read_text(encoding="utf-8")


def test_reasons_are_told_where_they_are_known(corpus: Path) -> None:
    write_card(corpus)
    line = "- True captions of Toy/eval by reason: human 33.3 %, direction 33.3 %, position 33.3 %."
    assert line in (corpus / CARD).read_text(encoding="utf-8")
