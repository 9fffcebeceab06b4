"""Candidates for the scene of a caption: other places, other things, or other groups of the object's kind."""

from __future__ import annotations

from functools import lru_cache

from scar.evidence.picture_evidence import make_several, name_thing
from scar.generators.generator import GoldTask
from scar.generators.rules.features import make_scene
from scar.generators.rules.records import CandidateSet, CaptionPhrases, CaptionStats, WeightedSets
from scar.generators.rules.usual_pairs import can_contain, is_usual
from scar.language import english
from scar.language.attribute_swaps import NUMBERS, list_similar_phrases
from scar.language.exclusion import can_act, find_preposition_class, is_passive
from scar.language.lexicon import Thing, find_side, read_scenes, read_things, resolve_category, resolve_scene
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import A_PICTURE_OF, RelationPhrase

_IN_PICTURE_FACTOR = 8.0
"""Weight of each thing of the picture, relative to all other things together: only the relation excludes it."""

_SIMILAR_FACTOR = 3.0
"""Weight of the scene with another attribute, relative to all others together."""

_SAME_KIND_FACTOR = 4.0
"""Factor for a thing of the same kind as the true one: it is harder to tell from it."""

_SAME_SIDE_FACTOR = 2.0
"""Factor for a place of the same side (indoor, outdoor) as the true place: it is harder to tell from it."""

_UNUSUAL_FACTOR = 0.05
"""Factor for a place or thing where the object hardly ever is: the words alone would exclude it."""

_UNABLE_FACTOR = 1e-12
"""Factor for a thing that cannot do what the caption says: a last resort."""

_FEW_SCENES = 30
"""With fewer distinct scenes after a preposition in the corpus, the things of the table are candidates too."""

_LOCATING = frozenset({"in", "inside", "within", "into", "on", "at", "down", "along", "across", "through", "around"})
"""Words before a place where the whole picture is; "behind a barn" may be in a field."""

_PARTS = ("in the middle of", "in the center of", "on the side of", "at the edge of", "in the corner of")
"""Further ends of predicates before such a place."""

_FILLING = frozenset({"filled with", "covered with", "surrounded by"})
"""Classes of prepositions after which a caption names several things."""


def is_place(scene: NounPhrase, preposition: str) -> bool:
    """Whether a noun phrase after a preposition is the place of the picture, as in "in a kitchen"."""
    if preposition == A_PICTURE_OF:
        return bool(resolve_scene(scene.noun).side)
    is_locating = preposition.rpartition(" ")[2] in _LOCATING or preposition.endswith(_PARTS)
    return is_locating and bool(find_side(scene.noun))


def is_group(phrase: NounPhrase) -> bool:
    """Whether a phrase means things of the object's own name: "another one", "two others", "a row of four"."""
    return phrase.text == "another one" or phrase.text.endswith(" others") or phrase.text.startswith("a row of ")


def propose_scenes(gold: CaptionPhrases, task: GoldTask, stats: CaptionStats) -> WeightedSets:
    """Propose other scenes for a gold caption: places for a place, things for a thing, larger numbers for a group."""
    relation, noun = gold.relation, gold.object.noun
    sets: WeightedSets = []
    if is_place(gold.scene, relation.last_preposition):
        thing = task.evidence.things[task.region.category]
        sets.append((_make_place_set(relation.last_preposition, gold.scene.noun, thing, noun, stats), 1.0))
    elif relation.form != "ordinal":
        several = _needs_several(gold)
        things = (name_thing(category) for category in task.evidence.picture.regions_by_category)
        in_picture = tuple(
            make_scene(make_several(thing) if several else thing, relation, _measure_fit(thing.noun, gold))
            for thing in things
        )
        sets.append((_make_thing_set(relation.last_preposition, gold.scene.noun, noun, several, stats), 1.0))
        sets.append((CandidateSet(in_picture, stats), _IN_PICTURE_FACTOR))
    similar = [*_list_other_groups(gold.scene, task), *list_similar_phrases(gold.scene)]
    candidates = tuple(make_scene(phrase, relation, 1.0) for phrase in similar)
    return [*sets, (CandidateSet(candidates, stats), _SIMILAR_FACTOR / (len(similar) or 1))]


