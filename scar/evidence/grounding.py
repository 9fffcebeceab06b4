"""Ground what people wrote: which statements are about a region, as far as boxes and other captions show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from scar.evidence.contact import Contact
from scar.evidence.geometry import is_apart, measure_gaps
from scar.language.english import strip_article, to_plural
from scar.language.human_text import clean_text
from scar.language.inverse_statements import invert_statement
from scar.language.lexicon import is_confusable, is_related, read_colours, resolve_category
from scar.language.naming import can_mean, can_name, is_synonym, may_name
from scar.language.noun_phrase import NounPhrase
from scar.language.statements import Statement
from scar.language.syntax_tree import TABLE
from scar.sample import Box, Picture, Region

NO_CONTACTS: Mapping[int, tuple[Contact, ...]] = MappingProxyType({})

LARGEST_RATIO = 8
"""A region is by far the largest of those that a noun may name if its box has this many times the next one's area."""

AGREED_RATIO, MIN_SINGULAR = 3, 2
"""The same where so many other captions speak of one such thing, and none of several: all of them mean the largest."""

MIN_TOUCH_SHARE, MAX_APART_SHARE = 0.3, 0.1
"""Shares of the smaller box that lie in the other: at least so much for the one that touches a landmark, and at most so
much for each of the others."""

MAX_TOUCH_GAP = 0.03
"""Largest gap between two touching boxes, as a share of the picture's sides: annotated boxes are a little loose."""

MIN_HEIGHT_BEFORE_CROWD = 0.35
"""Least height of a region before a crowd, as a share of the picture's: a player before spectators is that tall."""

MIN_TOOL_SHARE = 0.02
"""Least area of a tool, relative to the largest of its kind: smaller ones are far away."""

FRAME_SHARE = 0.005
"""Share of the picture at its frame; an animal that reaches into it may be cut off, and no young one."""

AGE_RATIO = 2.0
"""Least ratio of the areas of a grown animal and a young one."""

MIN_AGREEING = 3
"""Least number of other captions that outweigh one that denies a statement."""

_CONTACT_PREPOSITIONS, _CONTACT_VERBS, _NEAR_PREPOSITIONS, _UNDER, _OVER = (
    frozenset(TABLE["grounding"][kind]) for kind in ("contact", "contact_verbs", "near", "under", "over")
)
_POSTURES: Mapping[str, frozenset[int]] = {
    verb: frozenset(number for number, verbs in enumerate(TABLE["grounding"]["postures"]) if verb in verbs)
    for verb in sorted({verb for verbs in TABLE["grounding"]["postures"] for verb in verbs})
}
_HAVING = frozenset({"holding", "carrying", "wearing", "riding", "on"})
"""What masks show of who has a thing; one is "on" skis."""

_TOOLS: Mapping[str, tuple[str, ...]] = {noun: tuple(things) for noun, things in TABLE["grounding"]["tools"].items()}
_YOUNG, _GROWN = frozenset(TABLE["grounding"]["young"]), frozenset(TABLE["grounding"]["grown"])
_OPPOSITES = frozenset(frozenset(pair) for pair in TABLE["grounding"]["opposites"])
_MALE, _FEMALE = frozenset(TABLE["words"]["male"]), frozenset(TABLE["words"]["female"])
_ADULTS, _CHILDREN = frozenset(TABLE["grounding"]["adults"]), frozenset(TABLE["grounding"]["children"])


