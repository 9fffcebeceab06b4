"""Every row once a pass, sources as often as their weights say, and a mixer that was stored goes on."""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from virtue_ref.training.mixing import Mixer


@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4), sub=st.integers(1, 5), many=st.integers(1, 3))
def test_one_pass_uses_every_row_once(sizes: list[int], sub: int, many: int) -> None:
    mixer = Mixer(sizes, [float(size) for size in sizes], sub * many, sub, seed=0, once=True)
    drawn: Counter[tuple[int, int]] = Counter()
    while batch := mixer.next_batch():
        assert len(batch) <= sub * many
        drawn.update(batch)
    assert drawn == Counter((source, row) for source, size in enumerate(sizes) for row in range(size))


def test_a_source_is_used_up_before_it_begins_anew() -> None:
    mixer = Mixer([7, 20], [1, 3], 8, 4, seed=1)
    drawn = [pick for _ in range(30) for pick in mixer.next_batch()]
    for source, size in ((0, 7), (1, 20)):
        rows = [row for where, row in drawn if where == source]
        for first in range(0, len(rows) - size, size):
            assert sorted(rows[first : first + size]) == list(range(size))
    counts = Counter(source for source, _ in drawn)
    assert abs(counts[1] / counts[0] - 3) < 0.1


def test_a_sub_batch_has_one_source() -> None:
    mixer = Mixer([50, 50, 50], [1, 2, 1], 16, 4, seed=0)
    for _ in range(20):
        batch = mixer.next_batch()
        assert all(len({source for source, _ in batch[first : first + 4]}) == 1 for first in range(0, 16, 4))


def test_a_stored_mixer_goes_on() -> None:
    one, other = (Mixer([13, 29], [1, 2], 6, 3, seed=5) for _ in range(2))
    for _ in range(9):
        one.next_batch()
    other.restore_state(json.loads(json.dumps(one.get_state())))
    assert [one.next_batch() for _ in range(20)] == [other.next_batch() for _ in range(20)]


def test_seeds_differ() -> None:
    assert Mixer([100], [1], 10, 10, seed=0).next_batch() != Mixer([100], [1], 10, 10, seed=1).next_batch()
