"""Tasks and golds of the rules generator, for tests."""

from __future__ import annotations

from pathlib import Path

from scar.evidence.picture_evidence import PictureEvidence
from scar.generators.generator import GoldTask
from scar.generators.rules.golds import write_golds
from scar.generators.rules.records import CaptionPhrases, RulesGold
from scar.generators.rules.true_captions import list_true_captions
from scar.language.english import strip_article
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import RelationPhrase
from scar.sample import Picture, Reason, Region


def make_task(picture: Picture, region: Region | None = None, key: object = 0) -> GoldTask:
    """The task of a region, the picture's first if none is given."""
    return GoldTask(Path(picture.file), PictureEvidence(picture), region or picture.regions[0], str(key))


def write_gold(task: GoldTask, reason: Reason | None = None) -> RulesGold | None:
    """The gold of the rules for one task, or its first true caption that has a reason; None if there is none."""
    if reason is not None:
        told = (true for true in list_true_captions(task.evidence, task.region) if true.reason == reason)
        return next((RulesGold(true.phrases.caption, reason, true.phrases) for true in told), None)
    (gold,) = write_golds([task])
    return gold if isinstance(gold, RulesGold) else None


def make_gold(
    object_text: str,
    predicate: str,
    scene: str,
    landmark: str = "",
    preposition: str = "",
    reason: Reason = "direction",
) -> RulesGold:
    """A gold of plain noun phrases; words between the article and the last word are attributes."""
    between = make_phrase(landmark) if landmark else None
    relation = RelationPhrase(predicate, between, preposition)
    phrases = CaptionPhrases(make_phrase(object_text), relation, make_phrase(scene))
    return RulesGold(phrases.caption, reason, phrases)


def make_phrase(text: str) -> NounPhrase:
    """The noun phrase of an article, attributes and a noun of one word."""
    *attributes, noun = strip_article(text).split()
    return NounPhrase(text, noun, tuple(attributes))
