"""False scenes: other places, other things, or other groups of the object's kind."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scar.evidence.picture_evidence import make_several, name_thing
from scar.generators.generator import GoldTask
from scar.generators.rules import noun_vetoes, scene_vetoes
from scar.generators.rules.block import CandidateBlock
from scar.generators.rules.caption_stats import ENOUGH_OWN, LAST_RESORT, CaptionStats
from scar.generators.rules.draws import Bools, Floats, Ints, hash_texts
from scar.generators.rules.features import list_contexts, scene_features
from scar.generators.rules.gold_batch import GoldBatch
from scar.generators.rules.noun_table import Numbers
from scar.generators.rules.noun_vetoes import NounSwap
from scar.generators.rules.phrases import is_group, is_locating
from scar.generators.rules.records import CaptionPhrases
from scar.generators.rules.usual_pairs import can_contain, is_plausible, is_usual
from scar.language import english
from scar.language.attribute_swaps import NUMBERS, list_similar_phrases
from scar.language.exclusion import can_act, find_preposition_class, is_passive
from scar.language.lexicon import Scene, Thing, find_side, read_scenes, read_things, resolve_category, resolve_scene
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

_IMPLAUSIBLE_FACTOR = 0.005
"""Factor for a place with which captions hardly ever name the thing."""

_ODD_FACTOR = 0.02
"""The same for another thing."""

_UNABLE_FACTOR = 1e-12
"""Factor for a thing that cannot do what the caption says: a last resort."""

_FILLING = frozenset({"filled with", "covered with", "surrounded by"})
"""Classes of prepositions after which a caption names several things."""


def list_scenes(golds: Sequence[tuple[GoldTask, CaptionPhrases]], stats: CaptionStats) -> list[NounPhrase]:
    """All that may end a caption: what ends those of the corpus, the tables' places and things, and similar phrases."""
    found = dict.fromkeys(stats.scene_frequency)
    found |= dict.fromkeys(NounPhrase(scene.phrase, scene.name) for scene in read_scenes().values())
    things = [name_thing(name) for name in read_things()]
    shown = {category: None for task, _ in golds for category in task.evidence.things}
    things += map(name_thing, shown)
    found |= dict.fromkeys(things)
    found |= dict.fromkeys(map(make_several, things))
    for task, gold in golds:
        found |= dict.fromkeys(list_similar_phrases(gold.scene))
        found |= dict.fromkeys(_list_other_groups(gold.scene, task))
    return list(found)


def make_scene_block(batch: GoldBatch, phrases: Sequence[NounPhrase], stats: CaptionStats) -> CandidateBlock:
    """Make the candidates for the scenes of a batch; ``phrases`` are those of `list_scenes`."""
    true = [gold.scene for gold in batch.golds]
    prepositions = [gold.relation.last_preposition for gold in batch.golds]
    swap = NounSwap.of(batch, true, np.stack((batch.scenes, batch.scenes), 1), phrases)
    columns = {phrase: column for column, phrase in enumerate(phrases)}
    places = _find_places(phrases, prepositions)
    is_place = _find_true_places(true, prepositions)
    is_thing = ~is_place & ~batch.test(lambda gold: gold.relation.form == "ordinal")
    lifts = _measure_lifts(batch, phrases, stats)
    in_place = _weigh_places(batch, phrases, stats) * lifts * places
    things = _weigh_things(batch, phrases, swap, stats)
    fit = _measure_fits(batch)[:, swap.nouns]
    usual = _find_plausible(batch, phrases)
    own = things * fit * lifts * (~places & ~swap.groups) * np.where(usual, 1, _ODD_FACTOR)
    own /= np.maximum(own.sum(axis=1, keepdims=True), 1e-300)
    in_picture = _find_in_picture(batch, columns)
    similar = swap.contrasts.copy()
    for row, (task, scene) in enumerate(zip(batch.tasks, true, strict=True)):
        similar[row, [columns[phrase] for phrase in _list_other_groups(scene, task)]] = True
    weights = (
        np.where(is_place[:, None], in_place, 0)
        + np.where(is_thing[:, None], own + _IN_PICTURE_FACTOR * fit * in_picture, 0)
        + _SIMILAR_FACTOR * similar / np.maximum(similar.sum(axis=1, keepdims=True), 1)
    )
    names, features, gold_features = _find_features(phrases, true, prepositions)
    refusals = {
        "not_one_element": noun_vetoes.not_one_element(swap),
        "echo": scene_vetoes.echo(swap),
        "fits_place": scene_vetoes.fits_place(swap, places),
        "holds_elsewhere": scene_vetoes.holds_elsewhere(swap, places, prepositions),
        "unannotated": scene_vetoes.unannotated(swap, places, prepositions),
        "wordnet_related": noun_vetoes.wordnet_related(swap),
        "lookalike": noun_vetoes.lookalike(swap),
        "fits_captions": scene_vetoes.fits_captions(swap, places),
    }
    words = hash_texts(f"scene {phrase.text}" for phrase in phrases)
    return CandidateBlock(
        weights,
        words,
        names,
        features,
        gold_features,
        list_contexts(batch, "scene"),
        refusals,
        lambda row, column: phrases[column],
    )


