"""Enough English to put nouns and verbs into captions: articles, plurals, verb forms."""

from __future__ import annotations

from functools import lru_cache

from scar.language import wordnet
from scar.language.word_tables import read_word_table

WORD_LISTS = read_word_table("english")
"""Words with special grammar, by kind; `english.toml` explains each kind."""

NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
"""The numbers of things that a caption may say, from 1 on."""

_PLURALS: dict[str, str] = WORD_LISTS["plurals"]
_SINGULARS = {plural: singular for singular, plural in _PLURALS.items()}
_MASS = frozenset(WORD_LISTS["mass"])
_LETTERS_SAID_WITH_A_VOWEL = "aefhilmnorsx"

_MIN_COMPOUND_END = 4
"""Least length of an irregular noun that ends a compound: "shelf" of "bookshelf", but not "ox" of "box"."""


def has_word(text: str) -> bool:
    """Whether a text has a letter or a digit, without which it names nothing.

    >>> has_word("3d"), has_word("_"), has_word("狗"), has_word("🐶")
    (True, False, True, False)
    """
    return any(character.isalnum() for character in text)


def indefinite_article(words: str) -> str:
    """The indefinite article before `words`, by sound.

    >>> indefinite_article("orange"), indefinite_article("hour"), indefinite_article("unicycle")
    ('an', 'an', 'a')
    >>> indefinite_article("LED lamp"), indefinite_article("ledge")
    ('an', 'a')
    """
    start = words.lower()
    if start.partition(" ")[0] in WORD_LISTS["acronyms"]:
        return "an" if start[0] in _LETTERS_SAID_WITH_A_VOWEL else "a"
    if start.startswith(tuple(WORD_LISTS["vowel"])):
        return "an"
    written = start.startswith(("a", "e", "i", "o", "u"))
    return "an" if written and not start.startswith(tuple(WORD_LISTS["consonant"])) else "a"


@lru_cache(maxsize=1 << 16)
def with_article(noun: str) -> str:
    """The noun with its article, if it takes one and has none yet.

    >>> with_article("orange"), with_article("scissors"), with_article("wild grass")
    ('an orange', 'a pair of scissors', 'wild grass')
    >>> with_article("trees"), with_article("the sky"), with_article("slice of bread")
    ('trees', 'the sky', 'a slice of bread')
    >>> with_article("sky"), with_article("cloudy sky")
    ('the sky', 'a cloudy sky')
    """
    words = noun.split()
    if not words or words[0].lower() in WORD_LISTS["phrase_openers"]:
        return noun
    return add_article(noun)


def add_article(noun: str) -> str:
    """The noun with its article, if it takes one. No word of it counts as an article: "one way sign"."""
    head = find_head(noun)
    if head.rpartition(" ")[2] in WORD_LISTS["pairs"]:
        return f"a pair of {noun}"
    if noun in WORD_LISTS["unique"]:
        return f"the {noun}"
    return noun if is_mass(head) or is_plural(head) else f"{indefinite_article(noun)} {noun}"


def find_head(noun: str) -> str:
    """The noun without "of" and what follows it; the words before the noun stay.

    >>> find_head("slice of bread"), find_head("chest of drawers"), find_head("wild grass")
    ('slice', 'chest', 'wild grass')
    """
    words = noun.split()
    return " ".join(words[: words.index("of")]) if "of" in words[1:] else noun


@lru_cache(maxsize=1 << 16)
def is_mass(noun: str) -> bool:
    """Whether the noun, or the end of it, is a mass noun, which takes neither an article nor a plural.

    >>> is_mass("tissue paper"), is_mass("stained glass"), is_mass("glass"), is_mass("newspaper")
    (True, True, False, False)
    """
    words = noun.lower().split()
    return any(" ".join(words[-count:]) in _MASS for count in range(1, min(len(words), 2) + 1))


