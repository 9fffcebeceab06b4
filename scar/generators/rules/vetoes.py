"""Vetoes: reasons to refuse a negative that repeats the gold caption or may be true of the region.

A veto takes a part, the gold caption with this part replaced, and the evidence. It returns whether it refuses the
caption; its docstring says when. It does so in doubt: a negative that is true does more harm than a missing one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import combinations
from typing import Self, TypeAlias

import msgspec

from scar.evidence.contact import is_contact_denied
from scar.evidence.geometry import find_denied_positions, is_apart, is_out_of_direction
from scar.evidence.picture_evidence import PictureEvidence
from scar.generators.generator import GoldTask
from scar.generators.rules.records import CaptionPhrases, CaptionStats
from scar.generators.rules.scene_candidates import is_group, is_place
from scar.generators.rules.usual_pairs import is_usual
from scar.language.attribute_swaps import is_other_person, list_similar_phrases
from scar.language.caption_parser import (
    collect_words,
    find_named_scenes,
    find_stated_scenes,
    has_noun_in_joined,
    join_captions,
)
from scar.language.exclusion import excludes, find_preposition_class, is_passive
from scar.language.lexicon import (
    Scene,
    is_confusable,
    is_interchangeable,
    is_related,
    read_things,
    resolve_category,
    resolve_scene,
)
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import (
    ABOVE,
    AND,
    BELOW,
    DIRECTIONS,
    LEFT,
    OPPOSITES,
    RIGHT,
    RelationPhrase,
    find_form,
    normalize_predicate,
)
from scar.sample import Part, Picture, Region

_FAR = 1.5
"""Least gap between two things that are not next to each other, as a multiple of the larger width or height."""

MIN_BOX_OVERLAP = 0.1
"""Overlap of two boxes, as a share of the smaller box, above which one thing is visible in the box of the other."""


class VetoContext(msgspec.Struct):
    """The evidence about one region, which the vetoes compare with each of its negatives.

    Attributes:
        gold: true caption of the region.
        evidence: what is known about the picture.
        region: the region that the captions describe.
        annotated: names of things that the source annotates wherever it sees them, as far as is known.
        taken_texts: texts of the gold caption and of the accepted negatives in lower case. The caller adds each
            accepted text.
        names_in_box: names of the other things that are visible in the region's box.
        known_relations: predicate and landmark's name of each annotated relation of the region.
        true_scenes: scenes that the gold caption, the source's scene label and the picture's captions name.
        human_texts: captions of the picture and phrases of the region.
        joined_texts: the human texts as one text, for `has_noun_in_joined`.
        named_scenes: names of the scenes that the human texts mention.
    """

    gold: CaptionPhrases
    evidence: PictureEvidence
    region: Region
    annotated: frozenset[str]
    taken_texts: set[str]
    names_in_box: tuple[str, ...]
    known_relations: tuple[tuple[str, str], ...]
    true_scenes: tuple[Scene, ...]
    human_texts: tuple[str, ...]
    joined_texts: str
    named_scenes: frozenset[str]

    @property
    def thing_name(self) -> str:
        """The name of the region's thing."""
        return self.evidence.things[self.region.category].name

    @classmethod
    def from_gold(cls, gold: CaptionPhrases, task: GoldTask, stats: CaptionStats) -> Self:
        """Collect the evidence about the region of a gold caption; no negative is accepted yet."""
        evidence, region = task.evidence, task.region
        human_texts = (*evidence.picture.captions, *region.phrases)
        return cls(
            gold=gold,
            evidence=evidence,
            region=region,
            annotated=stats.annotated,
            taken_texts={gold.caption.text.lower()},
            names_in_box=_find_names_in_box(evidence, region),
            known_relations=_find_known_relations(evidence, region),
            true_scenes=(resolve_scene(gold.scene.noun), *_find_true_scenes(evidence.picture)),
            human_texts=human_texts,
            joined_texts=join_captions(human_texts),
            named_scenes=find_named_scenes(human_texts),
        )


Veto: TypeAlias = Callable[[Part, CaptionPhrases, VetoContext], bool]
"""Takes the replaced part, the false caption and the evidence; returns whether it refuses. Its name is the reason."""