@lru_cache(maxsize=1 << 9)
def _make_place_set(preposition: str, true: str, thing: Thing, noun: str, stats: CaptionStats) -> CandidateSet:
    """Places of the table and of the corpus that can hold the thing and take the preposition."""
    relation = RelationPhrase(preposition)
    side, word = resolve_scene(true).side, preposition.rpartition(" ")[2]
    words = {word} if word in ("in", "on", "at") else set(resolve_scene(true).prepositions[:1])
    places = {scene.phrase: scene for scene in read_scenes().values() if not words.isdisjoint(scene.prepositions)}
    places |= {phrase.text: resolve_scene(phrase.noun) for phrase in stats.scenes_by_preposition.get(preposition, {})}
    if preposition == A_PICTURE_OF:
        places |= {scene.phrase: scene for scene in read_scenes().values()}
    candidates = []
    for text, scene in places.items():
        phrase = NounPhrase(text, scene.name)
        if not is_place(phrase, preposition) or (scene.holds_kinds and thing.kind not in scene.holds_kinds):
            continue
        is_usual_side = not thing.found_in or scene.side in thing.found_in
        weight = scene.weight * (_SAME_SIDE_FACTOR if scene.side == side else 1) * stats.compute_lift(noun, phrase)
        candidates.append(make_scene(phrase, relation, weight * (1 if is_usual_side else _UNUSUAL_FACTOR)))
    return CandidateSet(tuple(candidates), stats)


@lru_cache(maxsize=1 << 9)
def _make_thing_set(preposition: str, true: str, noun: str, several: bool, stats: CaptionStats) -> CandidateSet:
    """Things that end true captions of the corpus after the preposition; of the table if these are few.

    Their weights add up to 1.
    """
    relation = RelationPhrase(preposition)
    counts: dict[NounPhrase, float] = dict(stats.scenes_by_preposition.get(preposition, {}))
    if len(counts) < _FEW_SCENES:
        things = {name_thing(thing.name): thing.weight / 100 for thing in read_things().values()}
        counts = {make_several(thing) if several else thing: weight for thing, weight in things.items()} | counts
    gold = CaptionPhrases(NounPhrase(noun, noun), relation, NounPhrase(true, true))
    weights = {
        phrase: count * _measure_fit(phrase.noun, gold) * stats.compute_lift(noun, phrase)
        for phrase, count in counts.items()
        if not is_group(phrase) and not is_place(phrase, preposition)
    }
    total = sum(weights.values())
    return CandidateSet(
        tuple(make_scene(phrase, relation, weight / total) for phrase, weight in weights.items()), stats
    )


def _measure_fit(noun: str, gold: CaptionPhrases) -> float:
    """How well a thing suits the end of a caption: by its kind, and by what is usual with the last preposition."""
    thing, true = resolve_category(noun), resolve_category(gold.scene.noun)
    predicate = gold.relation.last_preposition
    verb = RelationPhrase(predicate).verb
    is_same_kind = bool(thing.kind) and thing.kind == true.kind
    preposition = find_preposition_class(predicate)
    usual = is_usual(gold.object.noun, predicate, noun) or (preposition in _FILLING and thing.kind == "food")
    is_unable = (is_passive(predicate) and not can_act(noun)) or (preposition == "in" and not can_contain(noun))
    is_done = gold.relation.form == "action" and not (verb is not None and not verb.landmarks)
    if (is_unable or is_done) and not usual and not is_same_kind:
        return _UNABLE_FACTOR
    usual = usual or is_same_kind
    return (_SAME_KIND_FACTOR if is_same_kind else 1.0) * (1.0 if usual else _UNUSUAL_FACTOR)


def _needs_several(gold: CaptionPhrases) -> bool:
    """Whether the end of a caption is in the plural without a number, or must be: "a bowl full of apples"."""
    is_filling = find_preposition_class(gold.relation.last_preposition) in _FILLING
    text, singular = gold.scene.text, english.to_singular(gold.scene.text)
    return is_filling or (gold.scene.plural and text != singular and singular.endswith(gold.scene.noun))


def _list_other_groups(scene: NounPhrase, task: GoldTask) -> list[NounPhrase]:
    """For "a row of four", longer rows: a shorter one may be a part of it. For "two others", more than there are."""
    if not is_group(scene):
        return []
    name = task.evidence.things[task.region.category].name
    group = task.evidence.regions_by_name[name]
    if any(region.crowd for region in group):
        return []
    if scene.text.startswith("a row of "):
        texts = [f"a row of {number}" for count, number in enumerate(NUMBERS, start=2) if count > len(group)]
    else:
        texts = [f"{number} others" for count, number in enumerate(NUMBERS, start=2) if count >= len(group)]
    return [NounPhrase(text, scene.noun, plural=True) for text in texts]
