"""Counts of words, elements and repetitions are those of a loop over samples."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from scar import Negative, Sample, audit
from scar.audit.tokenized_texts import split_words
from scar.audit.word_counts import WordCounts, normalize_caption
from scar.sample import PARTS
from tests.scar.audit.toy_corpus import ReadBlock, draw_sample, draw_samples, write_file


def test_counts_are_those_of_a_loop(read_block: ReadBlock) -> None:
    rng = Random(5)
    samples = [draw_sample(number, rng) for number in range(50)]
    counts = WordCounts()
    counts.add_rows(read_block(samples[:20]))
    counts.add_rows(read_block(samples[20:]))
    elements = counts.compare_elements()
    for part in PARTS:
        gold = [getattr(each.gold, part) for each in samples]
        swapped = [getattr(n.caption, part) for each in samples for n in each.negatives if n.part == part]
        assert elements[part]["gold"] == len(set(gold))
        never = sum(word not in gold for word in swapped) / len(swapped)
        assert elements[part]["never_gold"] == pytest.approx(never, abs=1e-4)
    texts = [negative.caption.text for each in samples for negative in each.negatives]
    assert counts.measure_repetition()["distinct_negatives"] == pytest.approx(len(set(texts)) / 450, abs=1e-4)
    for part in PARTS:
        own = [negative.caption.text for each in samples for negative in each.negatives if negative.part == part]
        assert counts.measure_repetition()["kinds"][part]["distinct"] == pytest.approx(len(set(own)) / 150, abs=1e-4)
        gold_words = {word for each in samples for word in each.gold.text.split()}
        negative_words = [word for text in own for word in text.split()]
        found = counts.compare_vocabulary()[part]
        assert found["words"] == len(set(negative_words))
        never = sum(word not in gold_words for word in negative_words) / len(negative_words)
        assert found["never_gold"] == pytest.approx(never, abs=1e-4)
    assert counts.compare_vocabulary()["gold"] == {"words": len(gold_words)}
    mean = sum(len(each.gold.text.split()) for each in samples) / 50
    assert counts.summarize_lengths()["gold"]["mean"] == pytest.approx(mean, abs=1e-3)


def test_counts_are_those_of_a_loop_where_some_elements_are_unknown(tmp_path: Path) -> None:
    samples = list(draw_samples(3, "eval", 0.6))
    write_file(tmp_path, samples, "eval")
    figures = audit(tmp_path)["sources"]["Toy/eval"]
    texts_by_kind = {"gold": [each.gold.text for each in samples]} | {
        part: [n.caption.text for each in samples for n in each.negatives if n.part == part] for part in PARTS
    }
    for kind, texts in texts_by_kind.items():
        lengths = Counter(len(split_words(text)) for text in texts)
        assert figures["lengths"][kind]["captions"] == {str(length): lengths[length] for length in sorted(lengths)}
        assert figures["vocabulary"][kind]["words"] == len({word for text in texts for word in split_words(text)})
    near: Counter[str] = Counter()
    for each in samples:
        normalized = [normalize_caption(text) for text in each.captions]
        pairs = zip(each.negatives, normalized[1:], strict=True)
        near.update(negative.part for negative, text in pairs if normalized.count(text) > 1)
    for part, found in figures["repetition"]["kinds"].items():
        assert found["distinct"] == round(len(set(texts_by_kind[part])) / len(texts_by_kind[part]), 4)
        assert found["near_duplicates"] == round(near[part] / len(texts_by_kind[part]), 4)
    golds = [each.gold.object for each in samples if each.gold.scene]
    assert figures["elements"]["object"]["gold"] == len(set(golds))


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("a fork on the table", "A fork on a table.", True),
        ("two forks on a table", "two fork on a table", True),
        ("a fork on a table", "a fork in a table", False),
    ],
)
def test_near_duplicates_differ_in_case_articles_punctuation_or_number(first: str, second: str, same: bool) -> None:
    assert (normalize_caption(first) == normalize_caption(second)) is same


def test_a_near_duplicate_of_the_gold_caption_is_counted(read_block: ReadBlock) -> None:
    sample = draw_sample(1, Random(0))
    near = Negative("scene", sample.gold.swap("scene", sample.gold.scene.replace("a ", "the ")))
    negatives = (near, *sample.negatives[1:])
    counts = WordCounts()
    counts.add_rows(read_block([Sample("", "", "eval", "", 1, sample.region, sample.gold, negatives)]))
    assert counts.measure_repetition()["near_duplicates"] == pytest.approx(1 / 9, abs=1e-4)
    shares = {part: kind["near_duplicates"] for part, kind in counts.measure_repetition()["kinds"].items()}
    assert shares == {"scene": pytest.approx(1 / 3, abs=1e-4), "relation": 0, "object": 0}