def _find_places(phrases: Sequence[NounPhrase], prepositions: Sequence[str]) -> Bools:
    """(T, M) whether a candidate is the place of the picture after the preposition of a gold; see `is_place`."""
    placed = np.array([bool(find_side(phrase.noun)) for phrase in phrases], bool)
    pictured = np.array([bool(resolve_scene(phrase.noun).side) for phrase in phrases], bool)
    is_title = np.array([preposition == A_PICTURE_OF for preposition in prepositions], bool)[:, None]
    locates = np.array([is_locating(preposition) for preposition in prepositions], bool)[:, None]
    return np.where(is_title, pictured, placed & locates)


def _find_true_places(true: Sequence[NounPhrase], prepositions: Sequence[str]) -> Bools:
    """(T,) whether the true scene is the place of the picture."""
    distinct = dict.fromkeys(true)
    numbers = {phrase: number for number, phrase in enumerate(distinct)}
    found = _find_places(list(distinct), prepositions)
    return found[np.arange(len(true)), [numbers[phrase] for phrase in true]]


def _weigh_places(batch: GoldBatch, phrases: Sequence[NounPhrase], stats: CaptionStats) -> Floats:
    """(T, M) weights of places that can hold the region's thing and take the preposition; 0 for all others."""
    scenes = [resolve_scene(phrase.noun) for phrase in phrases]
    is_listed = np.array(
        [
            read_scenes().get(phrase.noun) is scene and phrase.text == scene.phrase
            for phrase, scene in zip(phrases, scenes, strict=True)
        ],
        bool,
    )
    base = np.array([scene.weight for scene in scenes], float)
    side = np.array([scene.side for scene in scenes], object)
    columns = {phrase: column for column, phrase in enumerate(phrases)}
    names = Numbers()
    name_numbers = np.array([names[scene.name] for scene in scenes], np.intp)

    def find_own(preposition: str) -> Bools:
        found = np.zeros(len(phrases), bool)
        found[[columns[phrase] for phrase in stats.scenes_by_preposition.get(preposition, {}) if phrase in columns]] = 1
        return found

    def find_taking(words: frozenset[str] | None) -> Bools:
        return np.array([words is None or not words.isdisjoint(scene.prepositions) for scene in scenes], bool)

    def find_holding(kind: str) -> Bools:
        return np.array([not scene.holds_kinds or kind in scene.holds_kinds for scene in scenes], bool)

    def find_plausible(thing: Thing) -> Bools:
        return np.array([is_plausible(thing.name, thing.kind, name) for name in names], bool)[name_numbers]

    true = [resolve_scene(gold.scene.noun) for gold in batch.golds]
    prepositions = [gold.relation.last_preposition for gold in batch.golds]
    allowed = _look_up(find_own, prepositions)
    allowed |= is_listed & _look_up(find_taking, map(_find_words, prepositions, true))
    allowed &= _look_up(find_holding, [thing.kind for thing in batch.things])
    same_side = _look_up(lambda own: side == own, [scene.side for scene in true])
    plausible = _look_up(find_plausible, batch.things)
    weights: Floats = base * allowed * np.where(same_side, _SAME_SIDE_FACTOR, 1)
    return weights * np.where(plausible, 1, _IMPLAUSIBLE_FACTOR)


def _find_words(preposition: str, true: Scene) -> frozenset[str] | None:
    """The prepositions one of which a place must take after the words of a gold; None if every place does."""
    word = preposition.rpartition(" ")[2]
    if preposition == A_PICTURE_OF:
        return None
    return frozenset({word} if word in ("in", "on", "at") else true.prepositions[:1])


def _look_up(rule: Callable[[Any], NDArray[Any]], keys: Iterable[Hashable]) -> NDArray[Any]:
    """(T, M) row that a rule gives for each of T keys; it is asked once for equal keys."""
    rows = Numbers()
    numbers = [rows[key] for key in keys]
    return np.array([rule(key) for key in rows])[numbers]


