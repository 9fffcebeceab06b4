"""All captions that are true of a region, tell it apart from the other things, and have evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from scar.evidence.contact import PLACING
from scar.evidence.geometry import find_positions
from scar.evidence.grounding import count_support, ground_statements
from scar.evidence.landmarks import find_direction_relations
from scar.evidence.ordinals import find_ordinals, name_others
from scar.evidence.picture_evidence import PictureEvidence, name_several, name_thing
from scar.evidence.scene_vote import find_scene
from scar.evidence.specificity import find_undenied, may_hold
from scar.evidence.visibility import is_hardly_seen, is_seen_beside, is_well_seen
from scar.generators.rules.records import CaptionPhrases, TrueCaption
from scar.language import english
from scar.language.caption_parser import has_noun
from scar.language.lexicon import Scene, is_interchangeable, read_person_nouns, resolve_category, without_colour
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import (
    A_PICTURE_OF,
    AND,
    IN_A_PICTURE_OF,
    RelationPhrase,
    find_form,
    normalize_predicate,
)
from scar.language.statements import Statement
from scar.sample import REASONS, Picture, Reason, Region

_WEAK = ("in front of", "behind", "next to", "under")
"""Predicates that say less than contact does; with the same evidence, they are chosen less often."""

_HAD = frozenset({"held by", "carried by", "worn by"})
"""Predicates of what a person has."""

_MIN_LANDMARK_SHARE, _MIN_HAD_SHARE = 0.01, 0.005
"""Least share of the picture that a thing covers next to which, or before or behind which, another one is; and that a
thing covers that another one holds, bears or wears: a reader must see it."""

_MIN_PLACED_SHARE, _MIN_CENTRAL_SHARE = 0.02, 0.1
"""Least share of the picture for a thing of which the position is said, and for one in its middle: a smaller one has
others of its size around."""

_MIN_LONE_SHARE = 0.008
"""Least share of the picture for a thing of which only the place is said, unless a caption names it."""

_MIN_VOTES = 2
"""Least number of captions that call a person a man, a woman or a child."""


def list_true_captions(evidence: PictureEvidence, region: Region) -> list[TrueCaption]:
    """The captions of a region that have evidence and are false of all things for which it may be taken.

    Of a region that is hardly seen there are none, unless the source has words for it.
    """
    if not region.phrases and is_hardly_seen(region, evidence.picture):
        return []
    found = list(_iter_human(evidence, region))
    found += _iter_relational(evidence, region)
    found += _iter_in_scene(evidence, region)
    if _may_be_placed(evidence, region):
        found += (
            TrueCaption(CaptionPhrases(name_region(evidence, region), RelationPhrase(predicate), group), "ordinal")
            for predicate, group in find_ordinals(evidence, region)
        )
        found += _iter_positions(evidence, region)
    return found


def _is_mentioned(evidence: PictureEvidence, region: Region) -> bool:
    """Whether a caption names the thing of a region, so that someone else saw it too; always of persons.

    Captions have too many nouns for persons: "batter", "couple", "crowd".
    """
    thing = evidence.things[region.category]
    return thing.kind == "person" or any(has_noun(caption, thing.words) for caption in evidence.picture.captions)


def _may_be_placed(evidence: PictureEvidence, region: Region) -> bool:
    """Whether a region may be placed: by a neighbour, a direction or a rank. Of many captions, one must name it.

    What nobody mentions is often hard to see, or something else than its category says.
    """
    return not evidence.is_described or bool(region.phrases) or _is_mentioned(evidence, region)


def _iter_human(evidence: PictureEvidence, region: Region) -> Iterator[TrueCaption]:
    """Yield what people wrote of a region; what several captions say is more often true, and has more weight."""
    said = [evidence.statements.get(caption, ()) for caption in evidence.picture.captions]
    for statement in ground_statements(evidence.picture, region, evidence.statements, evidence.contacts):
        weight = max(1, count_support(region, statement, said)) ** 2
        yield TrueCaption(make_phrases(statement), "human", weight)


def make_phrases(statement: Statement) -> CaptionPhrases:
    """The caption that a statement is."""
    if statement.landmark is None:
        predicate = f"{statement.predicate} {statement.preposition}".strip()
        return CaptionPhrases(statement.subject, RelationPhrase(predicate), statement.rest)
    relation = RelationPhrase(statement.predicate, statement.landmark, statement.preposition)
    return CaptionPhrases(statement.subject, relation, statement.rest)


def _iter_relational(evidence: PictureEvidence, region: Region) -> Iterator[TrueCaption]:
    """Yield captions of relations to other things: of one relation that tells the region apart, or of two that do."""
    relations = list(dict.fromkeys(_iter_relations(evidence, region)))
    undenied = [find_undenied(predicate, landmark, evidence, region) for _, predicate, landmark, _ in relations]
    for (reason, predicate, landmark, weight), rivals in zip(relations, undenied, strict=True):
        if not rivals:
            yield TrueCaption(_add_scene(evidence, region, predicate, landmark), reason, weight)
    name = name_region(evidence, region)
    for (reason, predicate, landmark, weight), rivals in zip(relations, undenied, strict=True):
        if not rivals:
            continue
        for (second_reason, second, other, closeness), others in zip(relations, undenied, strict=True):
            if others and landmark.noun != other.noun and second != predicate and not rivals & others:
                is_contact = find_form(predicate) in ("contact", "action")
                if not is_contact and (find_form(second) in ("contact", "action") or predicate > second):
                    continue
                relation = RelationPhrase(predicate, landmark, second if is_contact else f"{AND}{second}")
                strongest = max(reason, second_reason, key=REASONS.index)
                yield TrueCaption(CaptionPhrases(name, relation, other), strongest, weight * closeness / 2)


def _iter_relations(evidence: PictureEvidence, region: Region) -> Iterator[tuple[Reason, str, NounPhrase, float]]:
    """Yield reason, predicate, landmark and weight of each relation of the region to another thing."""
    for predicate, other, several in evidence.contacts.get(region.id, ()):
        least = _MIN_LANDMARK_SHARE if predicate in PLACING else _MIN_HAD_SHARE
        if predicate in PLACING and not (_may_be_placed(evidence, region) and _may_be_placed(evidence, other)):
            continue
        if (
            is_hardly_seen(region, evidence.picture)
            or is_hardly_seen(other, evidence.picture)
            or not is_seen_beside(other.box, region.box, evidence.picture, least)
        ):
            continue
        phrase = name_several(other.category) if several else _name_other(evidence, region, other)
        yield "mask", predicate, phrase, 0.6 if predicate in _WEAK else 1.0
    thing = evidence.things[region.category]
    for annotated, other in evidence.picture.relations_by_subject.get(region.id, ()):
        normal, landmark = normalize_predicate(annotated), evidence.things[other.category]
        if normal is None or is_interchangeable(thing.name, landmark.name):
            continue
        verb = RelationPhrase(normal).verb
        if verb is None or (verb.accepts_subject(thing) and (not verb.landmarks or verb.accepts_landmark(landmark))):
            yield "annotated", normal, name_thing(other.category), 1.0
    if not _may_be_placed(evidence, region):
        return
    for direction, near, closeness in find_direction_relations(evidence, region):
        orders_one_kind = near.phrase.noun == thing.name
        yield "ordinal" if orders_one_kind else "direction", direction, near.phrase, closeness


def _name_other(evidence: PictureEvidence, region: Region, other: Region) -> NounPhrase:
    """The noun phrase for another thing: "another one" if it has the name of the region."""
    name = evidence.things[region.category].name
    return name_others(name, 1) if evidence.things[other.category].name == name else name_thing(other.category)


def _add_scene(evidence: PictureEvidence, region: Region, predicate: str, landmark: NounPhrase) -> CaptionPhrases:
    """The caption of a relation, with the scene of the picture if it has one that holds the region."""
    name, found = name_region(evidence, region), _find_scene(evidence, region)
    if found is None or found[1] == IN_A_PICTURE_OF or is_interchangeable(found[0].name, landmark.noun):
        return CaptionPhrases(name, RelationPhrase(predicate), landmark)
    scene, preposition = found
    if scene.holds_kinds and resolve_category(landmark.noun).kind not in scene.holds_kinds:
        return CaptionPhrases(name, RelationPhrase(predicate), landmark)  # "a train behind a person on railroad tracks"
    return CaptionPhrases(name, RelationPhrase(predicate, landmark, preposition), NounPhrase(scene.phrase, scene.name))


def _find_scene(evidence: PictureEvidence, region: Region) -> tuple[Scene, str] | None:
    """The scene of the picture and its preposition, as `find_scene` has it, if nothing denies it of the region.

    What a person holds is on no table, and nor is what the masks show apart from the tables of the picture.
    """
    found = find_scene(evidence.picture, region)
    if found is None:
        return None
    scene, preposition = found
    if _is_beside_guess(evidence, region, scene):
        return None
    if scene.side != "top":
        return found
    is_had = any(contact.predicate in _HAD for contact in evidence.contacts.get(region.id, ()))
    tops = evidence.find_meant_regions(scene.name)
    is_apart = bool(tops) and not may_hold(preposition, NounPhrase(scene.phrase, scene.name), evidence, region)
    return None if is_had or is_apart else found


def _is_beside_guess(evidence: PictureEvidence, region: Region, scene: Scene) -> bool:
    """Whether a region may be beside an outdoor scene that nobody states: a bench near traffic lights, on a terrace."""
    is_stated = bool(evidence.picture.captions or evidence.picture.scene)
    kind = evidence.things[region.category].kind
    return not is_stated and scene.side == "outdoor" and kind not in scene.lone_kinds


def _iter_in_scene(evidence: PictureEvidence, region: Region) -> Iterator[TrueCaption]:
    """Yield the caption that a region without rivals is in the picture's scene.

    Outdoors, only kinds that are in the scene wherever one sees them are said to be in it: a picture of a baseball
    field also shows what is beside the field.
    """
    found = _find_scene(evidence, region)
    if found is None or found[1] == IN_A_PICTURE_OF or evidence.list_rivals(region) or region.crowd:
        return
    if is_hardly_seen(region, evidence.picture):
        return
    is_large = region.box.area >= _MIN_LONE_SHARE * evidence.picture.width * evidence.picture.height
    if not is_large and not _is_mentioned(evidence, region):
        return
    if found[0].side == "outdoor" and evidence.things[region.category].kind not in found[0].lone_kinds:
        return
    scene, preposition = found
    reason: Reason = "human" if evidence.picture.captions else "annotated"
    phrases = CaptionPhrases(
        name_region(evidence, region), RelationPhrase(preposition), NounPhrase(scene.phrase, scene.name)
    )
    yield TrueCaption(phrases, reason, is_scene_only=True)


def _iter_positions(evidence: PictureEvidence, region: Region) -> Iterator[TrueCaption]:
    """Yield captions that say in which part of a picture of its scene the region is."""
    found = find_scene(evidence.picture, region)
    if found is None or found[0].side == "top" or found[1] == IN_A_PICTURE_OF:
        return
    if _is_beside_guess(evidence, region, found[0]):
        return
    scene, name = NounPhrase(found[0].phrase, found[0].name), name_region(evidence, region)
    for position in find_positions(region.box, evidence.picture):
        least = _MIN_CENTRAL_SHARE if position == "in the middle of" else _MIN_PLACED_SHARE
        if is_well_seen(region.box, evidence.picture, least) and not find_undenied(position, None, evidence, region):
            yield TrueCaption(CaptionPhrases(name, RelationPhrase(position, None, A_PICTURE_OF), scene), "position")


def name_region(evidence: PictureEvidence, region: Region) -> NounPhrase:
    """The noun phrase for the region, in the words of the source or of the captions.

    A phrase of the source counts if it is a noun of the category, alone or with a colour. A person without such a
    phrase is a man, a woman or a child if the captions agree and the picture has no other person.
    """
    thing = evidence.things[region.category]
    is_person = thing.name == "person"
    for text in region.phrases:
        noun = english.strip_article(text.lower())
        plain = without_colour(noun)
        if (plain in thing.words or (is_person and noun in read_person_nouns())) and not english.is_plural(noun):
            colour = noun.removesuffix(plain).strip()
            return NounPhrase(english.with_article(noun), plain, (colour,) if colour else ())
    if is_person and _is_only(evidence.picture, region):
        nouns = Counter(
            noun
            for caption in evidence.picture.captions
            for noun, synonyms in read_person_nouns().items()
            if has_noun(caption, synonyms)
        )
        if len(nouns) == 1 and nouns.total() >= _MIN_VOTES:
            noun = next(iter(nouns))
            return NounPhrase(english.with_article(noun), noun)
    return name_thing(region.category)


def _is_only(picture: Picture, region: Region) -> bool:
    """Whether the region is the only one of its category in the picture, and no crowd."""
    return len(picture.regions_by_category[region.category]) == 1 and not region.crowd
