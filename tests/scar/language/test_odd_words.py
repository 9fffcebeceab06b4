"""The language code takes every word: all lemmas of the noun table, real captions, and words that are none."""

from __future__ import annotations

import json

import pytest

from scar.language import english, lexicon, wordnet
from scar.language.build_wordnet_table import TABLES_FOLDER
from scar.language.caption_parser import (
    collect_words,
    find_named_scenes,
    find_stated_scenes,
    has_noun,
    tokenize_caption,
)
from scar.language.relation_phrase import RelationPhrase, find_form, normalize_predicate
from tests.shared import SHARED

CAPTIONS = SHARED / "data" / "coco-captions" / "captions_val2017.json"

ODD = [
    *("", " ", "\t\n", "_", "__ _", ",", ", ,", ",cat", "cat,", "!!!", "?", ".", "-", "--", "'", "'s", "\u2019"),
    *("1", "123", "3d", "Ⅻ", "½"),
    *("a", "an", "the", "of", "of of", "a of", "of a", "a pair of", "pair of", "couple of"),
    *("s", "es", "ies", "men", "man", "y", "ss", "ses", "Men", "MICE", "Mice", "Wolves", "SCISSORS", "oxen Oxen"),
    *("🐶", "🐶 🐱", "👩‍👩‍👧", "狗", "собака", "Straße", "İstanbul", "ﬁre", "é", "e\u0301", "naïve café"),
    *("\0", "\x1c", "\x85", "\ufeff", "\u200b", "\u2028", "\u00a0", "a\u00a0dog", "\ud800"),
    *("x" * 10_000, "dog " * 1_000, "a " * 1_000, "🐶" * 1_000, "men" * 1_000),
]


def use_as_noun(word: str) -> None:
    """Call everything that takes a noun or a category."""
    english.with_article(word)
    english.strip_article(word)
    english.to_plural(word)
    english.to_singular(word)
    wordnet.find_senses(word)
    wordnet.is_a(word, 15388)
    thing = lexicon.resolve_category(word)
    assert isinstance(thing.phrase, str)
    assert isinstance(thing.head + thing.modifier, str)
    lexicon.resolve_noun_phrase(word)
    lexicon.is_interchangeable(word, "dog")
    lexicon.is_interchangeable("dog", word)


def use_as_caption(text: str) -> None:
    """Call everything that takes a caption."""
    tokenize_caption(text)
    find_stated_scenes(text)
    find_named_scenes((text,))
    collect_words((text, text))
    has_noun(text, ("dog", "pizza"))


@pytest.mark.parametrize("word", ODD, ids=lambda word: ascii(word)[:30])
def test_a_word_that_is_no_word_raises_nothing(word: str) -> None:
    use_as_noun(word)
    use_as_caption(word)
    has_noun("a dog", (word, "dog"))
    wordnet.is_related(word, word)
    scene = lexicon.resolve_scene(word)
    assert isinstance(scene.phrase, str)
    assert scene.is_incompatible_with(lexicon.resolve_scene("kitchen")) in (True, False)
    RelationPhrase(word).verb  # noqa: B018 - it is looked up
    find_form(word)
    normalize_predicate(word)
    english.to_gerund(word)
    english.to_third_person(word)


@pytest.mark.parametrize("word", ["jersey", "guernsey", "trinity", "antihero", "fury", "titan", "blighty"])
def test_words_that_are_also_names_raise_nothing(word: str) -> None:
    use_as_noun(word)
    use_as_caption(f"A man in a {word} on a street.")


@pytest.mark.slow
def test_every_lemma_of_the_noun_table_raises_nothing() -> None:
    import pyarrow.parquet as pq

    lemmas = sorted(set(pq.read_table(TABLES_FOLDER / "nouns.parquet")["lemma"].to_pylist()))
    assert len(lemmas) > 100_000
    for lemma in lemmas:
        use_as_noun(lemma)


@pytest.mark.skipif(not CAPTIONS.exists(), reason="needs the captions of COCO in ../shared/data")
def test_every_real_caption_raises_nothing() -> None:
    captions = [each["caption"] for each in json.loads(CAPTIONS.read_text())["annotations"]]
    assert len(captions) == 24_460
    for caption in captions:
        use_as_caption(caption)
    for word in sorted({word for caption in captions for word in tokenize_caption(caption)}):
        use_as_noun(word)
