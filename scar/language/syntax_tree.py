"""The dependencies of a parsed text, and where its noun phrases seem to begin and end."""

from __future__ import annotations

from scar.language import wordnet
from scar.language.parser import Parse
from scar.language.word_tables import read_word_table

TABLE = read_word_table("statements")
"""`statements.toml`: what is read from parsed texts."""

NOUN_TAGS = ("NN", "NNS", "NNP", "NNPS")

_NAMES_OF_PICTURES = frozenset(TABLE["words"]["names_of_pictures"])


class Tree:
    """A parse with the children of each word.

    Attributes:
        parse: the parse.
        words: the words in lower case.
        has_title_case: whether so many words begin with capitals that these say nothing.
        children: for each word, the indices of the words that depend on it directly.
    """

    def __init__(self, parse: Parse) -> None:
        self.parse = parse
        self.words = tuple([word.lower() for word in parse.words])
        capitals = sum(word[:1].isupper() for word in parse.words)
        self.has_title_case = capitals > max(2, 0.4 * len(parse.words))
        self.children: list[list[int]] = [[] for _ in parse.words]
        for index, head in enumerate(parse.heads):
            if head != index:
                self.children[head].append(index)

    def __len__(self) -> int:
        return len(self.words)

    def find_children(self, index: int, *deps: str) -> list[int]:
        """Indices of the children of a word that have one of these dependencies on it."""
        return [child for child in self.children[index] if self.parse.deps[child] in deps]

    def leftmost(self, index: int) -> int:
        """Index of the first of a word and the words that depend on it, at any distance."""
        return min([index, *(self.leftmost(child) for child in self.children[index] if child < index)])

    def is_noun(self, index: int) -> bool:
        """Whether the parser takes a word for a noun."""
        return self.parse.tags[index] in NOUN_TAGS


def begins_at(tree: Tree, start: int) -> bool:
    """Whether a noun phrase seems to begin at a word: at a determiner, or where no noun or adjective stands before."""
    if not start or tree.parse.tags[start] in ("DT", "PRP$"):
        return True
    doubtful = (*NOUN_TAGS, "JJ", "JJR", "JJS", "CD", "DT", "PRP$", "HYPH", "FW", "ADD")
    return tree.parse.tags[start - 1] not in doubtful and tree.words[start - 1] != "not"


_AFTER_NOUN = frozenset(
    [
        "IN",
        "TO",
        "CC",
        ",",
        ".",
        ":",
        "RB",
        "WDT",
        "WP",
        "WRB",
        "VBG",
        "VBN",
        "VBZ",
        "EX",
        "RP",
        "-LRB-",
        "-RRB-",
        "''",
        "``",
    ]
)
"""Tags of words that may follow a noun phrase; others make the parse doubtful: "a garbage" before "can"."""


def ends_at(tree: Tree, head: int, *, bare: bool) -> bool:
    """Whether a noun phrase seems to end with its head, by the word after it; ``bare`` if it has no other word."""
    after = head + 1
    if after >= len(tree):
        return True
    tag = tree.parse.tags[after]
    if tree.words[after] in ("'s", "'", "-", "/", "and/or"):
        return False
    if tag == "RB" and wordnet.is_known(tree.words[after]) and not wordnet.find_parts_of_speech(tree.words[after]):
        return False  # a noun that is taken for an adverb
    if tag in ("VBN", "VBD", "VBZ", "VBP") and not _is_verb(tree, after):  # "a fire" before "hydrant"
        return False
    if tag in ("VBD", "VBP"):  # its own verb
        own = tree.parse.heads[head] == after and tree.parse.deps[head].startswith("nsubj")
        return own or (tag == "VBD" and tree.parse.heads[after] == head)
    if tag in ("VBN", "VBD") and bare:  # "snow covered benches"
        return after + 1 < len(tree) and tree.parse.tags[after + 1] in ("IN", "TO", "RP")
    if tag == "JJ":
        return tree.words[after] in (
            "full",
            "asleep",
            "next",
            "close",
            "near",
            "visible",
            "high",
            "open",
            "inside",
            "outside",
        )
    return tag in _AFTER_NOUN


def _is_verb(tree: Tree, index: int) -> bool:
    """Whether English has a word that the parser takes for a verb as one."""
    word, lemma = tree.words[index], tree.parse.lemmas[index]
    stems = (lemma, f"{lemma}e", word, word.removesuffix("d"), word.removesuffix("ed"), word.removesuffix("s"))
    is_irregular = lemma != word and not word.endswith(("ed", "s"))
    return is_irregular or word == "'s" or any("v" in wordnet.find_parts_of_speech(stem) for stem in stems if stem)


def is_below_other(tree: Tree, index: int) -> bool:
    """Whether a noun is the object of a preposition other than "of" and "with", or of a verb, at any distance.

    What follows it may be said of another noun: in "elephants in a zoo behind a fence", what is behind the fence?
    """
    parse = tree.parse
    if parse.deps[index] == "pobj" and tree.words[parse.heads[index]] not in ("of", "with"):
        return True
    while parse.heads[index] != index and parse.deps[index] in ("pobj", "dobj", "prep", "conj", "agent", "pcomp"):
        index = parse.heads[index]
        if parse.tags[index].startswith("VB") and tree.words[index] not in ("is", "are", "has", "have"):
            return True
    return False


def find_nouns_above(tree: Tree, index: int) -> list[str]:
    """The nouns on which a word depends, at any distance, and the subjects of its verbs; no "photo" and the like."""
    found: list[int] = []
    while tree.parse.heads[index] != index:
        index = tree.parse.heads[index]
        found += [index] if tree.is_noun(index) else tree.find_children(index, "nsubj", "nsubjpass")
    return [tree.words[above] for above in found if tree.words[above] not in _NAMES_OF_PICTURES]


def is_specifier(tree: Tree, head: int) -> bool:
    """Whether a noun only specifies another, after "of", "as" or "like": "rice" in "a bowl of rice"."""
    above = tree.parse.heads[head]
    if tree.parse.deps[head] != "pobj" or tree.words[above] not in ("of", "as", "like"):
        return False
    return tree.words[tree.parse.heads[above]] not in _NAMES_OF_PICTURES