def not_one_element(part: Part, false: CaptionPhrases, context: VetoContext) -> bool:
    """The false part reads as that of the gold caption, or is empty."""
    text = getattr(false, part).text
    return not text or text == getattr(context.gold, part).text


def duplicate(part: Part, false: CaptionPhrases, context: VetoContext) -> bool:
    """The caption has the text of the gold caption or of an accepted negative."""
    return false.caption.text.lower() in context.taken_texts


def echo(part: Part, false: CaptionPhrases, context: VetoContext) -> bool:
    """The caption names a thing twice, as in "a couch next to a couch", or a landmark of the region's own name."""
    phrases = [false.object, false.scene, *([false.relation.landmark] if false.relation.landmark else [])]
    nouns = [phrase.noun for phrase in phrases if not is_group(phrase)]
    if any(_has_common_word(a, b) for a, b in combinations(nouns, 2)):
        return True
    landmark = false.relation.landmark
    if part == "relation" and landmark and landmark != context.gold.relation.landmark:
        return is_interchangeable(landmark.noun, context.thing_name)
    return part == "scene" and not is_group(false.scene) and is_related(false.scene.noun, context.thing_name)


def wordnet_related(part: Part, false: CaptionPhrases, context: VetoContext) -> bool:
    """The false scene or object is a synonym, a hyponym or a hypernym of the true one."""
    true, other = getattr(context.gold, part), getattr(false, part)
    if is_group(other) or _is_contrast(true, other):
        return False
    names = {true.noun, context.region.category} if part == "object" else {true.noun}
    return any(is_related(name, other.noun) for name in names)


def lookalike(part: Part, false: CaptionPhrases, context: VetoContext) -> bool:
    """A viewer may mistake the false object or thing for the true one.

    Any two nouns for persons are alike, except those that exclude each other, such as "man" and "woman".
    """
    true, other = getattr(context.gold, part), getattr(false, part)
    if is_group(other) or _is_contrast(true, other):
        return False
    names = {true.noun, context.region.category} if part == "object" else {true.noun}
    return any(is_confusable(name, other.noun) or _are_persons(name, other.noun) for name in names)


def present_in_box(part: Part, false: CaptionPhrases, context: VetoContext) -> bool:
    """A thing that the false object may name is visible in the region's box."""
    if _is_contrast(context.gold.object, false.object):
        return False
    return any(is_interchangeable(name, false.object.noun) for name in context.names_in_box)


def fits_captions(part: Part, false: CaptionPhrases, context: VetoContext) -> bool:
    """The human texts mention the false part, and the picture has no annotated thing that explains the mention."""
    if part == "relation":
        verb = false.relation.verb
        return verb is not None and verb != context.gold.relation.verb and _has_word(verb.forms, context)
    true, other = getattr(context.gold, part), getattr(false, part)
    if _has_word(set(other.attributes) - set(true.attributes), context) and _is_contrast(true, other):
        return True
    if part == "scene" and is_place(other, false.relation.last_preposition):
        return resolve_scene(other.noun).name in context.named_scenes
    return other.noun != true.noun and not is_group(other) and _is_noun_unexplained(other.noun, context)


def fits_place(part: Part, false: CaptionPhrases, context: VetoContext) -> bool:
    """The false place may be where the picture was taken: no place is known, or a known one is compatible with it."""
    if not is_place(false.scene, false.relation.last_preposition) or _is_contrast(context.gold.scene, false.scene):
        return False
    place, known = resolve_scene(false.scene.noun), [scene for scene in context.true_scenes if scene.side]
    return not known or any(not place.is_incompatible_with(true) for true in known)


def unannotated(part: Part, false: CaptionPhrases, context: VetoContext) -> bool:
    """The false thing may be in the picture although no annotation names it, as the source never annotates such things.

    After "on" and "in", a false bearer such as a table passes if the true thing is a bearer too: what rests on one is
    on no other. A true thing that is no bearer, such as a plate, may itself be on a table that nobody annotated.
    """
    true, other = getattr(context.gold, part), getattr(false, part)
    name = resolve_category(other.noun).name
    if is_group(other) or _is_contrast(true, other) or name in context.evidence.regions_by_name:
        return False
    if part == "object":
        return name not in context.annotated and name not in read_things()
    if is_place(other, false.relation.last_preposition):
        return False
    is_bearing = find_preposition_class(false.relation.last_preposition) in ("on", "in")
    if is_bearing and _is_bearer(other.noun):
        return not _is_bearer(true.noun)
    return name not in context.annotated


