"""False relations to things that other golds of the corpus name: false, and told from the corpus alone."""

from __future__ import annotations

from scar.generators.rules.caption_stats import CaptionStats
from scar.generators.rules.negatives import make_blocks
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import LEFT, RIGHT
from scar.sample import Box, Picture, Region
from tests.scar.generators.tasks import make_gold, make_task

ANNOTATED = frozenset({"cup", "sink", "toaster", "bowl", "clock", "table"})
CUP, SINK, TOASTER = (
    Region(1, Box(300, 200, 360, 260), "cup"),
    Region(2, Box(500, 200, 600, 260), "sink"),
    Region(3, Box(100, 200, 160, 260), "toaster"),
)


def list_relations(counts: dict[tuple[str, str], int], captions: tuple[str, ...] = (), scene: str = "in") -> set[str]:
    """Texts of what nothing refuses for the cup to the left of the sink, or for the cup in the kitchen."""
    picture = Picture(1, "a.jpg", 640, 480, (CUP, SINK, TOASTER), captions, (), "kitchen")
    relations = {(predicate, NounPhrase(f"a {noun}", noun)): count for (predicate, noun), count in counts.items()}
    stats = CaptionStats(annotated=ANNOTATED, relations=relations)
    landmark = ("a sink", scene) if scene == "in" else ()
    gold = make_gold("a cup", LEFT if landmark else "in", "a kitchen", *landmark).phrases
    block = make_blocks([(make_task(picture), gold)], stats)["relation"]
    allowed = (block.weights > 0) & ~block.refused
    return {block.make(0, column).text for column in allowed[0].nonzero()[0].tolist()}


def test_absent_things_are_told_as_the_corpus_tells_them() -> None:
    counts = {(LEFT, "clock"): 2, ("next to", "clock"): 1}
    assert {"to the left of a clock in", "next to a clock in"} <= list_relations(counts)
    assert "to the right of a clock in" not in list_relations(counts), "no gold says so"
    assert {"to the left of a clock in", "next to a clock in"} <= list_relations(counts, scene=""), "the place alone"


def test_things_of_the_picture_are_told_where_boxes_deny_it() -> None:
    found = list_relations({(LEFT, "toaster"): 1, (RIGHT, "toaster"): 1, (LEFT, "sink"): 1})
    assert "to the left of a toaster in" in found
    assert "to the right of a toaster in" not in found, "it is"
    assert "to the left of a sink in" not in found, "the gold says so"


def test_what_may_be_there_unseen_is_not_told() -> None:
    unknown = {(LEFT, "umbrella"): 1, (LEFT, "clock"): 1, ("on", "table"): 1}
    assert "to the left of an umbrella in" not in list_relations(unknown), "the source never annotates umbrellas"
    assert "to the left of a clock in" not in list_relations(unknown, ("A cup below a clock.",))
    assert "on a table in" not in list_relations(unknown), "what bears a thing is often left out"


def test_odd_relations_of_the_corpus_are_not_lent() -> None:
    found = list_relations({("holding", "clock"): 1, ("in", "clock"): 1, (LEFT, "cup"): 1})
    assert not {"holding a clock in", "in a clock in", "to the left of a cup in"} & found