@lru_cache(maxsize=1 << 16)
def strip_article(phrase: str) -> str:
    """The noun phrase without its article: the inverse of `with_article`.

    >>> strip_article("an orange"), strip_article("a pair of scissors"), strip_article("trees")
    ('orange', 'scissors', 'trees')
    """
    first, _, rest = phrase.partition(" ")
    return (rest if first in WORD_LISTS["phrase_openers"] and rest else phrase).removeprefix("pair of ")


@lru_cache(maxsize=1 << 16)
def is_plural(noun: str) -> bool:
    """Whether the noun is in the plural.

    >>> is_plural("street lights"), is_plural("bus"), is_plural("sheep"), is_plural("people")
    (True, False, False, True)
    >>> is_plural("menus"), is_plural("abdomen"), is_plural("firemen")
    (True, False, True)
    """
    head = next(reversed(find_head(noun.lower()).split()), "")
    if head in WORD_LISTS["plural_only"] or head in WORD_LISTS["pairs"]:
        return True
    if head in WORD_LISTS["singular"] or _find_irregular(head):
        return False
    if _find_irregular_singular(head):
        return True
    if head.endswith("men"):
        return wordnet.is_known(f"{head[:-3]}man") or not wordnet.is_known(head)
    if head.endswith(("us", "is")):  # "bus" is a noun, "menus" is none but the plural of one
        return wordnet.find_lemma(head) not in (head, None)
    if head.endswith(("os", "as", "ops")):  # "rhinoceros" is a noun, "photos" and "sofas" are plurals of one
        return wordnet.find_lemma(head) != head or wordnet.is_known(head[:-1])
    return head.endswith("s") and not head.endswith("ss")


@lru_cache(maxsize=1 << 16)
def to_plural(noun: str) -> str:
    """The noun with its last word, or the one before "of", in the plural; unchanged if plural or a mass noun.

    >>> to_plural("wine glass"), to_plural("knife"), to_plural("baby"), to_plural("skis"), to_plural("water")
    ('wine glasses', 'knives', 'babies', 'skis', 'water')
    >>> to_plural("bookshelf"), to_plural("chest of drawers"), to_plural("ottoman")
    ('bookshelves', 'chests of drawers', 'ottomans')
    """
    head = find_head(noun)
    *rest, last = head.split() or [""]
    if not last or is_mass(head) or is_plural(last):
        return noun
    if ending := _find_irregular(last):
        last = last.removesuffix(ending) + _PLURALS[ending]
    elif last.endswith("man"):
        last = f"{last[:-3]}men"
    elif last.endswith(("s", "x", "z", "ch", "sh")):
        last += "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = f"{last[:-1]}ies"
    else:
        last += "s"
    return " ".join([*rest, last]) + noun[len(head) :]


@lru_cache(maxsize=1 << 16)
def to_singular(noun: str) -> str:
    """The noun with its last word, or the one before "of", in the singular; unchanged if no plural or without singular.

    >>> to_singular("wine glasses"), to_singular("men"), to_singular("scissors"), to_singular("puppies")
    ('wine glass', 'man', 'scissors', 'puppy')
    >>> to_singular("bookshelves"), to_singular("chests of drawers"), to_singular("cattle")
    ('bookshelf', 'chest of drawers', 'cattle')
    """
    head = find_head(noun)
    *rest, last = head.split() or [""]
    if last in WORD_LISTS["pairs"] or last in WORD_LISTS["plural_only"] or is_mass(last) or not is_plural(last):
        return noun
    if singular := _find_irregular_singular(last):
        pass
    elif last.endswith("men"):
        singular = f"{last[:-3]}man"
    elif last.endswith("ies") and not wordnet.is_known(last[:-1]):
        singular = f"{last[:-3]}y"
    elif last.endswith(("ses", "xes", "zes", "ches", "shes")):
        stems = (last[:-1], last[:-2]) if last.endswith(("ases", "eses", "oses")) else (last[:-2], last[:-1])
        singular = max(stems, key=lambda stem: (wordnet.is_known(stem), wordnet.count_uses(stem)))
    else:
        singular = last[:-1]
    if not wordnet.is_known(singular) and wordnet.find_lemma(last) == last:  # "eaves" has no singular
        return noun
    return " ".join([*rest, singular]) + noun[len(head) :]


