"""Candidates replace the part that is asked for, and are the same each time."""

from __future__ import annotations

import pytest

from scar.generators.rules.candidates import propose_candidates
from scar.generators.rules.features import find_features
from scar.generators.rules.records import CaptionStats
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import RelationPhrase
from scar.sample import PARTS, Part
from tests.scar.generators.rules.candidate_weights import GOLD, TASK, sum_weights


@pytest.mark.parametrize("part", PARTS)
def test_candidates_fit_their_part(part: Part) -> None:
    candidates = [
        candidate for some, _ in propose_candidates(part, GOLD, TASK, CaptionStats()) for candidate in some.candidates
    ]
    assert candidates
    for candidate in candidates:
        assert isinstance(candidate.value, RelationPhrase if part == "relation" else NounPhrase)
        assert candidate.weight > 0
        assert candidate.features == find_features(part, GOLD.swap(part, candidate.value))
    assert sum_weights(part) == sum_weights(part)
