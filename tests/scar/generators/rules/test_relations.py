"""Relations: of the form of the true one first, its opposite before others, and what suits the two things."""

from __future__ import annotations

from scar.generators.rules.caption_stats import CaptionStats
from scar.sample import Box, Picture, Region
from tests.scar.generators.rules.candidate_weights import sum_weights
from tests.scar.generators.tasks import make_gold, make_task

DOG, PERSON = Region(1, Box(20, 200, 120, 300), "dog"), Region(2, Box(500, 200, 600, 300), "person")
DOG_TASK, PERSON_TASK = (make_task(Picture(1, "a.jpg", 640, 480, (DOG, PERSON)), region) for region in (DOG, PERSON))


def test_the_opposite_weighs_more_than_other_relations() -> None:
    weights = sum_weights("relation")
    assert max(weights, key=weights.__getitem__) == "to the right of a dog on"
    assert weights["above a dog on"] > weights["on a dog on"]


def test_a_rank_gets_the_other_ranks_of_its_row() -> None:
    weights = sum_weights("relation", make_gold("a car", "first from the left in", "a row of three").phrases)
    assert weights
    assert all(text.endswith((" from the left in", " from the right in")) for text in weights)
    assert "first from the left in" not in weights


def test_a_posture_gets_other_postures_and_prepositions() -> None:
    weights = sum_weights("relation", make_gold("a dog", "sitting on", "a bench").phrases, task=DOG_TASK)
    assert {"lying on", "standing on", "sitting next to", "sitting under", "under"} <= weights.keys()
    assert not {"parked on", "perched on", "sitting on"} & weights.keys(), "a dog does not park"


def test_a_verb_gets_other_verbs_of_its_things() -> None:
    weights = sum_weights("relation", make_gold("a person", "riding", "a horse").phrases, task=PERSON_TASK)
    assert weights["washing"] > 100 * weights["holding"]


def test_an_unknown_verb_keeps_only_prepositions() -> None:
    weights = sum_weights("relation", make_gold("a man", "working on", "a laptop").phrases)
    assert "working under" not in weights
    assert "under" in weights


def test_predicates_of_the_corpus_suit_the_two_things() -> None:
    golds = [make_gold("a bat", predicate, "a person").phrases for predicate in ("held by", "behind", "leaning on")]
    weights = sum_weights(
        "relation", make_gold("a truck", "next to", "a person").phrases, CaptionStats.from_captions(golds, ())
    )
    assert "behind" in weights
    assert not {"held by", "leaning on"} & weights.keys()


def test_company_is_no_false_relation() -> None:
    stats = CaptionStats.from_captions(
        [make_gold("a cup", "with", word).phrases for word in ("a person", "a bowl")], ()
    )
    for task, thing, landmark in ((DOG_TASK, "a cup", "a person"), (PERSON_TASK, "a person", "a bowl")):
        weights = sum_weights("relation", make_gold(thing, "next to", landmark).phrases, stats, task=task)
        assert "with" not in weights, "who is in the picture may be said to be"
