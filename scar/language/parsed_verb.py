"""Verbs of a parsed text: who does them, and the form in which a caption says them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from scar.language import english, wordnet
from scar.language.parsed_noun_phrase import ParsedNounPhrase, has_limbs
from scar.language.syntax_tree import TABLE, Tree, find_nouns_above

_PARTICLES, _SKIPPED, _PARTICIPLES, _UNSEEN_VERBS, _SEEN_WITH_OBJECT, _VERBS_OF_THINGS = (
    frozenset(TABLE["words"][kind])
    for kind in ("particles", "skipped", "participles", "unseen_verbs", "seen_with_object", "verbs_of_things")
)


@dataclass(frozen=True, slots=True)
class ParsedVerb:
    """A verb of a parsed text.

    Attributes:
        form: its form in a caption: "sitting", "parked".
        lemma: its base form: "sit".
        index: index of the word.
    """

    form: str
    lemma: str
    index: int


def find_verbs(tree: Tree, subject: ParsedNounPhrase) -> Iterator[ParsedVerb]:
    """Yield the verbs of which the noun phrase is the subject, and whose action or state a picture can show."""
    parse, head = tree.parse, subject.head
    candidates = [child for child in tree.find_children(head, "acl", "relcl", "xcomp") if child >= subject.end]
    if parse.deps[head] in ("pobj", "dobj"):  # "a man in a tie smoking a pipe": who smokes?
        candidates = [child for child in candidates if _is_said_of(tree, child, head, subject.phrase.noun)]
    if parse.deps[head] in ("nsubj", "nsubjpass") and parse.heads[head] > head:
        candidates.append(parse.heads[head])
    for index in candidates:
        first = _read_verb(tree, index, parse.deps[index])
        clause = parse.deps[index] in ("acl", "relcl", "xcomp")
        finite = not clause and (parse.tags[index] in ("VBZ", "VBP") or tree.find_children(index, "aux", "auxpass"))
        if (second := _find_double(tree, index)) is not None:
            yield second
            continue
        if first is None or (not finite and skip_copula(tree, subject) != _first_of_verb(tree, index)):
            continue
        yield first
        for other in (
            tree.find_children(index, "conj") if not (clause and parse.deps[head] in ("pobj", "dobj")) else ()
        ):  # "standing and holding a bat"
            if parse.tags[other] == parse.tags[index] and not tree.find_children(other, "nsubj", "nsubjpass"):
                second = _read_verb(tree, other, "conj")
                if second is not None:
                    yield second


def _find_double(tree: Tree, index: int) -> ParsedVerb | None:
    """The participle right after a posture, which says more: "sitting parked at a station"."""
    after = index + 1
    if tree.words[index] not in ("sitting", "standing", "sits", "stands", "lying") or after >= len(tree):
        return None
    is_own = tree.parse.tags[after] == "VBN" and tree.parse.heads[after] == index
    return _read_verb(tree, after, "acl") if is_own else None


def _is_said_of(tree: Tree, clause: int, head: int, noun: str) -> bool:
    """Whether a clause surely belongs to the noun before it, and not to one named earlier."""
    if any(tree.words[child] in ("that", "which", "who") for child in tree.children[clause]):
        return True
    above = find_nouns_above(tree, head)
    if not above:
        return True
    if tree.parse.tags[clause] != "VBG":
        return False
    if not has_limbs(noun) and _find_base(tree.words[clause], tree.parse.lemmas[clause]) in _VERBS_OF_THINGS:
        return True
    return not any(map(has_limbs, above))


def _first_of_verb(tree: Tree, index: int) -> int:
    """Index of a verb or of its "being"."""
    return index - 1 if index and tree.words[index - 1] == "being" else index


def _read_verb(tree: Tree, index: int, dep: str) -> ParsedVerb | None:
    """A verb in the form in which captions say it; None if a picture does not show what it says."""
    parse, tag, form = tree.parse, tree.parse.tags[index], tree.words[index]
    helpers = [tree.words[child] for child in tree.find_children(index, "aux", "auxpass")]
    if tree.find_children(index, "neg") or any(word not in ("is", "are", "'s", "being", "be") for word in helpers):
        return None
    if "be" in helpers or any(tree.words[child] in ("not", "n't", "never", "about") for child in tree.children[index]):
        return None
    active = bool(tree.find_children(index, "dobj"))
    if tag == "VBG":
        lemma = _find_base(form, parse.lemmas[index])
        if lemma == "lay" and not active:
            form, lemma = "lying", "lie"
    elif tag in ("VBZ", "VBP") and dep != "acl":
        lemma = (
            next(iter(find_bases(form)), "") if tag == "VBZ" else parse.lemmas[index]
        )  # a parser has "rid" of "rides"
        if not lemma or (tag == "VBP" and form != lemma):
            return None
        if lemma == "lay" and not active:
            lemma = "lie"
        form = english.to_gerund(lemma)
    elif tag in ("VBN", "VBD") and not active:
        lemma = parse.lemmas[index]
        by_agent = index + 1 < len(tree) and tree.words[index + 1] == "by" and parse.heads[index + 1] == index
        if "being" in helpers:
            form = f"being {form}"
        elif form not in _PARTICIPLES and not (tag == "VBN" and by_agent and lemma not in _UNSEEN_VERBS):
            return None
        return ParsedVerb(form, lemma, index)
    else:
        return None
    is_unseen = lemma in _UNSEEN_VERBS and not (active and lemma in _SEEN_WITH_OBJECT)
    if is_unseen or "v" not in wordnet.find_parts_of_speech(lemma):
        return None
    return ParsedVerb(form, lemma, index)


def _find_base(form: str, lemma: str) -> str:
    """The base form of a verb in -ing, where the parser's may be wrong: "ride" of "riding", not "rid"."""
    stem = form.removesuffix("ing")
    for candidate in (f"{stem}e", lemma, stem, stem[:-1]):
        if candidate and english.to_gerund(candidate) == form and "v" in wordnet.find_parts_of_speech(candidate):
            return candidate
    return lemma


