"""Statements of parsed texts: "<thing> <relation> <rest>", such as "a black cat sitting on a table".

A statement is a piece of its sentence, word by word; only articles, "is" and "that is" change. What a picture does not
show, such as a wish, gives no statement, and nor does what tells neither a place nor an action. In doubt there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from scar.language.noun_phrase import NounPhrase
from scar.language.parsed_noun_phrase import ParsedNounPhrase, has_limbs, is_person, is_visible, read_noun_phrase
from scar.language.parsed_verb import ParsedVerb, find_verbs, read_particle, skip_copula
from scar.language.parser import Parse
from scar.language.syntax_tree import TABLE, Tree, is_below_other, is_specifier

_PREPOSITIONS = frozenset(TABLE["prepositions"])
_LONG_PREPOSITIONS = {
    tuple(word for word in phrase.split() if word not in ("a", "the")): phrase for phrase in TABLE["long_prepositions"]
}
_LONG_STARTS = frozenset(words[0] for words in _LONG_PREPOSITIONS)
_VERB_PREPOSITIONS = frozenset(TABLE["verb_prepositions"])
_VERB_LINKS = {preposition: frozenset(verbs) for preposition, verbs in TABLE["verb_links"].items()}
_MISSPELT, _NEEDS_PLACE, _MALE, _FEMALE = (
    frozenset(TABLE["words"][kind]) for kind in ("misspelt", "needs_place", "male", "female")
)
_MAX_LINKS = 2
"""Most noun phrases after the subject: more make a caption that nobody says."""

_PLAY = frozenset({"play"})
"""Verbs whose object may be a sport, which no picture shows as a thing: "playing tennis on a court"."""


class Statement(msgspec.Struct, frozen=True):
    """What a text says of a thing; a caption of it is the subject, `relation` and the rest.

    Attributes:
        subject: the thing that the statement is about.
        count: number of things that the subject means: 1 for "a man", 2 for "two men"; None if it is not said.
        predicate: the words between subject and landmark: "sitting on"; without a landmark, those before the
            preposition: "sitting". Empty if the preposition follows the subject at once.
        landmark: the other thing between predicate and preposition; None if there is none.
        preposition: the last preposition, before the rest: "in front of"; empty if the rest is a direct object.
        rest: the last noun phrase.
        verb: the verb's base form: "sit"; empty if there is none.
        landmark_preposition: the preposition before the landmark, with which the predicate ends; or empty.
    """

    subject: NounPhrase
    count: int | None
    predicate: str
    landmark: NounPhrase | None
    preposition: str
    rest: NounPhrase
    verb: str = ""
    landmark_preposition: str = ""

    @property
    def relation(self) -> str:
        """The words between subject and rest."""
        return " ".join(
            part for part in (self.predicate, self.landmark.text if self.landmark else "", self.preposition) if part
        )

    @property
    def text(self) -> str:
        """The whole statement."""
        return f"{self.subject.text} {self.relation} {self.rest.text}"


@dataclass(frozen=True, slots=True)
class _Link:
    """A preposition and the noun phrase after it; without a preposition, a direct object."""

    preposition: str
    noun: ParsedNounPhrase


def find_statements(parse: Parse) -> tuple[Statement, ...]:
    """All statements of a parsed text, in its order, without repetitions."""
    tree = Tree(parse)
    found: dict[Statement, None] = {}
    for index in range(len(tree)):
        if tree.is_noun(index):
            found.update(dict.fromkeys(_iter_statements(tree, index)))
    return tuple(found)


def _iter_statements(tree: Tree, head: int) -> Iterator[Statement]:
    """Iterate over the statements about the noun phrase with this head."""
    subject = read_noun_phrase(tree, head)
    if (
        subject is None
        or subject.possessive
        or subject.phrase.text.startswith("the ")
        or not is_visible(subject.phrase.noun)
        or is_specifier(tree, head)
    ):
        return
    if _is_half_of_pair(tree, subject):
        return
    if not is_below_other(tree, head):  # else what follows it may be said of the verb
        links = _read_links(tree, subject, None, skip_copula(tree, subject))
        yield from _make_statements(subject, None, "", links)
    for verb in find_verbs(tree, subject):
        particle, start = read_particle(tree, verb)
        links = _read_links(tree, subject, verb, start)
        yield from _make_statements(subject, verb, particle, links)


def _make_statements(
    subject: ParsedNounPhrase, verb: ParsedVerb | None, particle: str, links: list[_Link]
) -> Iterator[Statement]:
    """Statements with one and with two noun phrases after the subject."""
    action = " ".join(part for part in (verb.form if verb else "", particle) if part)
    for number in range(1, len(links) + 1):
        last, before = links[number - 1], links[number - 2] if number > 1 else None
        if not is_visible(last.noun.phrase.noun) or (before and not _may_stand_between(verb, before)):
            continue
        if verb and number == 1 and not last.preposition and verb.lemma in _NEEDS_PLACE:
            continue
        predicate = " ".join(part for part in (action, before.preposition if before else "") if part)
        yield Statement(
            subject=subject.phrase,
            count=subject.count,
            predicate=predicate,
            landmark=before.noun.phrase if before else None,
            preposition=last.preposition,
            rest=last.noun.phrase,
            verb=verb.lemma if verb else "",
            landmark_preposition=before.preposition if before else "",
        )


def _may_stand_between(verb: ParsedVerb | None, link: _Link) -> bool:
    if is_visible(link.noun.phrase.noun):
        return True
    return verb is not None and verb.lemma in _PLAY and not link.preposition


def _read_links(tree: Tree, subject: ParsedNounPhrase, verb: ParsedVerb | None, start: int) -> list[_Link]:
    """The noun phrases that follow one another from an index on, each with its preposition."""
    links: list[_Link] = []
    index = start
    while len(links) < _MAX_LINKS and index < len(tree):
        link = _read_link(tree, subject, verb, index, first=not links)
        if links and link is not None and link.noun.possessive and has_limbs(links[0].noun.phrase.noun):
            break  # "a man next to a dog with its ball": whose?
        if link is None or not _fits_possessive(subject, link.noun) or _is_cut_short(tree, link):
            break
        links.append(link)
        index = link.noun.end
    return links


def _is_cut_short(tree: Tree, link: _Link) -> bool:
    """Whether a noun phrase means little without what follows: "with a person in the background", "her leg out"."""
    after = link.noun.end
    if after >= len(tree):
        return False
    tag = tree.parse.tags[after]
    if link.noun.possessive and tag in ("RB", "RP", "VBG", "VBN", "JJ"):
        return True
    if link.preposition not in ("with", "along with"):
        return False
    follows = tree.words[after : after + 7]
    return tag in ("IN", "VBN", "JJ", "RB", "RP") or "it" in follows or "them" in follows


def _fits_possessive(subject: ParsedNounPhrase, noun: ParsedNounPhrase) -> bool:
    """Whether "his", "her", "its" or "their" may be the subject's."""
    word, subject_noun = noun.possessive, subject.phrase.noun
    if not word:
        return True
    if not has_limbs(subject_noun) or (word == "their") != subject.phrase.plural:
        return False
    if not is_person(subject_noun):
        return word in ("its", "their")
    sex = "his" if subject_noun in _MALE else "her" if subject_noun in _FEMALE else word
    return word in (sex, "their")