def holds_elsewhere(part: Part, false: CaptionPhrases, context: VetoContext) -> bool:
    """The false thing at the end is in the picture, and boxes and masks do not deny the last relation to it."""
    if is_place(false.scene, false.relation.last_preposition) or is_group(false.scene):
        return False
    meant = context.evidence.find_meant_regions(false.scene.noun)
    if _is_contrast(context.gold.scene, false.scene):
        return len(meant) > 1
    return any(_may_hold_with(false.relation.last_preposition, other, context) for other in meant)


def holds_by_annotation(part: Part, false: CaptionPhrases, context: VetoContext) -> bool:
    """An annotated relation does not exclude the false one; or this is one of depth that no annotation denies."""
    relation = false.relation
    if relation.form in ("position", "ordinal") or not context.evidence.picture.relations:
        return False
    known = [predicate for predicate, name in context.known_relations if is_related(name, false.landmark.noun)]
    subject, landmark = context.thing_name, false.landmark.noun
    if any(not excludes(subject, predicate, relation.predicate, landmark) for predicate in known):
        return True
    is_depth = relation.predicate in OPPOSITES and relation.predicate not in DIRECTIONS
    return is_depth and OPPOSITES[relation.predicate] not in known


def holds_by_geometry(part: Part, false: CaptionPhrases, context: VetoContext) -> bool:
    """Neither the true relation nor the boxes and masks deny the false relation."""
    relation, gold = false.relation, context.gold.relation
    if relation.form == "position":
        return relation.predicate not in find_denied_positions(context.region.box, context.evidence.picture)
    if gold.form == "ordinal":
        return False  # another rank among the same things
    meant = context.evidence.find_meant_regions(false.landmark.noun)
    possible = [other for other in meant if _may_hold_with(relation.predicate, other, context)]
    is_excluded = excludes(context.thing_name, gold.predicate, relation.predicate, false.landmark.noun)
    if relation.landmark == gold.landmark and is_excluded:
        # Another thing of the landmark's name may have the false relation: one that has not the true one.
        others = [other for other in possible if not _may_hold_with(gold.predicate, other, context)]
        return bool(others) or _may_bear_unseen(false, context)
    return not meant or bool(possible)


VETOES: Mapping[Part, tuple[Veto, ...]] = {
    "scene": (
        not_one_element,
        echo,
        fits_place,
        holds_elsewhere,
        unannotated,
        wordnet_related,
        lookalike,
        fits_captions,
        duplicate,
    ),
    "relation": (not_one_element, holds_by_geometry, holds_by_annotation, echo, fits_captions, duplicate),
    "object": (
        not_one_element,
        present_in_box,
        echo,
        unannotated,
        wordnet_related,
        lookalike,
        fits_captions,
        duplicate,
    ),
}
"""The vetoes of each part; those that refuse most come first."""


def find_veto_reason(part: Part, false: CaptionPhrases, context: VetoContext) -> str | None:
    """The name of the first veto that refuses a false caption; None if every veto accepts it."""
    return next((veto.__name__ for veto in VETOES[part] if veto(part, false, context)), None)


def _may_bear_unseen(false: CaptionPhrases, context: VetoContext) -> bool:
    """Whether a hidden thing may have the false relation: who is next to a chair may sit on one that nobody sees."""
    usual = any(is_usual(context.thing_name, word, false.landmark.noun) for word in ("on", "in", "under"))
    found = (
        find_preposition_class(predicate) for predicate in (false.relation.predicate, context.gold.relation.predicate)
    )
    return usual and [name in ("on", "in", "under") for name in found] == [True, False]