def ground_statements(
    picture: Picture,
    region: Region,
    statements: Mapping[str, tuple[Statement, ...]],
    contacts: Mapping[int, tuple[Contact, ...]] = NO_CONTACTS,
) -> tuple[Statement, ...]:
    """Find the statements that are about a region and that boxes and other captions do not deny.

    A statement of one of the region's phrases is about it if the phrase begins with the statement's subject, and this
    is one thing that can be of the region's category. A statement of a caption is about it if its subject is one thing,
    and the region is the only one that could be meant, by far the largest, the only one that touches the landmark or
    has the tool of the subject, such as a tennis player's racket, or the smallest or largest animal where one is young.

    Args:
        picture: the picture of the region, with its captions.
        region: one of its regions.
        statements: the statements of each text; texts that it lacks say nothing.
        contacts: what the masks show of each region, by its id; see `scar.evidence.contact.find_contacts`.

    Returns:
        Statements with distinct texts: those of the region's phrases first, then those of captions, the ones that most
        captions support first. Empty for a crowd.
    """
    if region.crowd:
        return ()
    own = [
        statement
        for phrase in region.phrases
        for statement in _select_of_phrase(phrase, region, statements.get(phrase, ()))
        if _fits_boxes(picture, region, statement)
    ]
    captions = [statements.get(caption, ()) for caption in picture.captions]
    found: dict[str, Statement] = {statement.text: statement for statement in own}
    supported: list[tuple[int, Statement]] = []
    for number, said in enumerate(captions):
        others = [more for index, more in enumerate(captions) if index != number]
        for statement in (*said, *filter(None, map(invert_statement, said))):
            if _is_about(picture, region, statement, others, contacts) and _fits_boxes(picture, region, statement):
                supported.append((count_support(region, statement, others), statement))  # noqa: PERF401 - three loops
    supported.sort(key=lambda entry: -entry[0])  # stable: captions of equal support keep their order
    for _, statement in supported:
        found.setdefault(statement.text, statement)
    return tuple(found.values())


def _select_of_phrase(phrase: str, region: Region, said: Sequence[Statement]) -> Iterator[Statement]:
    """The statements of a region's own phrase about the thing that it begins with."""
    start = _strip(clean_text(phrase))
    for statement in said:
        is_first = start.startswith(_strip(statement.subject.text))
        if is_first and not statement.subject.plural and can_mean(statement.subject, region.category):
            yield statement


def _strip(phrase: str) -> str:
    return strip_article(phrase.lower()).replace("-", " ")


def _is_about(
    picture: Picture,
    region: Region,
    statement: Statement,
    others: Sequence[tuple[Statement, ...]],
    contacts: Mapping[int, tuple[Contact, ...]],
) -> bool:
    """Whether a statement of a caption means this region alone, and no other caption denies it."""
    subject = statement.subject
    if not _says_one(region, statement) or _is_denied(region, statement, others):
        return False
    rivals = [other for other in picture.regions if other.id != region.id and _may_mean(subject.noun, region, other)]
    if _is_told_by_age(picture, region, rivals, statement):
        return True
    if any(can_name(phrase.noun, region.category) for phrase in _list_landmarks(statement)):
        return False  # "a boat next to a ship": which one is it?
    if _touches_alone(picture, region, rivals, statement) or _has_alone(picture, region, rivals, statement, contacts):
        return True
    if any(rival.crowd for rival in rivals) and not _stands_out(picture, region, statement):
        return False
    if any(_says_several(region, other) for more in others for other in more):
        return False
    agreeing = sum(any(_says_one(region, other) for other in more) for more in others)
    ratio = AGREED_RATIO if agreeing >= MIN_SINGULAR else LARGEST_RATIO
    return all(region.box.area >= ratio * rival.box.area for rival in rivals if not rival.crowd)


def _stands_out(picture: Picture, region: Region, statement: Statement) -> bool:
    """Whether a statement of an action means a large region and not one of a crowd, such as the spectators."""
    return bool(statement.verb) and region.box.height >= MIN_HEIGHT_BEFORE_CROWD * picture.height


def _may_mean(noun: str, region: Region, other: Region) -> bool:
    """Whether a noun that can name a region may have been said of another one, such as "computer" of a monitor."""
    is_own = noun in resolve_category(region.category).words[:2]
    return may_name(noun, other.category) or (not is_own and is_confusable(noun, other.category))


def _list_links(statement: Statement) -> list[tuple[str, NounPhrase]]:
    """The noun phrases after the subject, each with the preposition before it."""
    last = (statement.preposition, statement.rest)
    return [last] if statement.landmark is None else [(statement.landmark_preposition, statement.landmark), last]


def _list_landmarks(statement: Statement) -> list[NounPhrase]:
    """The noun phrases after the subject."""
    return [phrase for _, phrase in _list_links(statement)]


