"""What is usual between two things."""

from __future__ import annotations

import pytest

from scar.generators.rules.usual_pairs import can_contain, is_usual


@pytest.mark.parametrize(
    ("subject", "predicate", "landmark", "usual"),
    [
        ("man", "riding", "horse", True),
        ("cup", "riding", "horse", False),
        ("horse", "ridden by", "man", True),
        ("man", "holding", "cup", True),
        ("cup", "held by", "man", True),
        ("couch", "held by", "man", False),
        ("cup", "on", "table", True),
        ("table", "under", "cup", True),
        ("bus", "on", "table", False),
        ("cup", "flying on", "table", False),
    ],
)
def test_usual_relations(subject: str, predicate: str, landmark: str, usual: bool) -> None:
    assert is_usual(subject, predicate, landmark) == usual


def test_what_is_hollow() -> None:
    assert all(map(can_contain, ("bowl", "bus", "kitchen")))
    assert not any(map(can_contain, ("table", "toothbrush")))