def _may_hold_with(predicate: str, other: Region, context: VetoContext) -> bool:
    """Whether boxes and masks leave open that a predicate holds for the region and another one.

    They deny nothing of most actions: "watching a dog", "looking at a dog". A posture holds if its preposition does.
    """
    predicate = predicate.removeprefix(AND)
    preposition = "held by" if is_passive(predicate) else _DENIABLE.get(find_preposition_class(predicate))
    is_vague = find_form(predicate) == "action" and RelationPhrase(predicate).verb is None
    if other.id == context.region.id:
        return False
    if preposition is None or other.crowd or (is_vague and preposition in ("next to", ABOVE)):
        return True
    if preposition in DIRECTIONS:
        return not is_out_of_direction(preposition, context.region.box, other.box)
    if preposition == "next to":
        return not is_apart(context.region.box, other.box, _FAR)
    return not is_contact_denied(preposition, context.region, other)


_DENIABLE: Mapping[str, str] = {
    **{name: name for name in ("on", "in", "under", "behind", "in front of", "next to", ABOVE, BELOW)},
    **{name: name for name in ("held by", "worn by", "ridden by", "holding", "wearing", "riding")},
    "at": "next to",
    "against": "on",
    "with": "on",
    "left": LEFT,
    "right": RIGHT,
}
"""Class of prepositions -> the predicate that holds wherever the class does, and that boxes and masks can deny."""


@lru_cache(maxsize=1 << 16)
def _has_common_word(a: str, b: str) -> bool:
    """Whether captions may use the same word for the things that two nouns name."""
    return not set(resolve_category(a).words).isdisjoint(resolve_category(b).words)


def _is_contrast(true: NounPhrase, other: NounPhrase) -> bool:
    """Whether a phrase says another attribute, number or person of the same thing than a true one."""
    return other.text in _list_contrasts(true)


@lru_cache(maxsize=1 << 14)
def _list_contrasts(phrase: NounPhrase) -> frozenset[str]:
    return frozenset(other.text for other in list_similar_phrases(phrase))


def _are_persons(a: str, b: str) -> bool:
    """Whether two nouns may mean the same person: a man may be a skier, but no woman."""
    return resolve_category(a).kind == resolve_category(b).kind == "person" and not is_other_person(a, b)


def _is_bearer(noun: str) -> bool:
    """Whether a thing is so large that what is on or in it is on or in no other such thing."""
    return resolve_category(noun).kind in ("furniture", "fixture", "vehicle", "ridden", "train", "afloat", "animal")


def _has_word(words: Iterable[str], context: VetoContext) -> bool:
    """Whether the human texts have one of the words."""
    return not collect_words(context.human_texts).isdisjoint(words)


@lru_cache(maxsize=64)
def _find_names_in_box(evidence: PictureEvidence, region: Region) -> tuple[str, ...]:
    """Names of the other things that are visible in a region's box."""
    area = region.box.area
    names: dict[str, None] = {}
    for other in evidence.picture.regions:
        overlap = region.box.intersection_area(other.box)
        if overlap and overlap > MIN_BOX_OVERLAP * min(area, other.box.area) and other.id != region.id:
            names[evidence.things[other.category].name] = None
    return tuple(names)


def _find_known_relations(evidence: PictureEvidence, region: Region) -> tuple[tuple[str, str], ...]:
    """Predicate and landmark's name of each annotated relation of a region."""
    annotated = evidence.picture.relations_by_subject.get(region.id, ())
    named = ((normalize_predicate(predicate), evidence.things[other.category].name) for predicate, other in annotated)
    return tuple((predicate, name) for predicate, name in named if predicate)


@lru_cache(maxsize=8)
def _find_true_scenes(picture: Picture) -> tuple[Scene, ...]:
    """The scenes that the source's label of a picture and the captions of the picture name."""
    label = [resolve_scene(picture.scene)] if picture.scene else []
    stated = (scene for caption in picture.captions for scene in find_stated_scenes(caption))
    return tuple(dict.fromkeys((*label, *stated)))


def _is_noun_unexplained(noun: str, context: VetoContext) -> bool:
    """Whether the human texts use a noun for which the picture has no annotated thing: they may mean the region."""
    thing = resolve_category(noun)
    return thing.name not in context.evidence.regions_by_name and has_noun_in_joined(context.joined_texts, thing.words)
