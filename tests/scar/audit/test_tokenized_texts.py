"""Words of many texts are those of each text."""

from __future__ import annotations

import numpy as np
import pytest

from scar.audit import tokenized_texts
from scar.audit.tokenized_texts import TokenizedTexts, split_words


def test_words_of_many_texts_are_those_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenized_texts, "TEXTS_PER_BLOCK", 2)
    texts = ["A cup, a T-shirt", "", "b\0c", "\n", "ΟΔΟΣ a", "x", "İ"]
    tokenized = TokenizedTexts(texts)
    ends = np.cumsum(tokenized.word_counts)
    words = [[tokenized.vocabulary[number] for number in ids] for ids in np.split(tokenized.word_ids, ends[:-1])]
    assert words == [split_words(text) for text in texts]
    assert list(tokenized) == texts
    assert tokenized.vocabulary == sorted(tokenized.vocabulary)
    ids, owners = tokenized.add_boundaries(tokenized.word_ids, -1)
    assert [len(each) for each in words] == [np.count_nonzero(ids[owners == row] >= 0) for row in range(len(texts))]
    assert TokenizedTexts.from_texts(tokenized) is tokenized
    assert len(TokenizedTexts([])) == 0