def _weigh_things(batch: GoldBatch, phrases: Sequence[NounPhrase], swap: NounSwap, stats: CaptionStats) -> Floats:
    """(T, M) counts of things after the preposition in the corpus; of the table if these are few."""
    one = {name_thing(thing.name): float(thing.weight) for thing in read_things().values()}
    several = {make_several(phrase): weight for phrase, weight in one.items()}
    rows = Numbers()
    keys = [rows[gold.relation.last_preposition, _needs_several(gold)] for gold in batch.golds]
    table = np.zeros((len(rows), len(phrases)))
    for row, (preposition, needs_several) in enumerate(rows):
        counts: dict[NounPhrase, float] = dict(stats.scenes_by_preposition.get(preposition, {}))
        scale = 0.01 if len(counts) < ENOUGH_OWN else LAST_RESORT
        listed = several if needs_several else one
        counts = {phrase: weight * scale for phrase, weight in listed.items()} | counts
        table[row] = [counts.get(phrase, 0.0) for phrase in phrases]
    return table[keys]


def _find_plausible(batch: GoldBatch, phrases: Sequence[NounPhrase]) -> Bools:
    """(T, M) whether captions of photographs name the region's thing together with that of a candidate."""
    names = Numbers()
    numbers = [names[resolve_category(phrase.noun).name] for phrase in phrases]
    return _look_up(
        lambda thing: np.array([is_plausible(thing.name, thing.kind, name) for name in names], bool)[numbers],
        batch.things,
    )


def _measure_lifts(batch: GoldBatch, phrases: Sequence[NounPhrase], stats: CaptionStats) -> Floats:
    """(T, M) how often each scene occurs with the object's noun in the corpus; see `CaptionStats.compute_lifts`."""
    rows = Numbers()
    keys = [rows[gold.object.noun] for gold in batch.golds]
    return stats.compute_lifts(list(rows), phrases)[keys]


def _find_in_picture(batch: GoldBatch, columns: dict[NounPhrase, int]) -> Bools:
    """(T, M) whether a candidate names one thing of the picture, or several where the caption needs several."""
    found = np.zeros((len(batch), len(columns)), bool)
    for row, (task, gold) in enumerate(zip(batch.tasks, batch.golds, strict=True)):
        things = map(name_thing, task.evidence.things)
        found[row, [columns[thing] for thing in (map(make_several, things) if _needs_several(gold) else things)]] = True
    return found


def _measure_fits(batch: GoldBatch) -> Floats:
    """(T, N) how well each noun suits the end of each caption."""
    classes, rows = batch.nouns.classes, Numbers()
    keys = [
        rows[gold.relation.last_preposition, gold.relation.form, classes[one], classes[end]]
        for gold, one, end in zip(batch.golds, batch.objects, batch.scenes, strict=True)
    ]
    asked = []
    for preposition, form, one, end in rows:
        noun, true = batch.nouns.class_members[one], batch.nouns.class_members[end]
        rule = partial(_measure_fit, predicate=preposition, form=form, subject=noun, true=true)
        asked.append(batch.nouns.ask(("scene", preposition, form, one, end), rule))
    found: Floats = np.array(asked).reshape(len(rows), len(batch.nouns))[keys]
    return found


def _measure_fit(noun: str, predicate: str, form: str, subject: str, true: str) -> float:
    """How well a thing suits the end of a caption: by its kind, and by what is usual with the last preposition."""
    thing, true_thing = resolve_category(noun), resolve_category(true)
    verb = RelationPhrase(predicate).verb
    is_same_kind = bool(thing.kind) and thing.kind == true_thing.kind
    preposition = find_preposition_class(predicate)
    usual = is_usual(subject, predicate, noun) or (preposition in _FILLING and thing.kind == "food")
    is_unable = (is_passive(predicate) and not can_act(noun)) or (preposition == "in" and not can_contain(noun))
    is_done = form == "action" and not (verb is not None and not verb.landmarks)
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


def _find_features(
    phrases: Sequence[NounPhrase], true: Sequence[NounPhrase], prepositions: Sequence[str]
) -> tuple[list[str], Ints, Ints]:
    """Names of the features, (T, M, 1) features of the candidates and (T, 1) of the golds."""
    numbers = Numbers()
    rows = {
        preposition: np.array([numbers[scene_features(phrase, preposition)[0]] for phrase in phrases], np.intp)
        for preposition in dict.fromkeys(prepositions)
    }
    golds = [numbers[scene_features(*pair)[0]] for pair in zip(true, prepositions, strict=True)]
    features = np.array([rows[preposition] for preposition in prepositions], np.intp)
    return list(numbers), features.reshape(len(true), len(phrases), 1), np.array(golds, np.intp).reshape(-1, 1)
