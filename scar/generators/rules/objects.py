"""False objects: things of the corpus and of the picture, and the object with another attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
import numpy as np

from scar.evidence.picture_evidence import make_several, name_thing
from scar.generators.rules import noun_vetoes
from scar.generators.rules.block import CandidateBlock
from scar.generators.rules.caption_stats import ENOUGH_OWN, LAST_RESORT, CaptionStats
from scar.generators.rules.draws import Bools, Floats, Ints, hash_texts
from scar.generators.rules.features import list_contexts, object_features
from scar.generators.rules.gold_batch import GoldBatch
from scar.generators.rules.noun_table import Numbers
from scar.generators.rules.noun_vetoes import NounSwap
from scar.generators.rules.phrases import is_group, names_landmark
from scar.generators.rules.records import CaptionPhrases
from scar.generators.rules.usual_pairs import count_companions, is_usual
from scar.language import english
from scar.language.attribute_swaps import NUMBERS, list_similar_phrases
from scar.language.exclusion import can_act
from scar.language.lexicon import find_side, read_colours, read_things, resolve_category
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import RelationPhrase

_IN_PICTURE_FACTOR = 30.0
"""Weight of each thing of the picture, relative to all other things together: only the region excludes it."""

_SIMILAR_FACTOR = 30.0
"""Weight of the object with another attribute, number or person, relative to all other things together."""

_SAME_KIND_FACTOR = 12.0
"""Factor for a thing of the same kind as the true one: it is harder to tell from it."""

_UNUSUAL_FACTOR = 0.05
"""Factor for a thing that hardly ever has the relation: the words alone would exclude it."""

_UNABLE_FACTOR = 1e-12
"""Factor for a thing that cannot do the action: a last resort."""


_MIN_WORLD_SHARE = 1e-6
"""Least share of a thing of the shipped table among those that captions name with a place: a last resort."""


def list_objects(golds: Sequence[CaptionPhrases], stats: CaptionStats) -> dict[NounPhrase, float]:
    """The objects of the corpus with their counts, the table's if these are few, and what is similar to the golds'."""
    counts = {phrase: float(count) for phrase, count in stats.objects.items() if len(phrase.attributes) <= 1}
    scale = 0.01 if len(counts) < ENOUGH_OWN else LAST_RESORT
    for thing in read_things().values():
        counts.setdefault(name_thing(thing.name), thing.weight * scale)
    for phrase in dict.fromkeys(gold.object for gold in golds):
        for other in list_similar_phrases(phrase):
            counts.setdefault(other, 0.0)
    return counts


def make_object_block(batch: GoldBatch, counts: dict[NounPhrase, float], stats: CaptionStats) -> CandidateBlock:
    """Make the candidates for the objects of a batch; ``counts`` is of `list_objects`.

    A false object gets the colour and the number of the true one, if it has any.
    """
    shown = (name_thing(region_category) for picture in batch.pictures for region_category in picture.things)
    counts = counts | {phrase: counts.get(phrase, 0.0) for phrase in shown}
    phrases = list(counts)
    true = [gold.object for gold in batch.golds]
    swap = NounSwap.of(batch, true, np.stack((batch.objects, batch.categories), 1), phrases)
    numbers = [next((word for word in NUMBERS if phrase.text.startswith(f"{word} ")), "") for phrase in true]
    colours = [next((word for word in phrase.attributes if word in read_colours()), "") for phrase in true]
    is_bare = np.array([not phrase.attributes and not phrase.plural for phrase in phrases], bool)
    starts = {number: np.array([phrase.text.startswith(number) for phrase in phrases], bool) for number in set(numbers)}
    fits_number = np.array([starts[number] | is_bare for number in numbers]).reshape(swap.contrasts.shape)
    fit = _measure_fits(batch)[:, swap.nouns] * fits_number
    own = fit * np.array(list(counts.values())) * _measure_world(batch, phrases, stats)
    own /= np.maximum(own.sum(axis=1, keepdims=True), 1e-300)
    in_picture = _find_in_picture(batch, phrases)
    similar = swap.contrasts / np.maximum(swap.contrasts.sum(axis=1, keepdims=True), 1)
    weights = own + _IN_PICTURE_FACTOR * fit * in_picture + _SIMILAR_FACTOR * similar

    def make(row: int, column: int) -> NounPhrase:
        return phrases[column] if swap.contrasts[row, column] else _dress(phrases[column], colours[row], numbers[row])

    names, features, gold_features = _find_features(batch, phrases, colours, swap.contrasts)
    refusals = {
        "not_one_element": noun_vetoes.not_one_element(swap),
        "present_in_box": noun_vetoes.present_in_box(swap),
        "echo": _echo(swap),
        "unannotated": noun_vetoes.unannotated(swap) & noun_vetoes.unknown(swap),
        "wordnet_related": noun_vetoes.wordnet_related(swap),
        "lookalike": noun_vetoes.lookalike(swap),
        "fits_captions": noun_vetoes.fits_captions(swap),
    }
    words = hash_texts(f"object {phrase.text}" for phrase in phrases)
    kinds = np.array([thing.kind for thing in batch.nouns.things], object)
    is_same_kind = (kinds[swap.nouns] == kinds[batch.objects][:, None]) & (kinds[swap.nouns] != "")
    hard = is_same_kind | in_picture | swap.contrasts
    return CandidateBlock(
        weights, words, names, features, gold_features, list_contexts(batch, "object"), refusals, make, hard
    )


def _echo(swap: NounSwap) -> Bools:
    """The caption names a thing twice, as in "a couch next to a couch"."""
    batch, same = swap.batch, swap.batch.nouns.same
    has_landmark = batch.test(names_landmark)
    is_named = batch.test(lambda gold: not is_group(gold.scene))
    refused = swap.look_up(same, batch.scenes) & is_named[:, None]
    refused |= swap.look_up(same, batch.landmarks) & has_landmark[:, None]
    refused |= (same[batch.scenes, batch.landmarks] & has_landmark & is_named)[:, None]
    return refused & ~swap.groups


def _find_in_picture(batch: GoldBatch, phrases: Sequence[NounPhrase]) -> Bools:
    """(T, M) whether a candidate is the plain name of a thing of the picture."""
    columns = {phrase: column for column, phrase in enumerate(phrases)}
    found = np.zeros((len(batch.pictures), len(phrases)), bool)
    for number, picture in enumerate(batch.pictures):
        found[number, [columns[name_thing(category)] for category in picture.things]] = True
    return found[batch.owners]


def _measure_world(batch: GoldBatch, phrases: Sequence[NounPhrase], stats: CaptionStats) -> Floats:
    """(T, M) factors for things that the shipped table adds: how often captions name them at the end of each gold.

    Where nothing is known of that end, the most frequent place of the corpus stands for it. 1 for things of the corpus,
    and where nothing is known of any place.
    """
    usual = sorted(stats.scene_frequency, key=lambda scene: -stats.scene_frequency[scene])
    places = (count_companions(scene.noun) for scene in usual if find_side(scene.noun))
    world: Mapping[str, int] = next(filter(None, places), {})
    names = [None if phrase in stats.objects else resolve_category(phrase.noun).name for phrase in phrases]
    rows = Numbers()
    numbers = [rows[gold.scene.noun] for gold in batch.golds]
    table = np.ones((len(rows), len(phrases)))
    for row, noun in enumerate(rows):
        if counts := count_companions(noun) or world:
            least = _MIN_WORLD_SHARE * sum(counts.values())
            lifts = {name: max(counts.get(name, 0), least) / thing.weight for name, thing in read_things().items()}
            scale = sum(thing.weight for thing in read_things().values()) / sum(counts.values())
            table[row] = [lifts.get(name, 0.0) * scale if name else 1.0 for name in names]
    return table[numbers]


def _measure_fits(batch: GoldBatch) -> Floats:
    """(T, N) how well each noun suits the place of the true object."""
    classes = batch.nouns.classes
    keys = [
        (classes[one], gold.relation.predicate, classes[other])
        for one, other, gold in zip(batch.objects, batch.landmarks, batch.golds, strict=True)
    ]
    rows = Numbers()
    numbers = [rows[key] for key in keys]
    asked = []
    for one, predicate, other in rows:
        true, landmark = batch.nouns.class_members[one], batch.nouns.class_members[other]
        relation = RelationPhrase(predicate)
        rule = partial(_measure_fit, true=true, relation=relation, landmark=landmark)
        asked.append(batch.nouns.ask(("object", one, predicate, other), rule))
    found: Floats = np.array(asked).reshape(len(rows), len(batch.nouns))[numbers]
    return found


def _measure_fit(noun: str, true: str, relation: RelationPhrase, landmark: str) -> float:
    """How well a noun suits the place of the true one: by its kind, and by what is usual with the relation."""
    thing, true_thing = resolve_category(noun), resolve_category(true)
    is_same_kind = bool(thing.kind) and thing.kind == true_thing.kind
    factor = _SAME_KIND_FACTOR if is_same_kind else 1.0
    verb = relation.verb
    if verb is not None and not verb.landmarks and verb.accepts_subject(true_thing):
        unable = _UNUSUAL_FACTOR if can_act(noun) else _UNABLE_FACTOR
        return factor if verb.accepts_subject(thing) else unable
    if is_usual(noun, relation.predicate, landmark):
        return factor
    if relation.form == "action" and can_act(true):
        return factor * _UNUSUAL_FACTOR if can_act(noun) else _UNABLE_FACTOR
    if relation.form in ("action", "contact"):
        return factor if is_same_kind else _UNUSUAL_FACTOR
    shares_side = not set(thing.found_in).isdisjoint(true_thing.found_in)
    return factor if is_same_kind or shares_side else _UNUSUAL_FACTOR


def _find_features(
    batch: GoldBatch, phrases: Sequence[NounPhrase], colours: Sequence[str], contrasts: Bools
) -> tuple[list[str], Ints, Ints]:
    """The features of the candidates and of the golds, by number.

    Of a candidate that gets the colour of the true object, they are those of the coloured one.
    """
    numbers = Numbers()

    def number(phrase: NounPhrase, relation: RelationPhrase) -> tuple[int, int]:
        noun, attributes = object_features(phrase, relation)
        return numbers[noun], numbers[attributes]

    plain, acting = RelationPhrase("on"), RelationPhrase("holding")
    of_phrases = {
        is_acting: np.array([number(phrase, acting if is_acting else plain) for phrase in phrases], np.intp)
        for is_acting in (False, True)
    }
    golds = np.array([number(gold.object, gold.relation) for gold in batch.golds], np.intp)
    is_acting = batch.test(lambda gold: gold.relation.form == "action")
    features = np.where(is_acting[:, None, None], of_phrases[True], of_phrases[False])
    takes = np.array([not phrase.attributes and resolve_category(phrase.noun).kind != "person" for phrase in phrases])
    coloured = np.array([numbers[f"attributes {colour}"] if colour else -1 for colour in colours], np.intp)
    is_dressed = (coloured[:, None] >= 0) & takes & ~contrasts
    features[..., 1] = np.where(is_dressed, coloured[:, None], features[..., 1])
    return list(numbers), features, golds


def _dress(phrase: NounPhrase, colour: str, number: str) -> NounPhrase:
    """The phrase with a colour, or with a number and its noun in the plural; unchanged if both are empty."""
    if number and not phrase.plural:
        several = make_several(phrase)
        return msgspec.structs.replace(several, text=f"{number} {several.text}")
    if colour and not phrase.attributes and resolve_category(phrase.noun).kind != "person":
        text = english.with_article(f"{colour} {english.strip_article(phrase.text)}")
        return msgspec.structs.replace(phrase, text=text, attributes=(colour,))
    return phrase