def _says_several(region: Region, statement: Statement) -> bool:
    """Whether a caption speaks of several things of the region's category."""
    subject = statement.subject
    is_open = subject.text == subject.noun == to_plural(subject.noun)  # "sheep" may be one or several
    several = (subject.plural and not is_open) or subject.text.startswith("another ")
    return several and can_mean(subject, region.category)


def _says_one(region: Region, statement: Statement) -> bool:
    """Whether a caption speaks of one thing of the region's category."""
    subject = statement.subject
    is_one = not subject.plural and statement.count in (1, None) and not subject.text.startswith("another ")
    return is_one and can_mean(subject, region.category)


def _touches_alone(picture: Picture, region: Region, rivals: Sequence[Region], statement: Statement) -> bool:
    """Whether the statement says that its subject touches a landmark, and among its rivals only the region does."""
    preposition, first = _list_links(statement)[0]
    if not _says_contact(statement.verb, preposition):
        return False
    landmarks = _find_meant(picture, region, first)
    if len(landmarks) != 1:
        return False
    shares = [_share_touched(other.box, landmarks[0].box) for other in rivals if other.id != landmarks[0].id]
    touches = _share_touched(region.box, landmarks[0].box) >= MIN_TOUCH_SHARE
    return touches and all(share <= MAX_APART_SHARE for share in shares)


def _has_alone(
    picture: Picture,
    region: Region,
    rivals: Sequence[Region],
    statement: Statement,
    contacts: Mapping[int, tuple[Contact, ...]],
) -> bool:
    """Whether masks show that only the region holds, wears or rides what the statement names, or its subject's tool."""
    preposition, first = _list_links(statement)[0]
    tools = [other for other in picture.regions if other.category in _TOOLS.get(statement.subject.noun, ())]
    if not tools and _says_contact(statement.verb, preposition):
        tools = _find_meant(picture, region, first)
    least = MIN_TOOL_SHARE * max((tool.box.area for tool in tools), default=0)
    ids = {tool.id for tool in tools if tool.box.area >= least}

    def find_had(person: Region) -> set[int]:
        had = (contact for contact in contacts.get(person.id, ()) if contact.predicate in _HAVING)
        return {contact.landmark.id for contact in had} & ids

    return bool(ids) and find_had(region) == ids and not any(map(find_had, rivals))


def _is_told_by_age(picture: Picture, region: Region, rivals: Sequence[Region], statement: Statement) -> bool:
    """Whether a statement is about a young or a grown animal, and the region clearly is the smallest or largest one.

    "A baby elephant next to an adult elephant" is about the smaller of two.
    """
    if resolve_category(region.category).kind != "animal" or not rivals or any(rival.crowd for rival in rivals):
        return False
    is_young, is_grown = (not words.isdisjoint(statement.subject.text.lower().split()) for words in (_YOUNG, _GROWN))
    if is_young == is_grown:
        return False
    for phrase in _list_landmarks(statement):
        opposite = _GROWN if is_young else _YOUNG
        if can_name(phrase.noun, region.category) and opposite.isdisjoint(phrase.text.lower().split()):
            return False
    if is_young:
        box, x, y = region.box, FRAME_SHARE * picture.width, FRAME_SHARE * picture.height
        if box.x0 <= x or box.y0 <= y or box.x1 >= picture.width - x or box.y1 >= picture.height - y:
            return False
        return all(region.box.area * AGE_RATIO <= rival.box.area for rival in rivals)
    return all(region.box.area >= AGE_RATIO * rival.box.area for rival in rivals)


def _says_contact(verb: str, preposition: str) -> bool:
    """Whether a verb with its object, or a preposition, says that two things touch."""
    return preposition in _CONTACT_PREPOSITIONS if preposition else verb in _CONTACT_VERBS


def _find_meant(picture: Picture, region: Region, phrase: NounPhrase) -> list[Region]:
    """The other regions that a noun phrase can mean."""
    return [other for other in picture.regions if other.id != region.id and can_mean(phrase, other.category)]


def _share_touched(box: Box, other: Box) -> float:
    """Share of the smaller of two boxes that lies in the other."""
    smaller = min(box.area, other.area)
    return box.intersection_area(other) / smaller if smaller else 0.0


