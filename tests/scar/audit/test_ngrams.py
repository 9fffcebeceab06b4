"""N-grams are those of a loop over words."""

from __future__ import annotations

from collections import Counter

from scar.audit.logistic import Features
from scar.audit.ngrams import NgramVocabulary
from scar.audit.tokenized_texts import split_words


def decode_row(vocabulary: NgramVocabulary, features: Features, row: int) -> set[str]:
    """The n-grams of a text."""
    return {vocabulary.decode_ngram(int(column)) for column in features.matrix[[row]].nonzero()[1]}


def test_ngrams_are_those_of_a_loop() -> None:
    texts = ["a cup on a table", "A cup, in a cup", "nothing", "", "a cup on a chair on a table"]
    vocabulary, features = NgramVocabulary.fit_texts(texts)
    bounded = [["^", *split_words(text), "$"] for text in texts]
    ngrams = [
        {" ".join(words[i : i + n]) for n in (1, 2, 3) for i in range(len(words) - n + 1)} - {"^", "$", "^ $"}
        for words in bounded
    ]
    counts = Counter(ngram for each in ngrams for ngram in each)
    for row, each in enumerate(ngrams):
        expected = {ngram for ngram in each if counts[ngram] > 1}
        assert decode_row(vocabulary, features, row) - {"^ $"} == expected
        assert decode_row(vocabulary, vocabulary.make_features(texts), row) - {"^ $"} == expected


def test_words_that_no_training_text_has_count_nothing() -> None:
    vocabulary, _ = NgramVocabulary.fit_texts(["a cup", "a cup"])
    features = vocabulary.make_features(["xyzzy", "a xyzzy cup"])
    assert decode_row(vocabulary, features, 0) == set()
    assert decode_row(vocabulary, features, 1) == {"a", "cup", "^ a", "cup $"}