def _find_irregular(word: str) -> str:
    """The word's end that has an irregular plural, as "shelf" of "bookshelf"; empty if its plural is regular."""
    if word in _PLURALS:
        return word
    endings = (ending for ending in _PLURALS if len(ending) >= _MIN_COMPOUND_END and word.endswith(ending))
    return max(endings, key=len, default="") if len(word) > _MIN_COMPOUND_END else ""


def _find_irregular_singular(word: str) -> str:
    """The singular of a word in an irregular plural; empty if it is none."""
    if word in _SINGULARS:
        return _SINGULARS[word]
    ends = (end for end in _SINGULARS if _MIN_COMPOUND_END <= len(end) < len(word) and word.endswith(end))
    if word.endswith("s") and wordnet.is_known(word[:-1]):  # "olives" are no lives
        return ""
    if wordnet.find_lemma(word) != word and (end := max(ends, key=len, default="")):
        return word.removesuffix(end) + _SINGULARS[end]
    singular = wordnet.read_irregular_plurals().get(word, word)
    # "Dive" is rarely the plural of "diva".
    is_noun = wordnet.find_lemma(word) == word and wordnet.count_uses(word) > wordnet.count_uses(singular)
    return "" if is_noun or singular == word else singular


def to_gerund(verb: str) -> str:
    """The form of a verb in -ing; in a phrase, the first word changes.

    >>> to_gerund("ride"), to_gerund("sit"), to_gerund("lie"), to_gerund("lean over"), to_gerund("see")
    ('riding', 'sitting', 'lying', 'leaning over', 'seeing')
    """
    word, space, rest = verb.partition(" ")
    if word.endswith("ie"):
        word = f"{word[:-2]}y"
    elif word.endswith("e") and not word.endswith(("ee", "oe", "ye")):
        word = word[:-1]
    elif _doubles_last_letter(word):
        word += word[-1]
    return f"{word}ing{space}{rest}"


def to_third_person(verb: str) -> str:
    """The form of a verb after he, she or it; in a phrase, the first word changes.

    >>> to_third_person("ride"), to_third_person("catch"), to_third_person("fly"), to_third_person("play with")
    ('rides', 'catches', 'flies', 'plays with')
    """
    word, space, rest = verb.partition(" ")
    if word.endswith(("s", "x", "z", "ch", "sh", "o")):
        word += "es"
    elif word.endswith("y") and word[-2:-1] not in "aeiou":
        word = f"{word[:-1]}ies"
    else:
        word += "s"
    return f"{word}{space}{rest}"


def to_past_tense(verb: str) -> str:
    """The form of a verb in -ed, as of a regular verb; in a phrase, the first word changes.

    >>> to_past_tense("park"), to_past_tense("carry"), to_past_tense("lie"), to_past_tense("jog")
    ('parked', 'carried', 'lied', 'jogged')
    """
    word, space, rest = verb.partition(" ")
    if word.endswith("e"):
        word += "d"
    elif word.endswith("y") and word[-2:-1] not in "aeiou":
        word = f"{word[:-1]}ied"
    else:
        word += f"{word[-1]}ed" if _doubles_last_letter(word) else "ed"
    return f"{word}{space}{rest}"


def _doubles_last_letter(word: str) -> bool:
    """Whether -ing and -ed double the last letter: a word of one syllable ends in one vowel and one consonant."""
    vowels = [letter in "aeiou" for letter in word]
    return len(word) >= 3 and vowels[-3:] == [False, True, False] and sum(vowels) == 1 and word[-1] not in "wxy"