def _fits_boxes(picture: Picture, region: Region, statement: Statement) -> bool:
    """Whether the boxes of annotated landmarks allow a statement; what is not annotated allows everything."""
    for position, (preposition, phrase) in enumerate(_list_links(statement)):
        landmarks = _find_meant(picture, region, phrase)
        verb = statement.verb if position == 0 else ""
        if landmarks and not any(_allows(picture, region.box, verb, preposition, other.box) for other in landmarks):
            return False
    return True


def _allows(picture: Picture, box: Box, verb: str, preposition: str, other: Box) -> bool:
    """Whether two boxes may be in the relation of a verb or preposition."""
    if _says_contact(verb, preposition):
        return _is_close(picture, box, other)
    (_, y), (_, other_y) = box.center, other.center
    if preposition in _UNDER:
        return y > other_y
    if preposition in _OVER:
        return y < other_y
    if preposition.startswith("to the left"):
        return box.center[0] < other.center[0]
    if preposition.startswith("to the right"):
        return box.center[0] > other.center[0]
    return preposition not in _NEAR_PREPOSITIONS or not is_apart(box, other)


def _is_close(picture: Picture, box: Box, other: Box) -> bool:
    """Whether two boxes touch, up to a small gap."""
    gap_x, gap_y = measure_gaps(box, other)
    return gap_x <= MAX_TOUCH_GAP * picture.width and gap_y <= MAX_TOUCH_GAP * picture.height


def _is_denied(region: Region, statement: Statement, others: Sequence[tuple[Statement, ...]]) -> bool:
    """Whether other captions deny a statement; one caption may err where at least `MIN_AGREEING` agree with it."""
    denials = sum(any(_denies(region, other, statement) for other in more) for more in others)
    return denials > 1 or (denials == 1 and count_support(region, statement, others) < MIN_AGREEING)


def _denies(region: Region, other: Statement, statement: Statement) -> bool:
    """Whether another caption says of the same thing what cannot be true together with a statement."""
    mine, theirs = statement.subject, other.subject
    if theirs.plural or not can_mean(theirs, region.category):
        return False
    for kind, other_kind in ((_MALE, _FEMALE), (_ADULTS, _CHILDREN)):
        if (mine.noun in kind and theirs.noun in other_kind) or (mine.noun in other_kind and theirs.noun in kind):
            return True
    colours, other_colours = _find_colours(mine), _find_colours(theirs)
    if colours and other_colours and colours.isdisjoint(other_colours):
        return True
    posture, other_posture = _POSTURES.get(statement.verb), _POSTURES.get(other.verb)
    if posture and other_posture and posture.isdisjoint(other_posture):
        return True
    if any(_is_another(noun, other_noun) for noun in _list_supports(statement) for other_noun in _list_supports(other)):
        return True
    places = {phrase.noun: preposition for preposition, phrase in reversed(_list_links(other))}  # the first one counts
    return any(
        frozenset((preposition, places.get(phrase.noun))) in _OPPOSITES
        for preposition, phrase in _list_links(statement)
    )


def _list_supports(statement: Statement) -> list[str]:
    """The nouns of things that a statement says its subject touches."""
    preposition, phrase = _list_links(statement)[0]
    return [phrase.noun] if _says_contact(statement.verb, preposition) else []


def _is_another(noun: str, other: str) -> bool:
    """Whether two nouns are words for different things that people mistake for one another: skis and a snowboard."""
    return is_confusable(noun, other) and not is_related(noun, other) and not is_synonym(noun, other)


def _find_colours(phrase: NounPhrase) -> frozenset[str]:
    return frozenset(word.lower().replace("grey", "gray") for word in phrase.attributes).intersection(read_colours())


def count_support(region: Region, statement: Statement, others: Iterable[Sequence[Statement]]) -> int:
    """Number of captions, with these statements, that name one of a statement's other things of the same thing."""
    nouns = {phrase.noun for phrase in _list_landmarks(statement)}
    return sum(
        any(
            can_mean(other.subject, region.category)
            and not nouns.isdisjoint(phrase.noun for phrase in _list_landmarks(other))
            for other in more
        )
        for more in others
    )
