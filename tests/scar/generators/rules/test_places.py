"""The gold caption gets any place among the ten, and the parts where none is possible are made up for."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from scar.generators.rules.places import EQUAL_WEIGHTS, choose_places, fit_count_weights
from scar.sample import PARTS

FREE = [True, False] * 4


@given(st.fixed_dictionaries({part: st.lists(st.booleans(), min_size=3, max_size=9) for part in PARTS}), st.text())
def test_three_different_ones_of_each_part_in_their_order(above: dict[str, list[bool]], seed: str) -> None:
    chosen = choose_places(above, {}, seed)  # type: ignore[arg-type]
    for part, indices in chosen.items():
        assert len(set(indices)) == 3
        assert indices == sorted(indices)
        for kind in (True, False):
            own = [index for index, is_above in enumerate(above[part]) if is_above is kind]
            kept = [index for index in indices if above[part][index] is kind]
            assert kept == own[: len(kept)], "the first that were drawn"


def test_every_place_is_as_frequent() -> None:
    places, counts = Counter[int](), Counter[int]()
    for seed in range(4000):
        chosen = choose_places(dict.fromkeys(PARTS, FREE), {}, str(seed))
        above = [sum(FREE[index] for index in indices) for indices in chosen.values()]
        places[sum(above)] += 1
        counts.update(above)
    assert max(abs(places[place] / 4000 - 0.1) for place in range(10)) < 0.02
    assert max(abs(counts[count] / 12_000 - 0.25) for count in range(4)) < 0.02


def test_golds_above_which_nothing_scores_are_made_up_for() -> None:
    several = [[False] * 6] * 20 + [FREE] * 80
    weights = fit_count_weights(several)
    counts = Counter[int]()
    for seed in range(4000):
        above = several[seed % 100]
        chosen = choose_places(dict.fromkeys(PARTS, above), dict.fromkeys(PARTS, weights), str(seed))
        counts.update(sum(above[index] for index in indices) for indices in chosen.values())
    assert max(abs(counts[count] / counts.total() - 0.25) for count in range(4)) < 0.03


def test_no_gold_leaves_the_weights_equal() -> None:
    assert fit_count_weights([]) == EQUAL_WEIGHTS