@lru_cache(maxsize=1 << 14)
def find_bases(form: str) -> tuple[str, ...]:
    """The base forms of the verbs whose third person (he rides) is this word.

    >>> find_bases("rides"), find_bases("carries"), find_bases("grass")
    (('ride',), ('carry',), ())
    """
    stems = (form.removesuffix("s"), form.removesuffix("es"), f"{form.removesuffix('ies')}y")
    known = (stem for stem in dict.fromkeys(stems) if "v" in wordnet.find_parts_of_speech(stem))
    return tuple(stem for stem in known if english.to_third_person(stem) == form)


def skip_copula(tree: Tree, subject: ParsedNounPhrase) -> int:
    """Index after a noun phrase and its "that is", "who are", "is", and after words that may be left out."""
    index = subject.end
    is_subject = tree.parse.deps[subject.head] in ("nsubj", "nsubjpass")
    if index < len(tree) and tree.words[index] in ("that", "who", "which"):
        index, is_subject = index + 1, True
    while index < len(tree):
        is_copula = tree.words[index] in ("is", "are", "'s") and is_subject
        if not is_copula and tree.words[index] not in _SKIPPED and not _is_manner(tree, index):
            break
        index += 1
    return index


def _is_manner(tree: Tree, index: int) -> bool:
    """Whether a word is an adverb such as "happily", which may be left out."""
    return tree.parse.tags[index] == "RB" and tree.words[index].endswith("ly")


def read_particle(tree: Tree, verb: ParsedVerb) -> tuple[str, int]:
    """The particle of a verb, such as "up", or ""; and the index after it, or after adverbs that may be left out."""
    index = verb.index + 1
    while index < len(tree) and (tree.words[index] in _SKIPPED or _is_manner(tree, index)):
        index += 1
    if index < len(tree) and tree.words[index] in _PARTICLES and tree.parse.deps[index] in ("prt", "advmod"):
        word, after = tree.words[index], index + 1
        if word == "upside":
            return ("upside down", after + 1) if after < len(tree) and tree.words[after] == "down" else ("", index)
        if word == "side" or (word in ("inside", "outside") and tree.words[after : after + 1] == ("of",)):
            return "", index
        return word, after
    return "", index