def _is_half_of_pair(tree: Tree, subject: ParsedNounPhrase) -> bool:
    """Whether a subject shares its article with another noun: "a man and woman", "bacon and pineapple"."""
    others = [other for other in tree.find_children(subject.head, "conj") if tree.is_noun(other)]
    if any(tree.leftmost(other) == other for other in others):
        return True
    is_bare = subject.start == subject.head and not subject.phrase.plural
    return tree.parse.deps[subject.head] == "conj" and is_bare


def _read_link(
    tree: Tree, subject: ParsedNounPhrase, verb: ParsedVerb | None, index: int, *, first: bool
) -> _Link | None:
    """The preposition and noun phrase at an index, or a direct object there."""
    if verb and first:
        for child in tree.find_children(verb.index, "dobj"):
            noun = read_noun_phrase(tree, child, is_played=verb.lemma in _PLAY)
            if noun is not None and noun.start == index and not tree.find_children(verb.index, "dative"):
                return _Link("", noun)
    preposition, after = _read_preposition(tree, index, verb if first else None)
    if not preposition or not _is_attached(tree, subject, index):
        return None
    for last in range(after - 1, index - 1, -1):
        for child in tree.find_children(last, "pobj"):
            noun = read_noun_phrase(tree, child)
            if noun is not None and noun.start == after and _suits(preposition, noun):
                return _Link(preposition, noun)
    return None


def _is_attached(tree: Tree, subject: ParsedNounPhrase, index: int) -> bool:
    """Whether a preposition belongs to a word of the statement so far, or to the verb of the sentence."""
    parse = tree.parse
    head = parse.heads[index]
    return subject.start <= head < index or head == index + 1


def _suits(preposition: str, noun: ParsedNounPhrase) -> bool:
    """Whether a preposition goes with a noun phrase: "between" needs several things."""
    if noun.phrase.text in _MISSPELT and preposition in ("on", "with", "wearing"):
        return False
    if preposition in ("between", "in between", "among", "amongst", "amidst"):
        return noun.phrase.plural
    return True


def _read_preposition(tree: Tree, index: int, verb: ParsedVerb | None) -> tuple[str, int]:
    """The preposition that begins at an index and the index after it; empty if there is none."""
    if tree.words[index] in _LONG_STARTS:
        words: list[str] = []
        best: tuple[str, int] = ("", index)
        for end in range(index, min(index + 6, len(tree))):
            if tree.words[end] in ("a", "the", "very") and end > index:
                continue
            words.append(tree.words[end])
            if (found := _LONG_PREPOSITIONS.get(tuple(words))) is not None:
                best = (found, end + 1)
        if best[0]:
            return best
    word = tree.words[index]
    if tree.parse.tags[index] not in ("IN", "RP", "TO", "RB"):
        return "", index
    if word in _PREPOSITIONS or (verb and word in _VERB_PREPOSITIONS and verb.lemma in _VERB_LINKS[word]):
        return word, index + 1
    return "", index
