"""Texts that a parser misreads, in words that it reads right: names that look like clauses, verbs like plurals."""

from __future__ import annotations

from dataclasses import dataclass

from scar.language import english
from scar.language.parsed_noun_phrase import find_misread_names
from scar.language.parsed_verb import find_bases
from scar.language.parser import Parse
from scar.language.syntax_tree import Tree

_PLACEHOLDERS = ("statue", "lamp", "bottle")
"""Nouns that a parser always reads as nouns; one of them that a text lacks stands for a misread name."""


@dataclass(frozen=True, slots=True)
class SecondReading:
    """A text that says the same as a misread one, to be parsed in its place.

    Attributes:
        text: the other text: "A statue in front of a tree" for "A fire hydrant in front of a tree".
        placeholder: the noun that stands for a name; empty if none does.
        name: the words of the name: ("fire", "hydrant").
    """

    text: str
    placeholder: str = ""
    name: tuple[str, ...] = ()

    def restore(self, parse: Parse) -> Parse:
        """Put the words of the name back into the parse of `text`, in the placeholder's place.

        The last word of the name is the noun, the others are its modifiers.
        """
        return _expand(parse, self.placeholder, self.name) if self.placeholder else parse


def find_second_reading(text: str, parse: Parse) -> SecondReading | None:
    """What to parse in the place of a text whose parse shows that it is misread; None if the parse may be right."""
    tree = Tree(parse)
    for start in find_misread_names(tree):
        name = parse.words[start : start + 2]
        placeholder = next((noun for noun in _PLACEHOLDERS if noun not in tree.words), "")
        if placeholder and text.count(" ".join(name)) == 1:
            return SecondReading(text.replace(" ".join(name), placeholder), placeholder, name)
    for index, word in enumerate(tree.words):
        if _is_misread_verb(tree, index):
            gerund = english.to_gerund(find_bases(word)[0])
            return SecondReading(" ".join((*parse.words[:index], "is", gerund, *parse.words[index + 1 :])))
    return None


def _is_misread_verb(tree: Tree, index: int) -> bool:
    """Whether a word is taken for a plural after "a", and may be a verb: "a white sheep grazes in a field"."""
    parse = tree.parse
    if parse.tags[index] != "NNS" or not any(tree.words[i] in ("a", "an") for i in tree.find_children(index, "det")):
        return False
    nouns = tree.find_children(index, "compound")
    follows = index + 1 < len(tree) and parse.tags[index + 1] in ("IN", "RP", "TO", "DT", "RB", "PRP$")
    return nouns[-1:] == [index - 1] and follows and bool(find_bases(tree.words[index]))


def _expand(parse: Parse, placeholder: str, name: tuple[str, ...]) -> Parse:
    """The parse with each placeholder replaced by the words of a name; the last one takes its dependencies."""
    extra = len(name) - 1
    places: list[int] = []  # of each old word, the new index
    for word in parse.words:
        places.append((places[-1] + 1 if places else 0) + (extra if word.lower() == placeholder else 0))
    words: list[str] = []
    lemmas: list[str] = []
    tags: list[str] = []
    deps: list[str] = []
    heads: list[int] = []
    for index, word in enumerate(parse.words):
        place, is_name = places[index], word.lower() == placeholder
        for part in name[:-1] if is_name else ():
            words.append(part)
            lemmas.append(part.lower())
            tags.append("NN")
            deps.append("compound")
            heads.append(place)
        words.append(name[-1] if is_name else word)
        lemmas.append(name[-1].lower() if is_name else parse.lemmas[index])
        tags.append(parse.tags[index])
        deps.append(parse.deps[index])
        heads.append(places[parse.heads[index]])
    return Parse(tuple(words), tuple(lemmas), tuple(tags), tuple(deps), tuple(heads))
