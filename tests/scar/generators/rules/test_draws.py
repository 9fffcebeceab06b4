"""The columns draw what the definition says, one by one, whatever else is in the batch."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from math import inf, log

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scar.generators.rules.caption_stats import CaptionStats
from scar.generators.rules.draws import draw_first, hash_texts, make_clocks
from scar.generators.rules.negatives import RESERVE, draw_swaps, find_record, make_blocks
from scar.sample import PARTS, Picture
from tests.scar.generators.rules.test_negatives import pictures
from tests.scar.generators.tasks import make_task, write_gold

MASK = (1 << 64) - 1


def mix(number: int) -> int:
    """SplitMix64's finaliser, on plain integers."""
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & MASK
    return number ^ (number >> 31)


def clock(record: str, word: str, weight: float) -> float:
    first, second = (
        int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") for text in (record, word)
    )
    return -log(((mix(mix(first) ^ second) >> 11) + 0.5) / 2**53) / weight if weight else inf


@given(
    st.lists(st.text(max_size=5), min_size=1, max_size=5),
    st.lists(st.text(max_size=5), min_size=1, max_size=9, unique=True),
    st.data(),
)
def test_draws_are_those_of_clocks_one_by_one(records: list[str], words: list[str], data: st.DataObject) -> None:
    shape = len(records), len(words)
    weights = np.array(
        data.draw(
            st.lists(st.sampled_from([0.0, 0.5, 1.0, 7.0]), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1])
        )
    ).reshape(shape)
    refused = np.array(data.draw(st.lists(st.booleans(), min_size=weights.size, max_size=weights.size))).reshape(shape)
    count = data.draw(st.integers(1, 5))
    drawn = draw_first(make_clocks(hash_texts(records), hash_texts(words), weights), refused, count)
    for row, record in enumerate(records):
        times = {
            column: clock(record, word, weights[row, column])
            for column, word in enumerate(words)
            if weights[row, column] and not refused[row, column]
        }
        expected = sorted(times, key=times.__getitem__)[:count]
        assert drawn[row].tolist() == expected + [-1] * (count - len(expected))


def test_weights_are_chances() -> None:
    records, words = hash_texts(map(str, range(20_000))), hash_texts(["a", "b", "c"])
    weights = np.broadcast_to(np.array([1.0, 2.0, 5.0]), (20_000, 3))
    first = draw_first(make_clocks(records, words, weights), np.zeros(weights.shape, bool), 1)[:, 0]
    assert np.allclose(np.bincount(first) / len(first), [1 / 8, 2 / 8, 5 / 8], atol=0.015)


@settings(max_examples=25, deadline=None)
@given(st.lists(pictures(), min_size=1, max_size=4))
def test_swaps_are_those_of_clocks_one_by_one(several: list[Picture]) -> None:
    tasks = [make_task(picture, key=number) for number, picture in enumerate(several)]
    golds = [(task, found.phrases) for task in tasks if (found := write_gold(task)) is not None]
    if not golds:
        return
    stats = CaptionStats()
    swaps = draw_swaps(golds, make_blocks(golds, stats), stats, Counter())
    for row, (task, gold) in enumerate(golds):
        alone = make_blocks([(task, gold)], stats)
        for part in PARTS:
            block = alone[part]
            words = np.broadcast_to(block.words, block.weights.shape)
            record = int(hash_texts([find_record(task)])[0])
            times = {}
            for column in np.flatnonzero(block.weights[0]).tolist():
                if any(table[0, column] for table in block.refusals.values()):
                    continue
                number = (mix(mix(record) ^ int(words[0, column])) >> 11) + 0.5
                times[column] = -log(number / 2**53) / block.weights[0, column]
            first = sorted(times, key=times.__getitem__)[:RESERVE]
            texts = dict.fromkeys(gold.swap(part, block.make(0, column)).caption.text for column in first)
            assert [swap.caption.text for swap in swaps[part][row]] == list(texts)
