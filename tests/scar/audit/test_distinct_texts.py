"""Hashes count as many texts as a set of them."""

from __future__ import annotations

from random import Random

import numpy as np
import pyarrow as pa

from scar.audit.distinct_texts import DistinctTexts
from scar.audit.row_blocks import CodedTexts


def test_different_texts_are_counted_across_many_additions() -> None:
    rng = Random(5)
    several, seen = [DistinctTexts(), DistinctTexts()], [set[str](), set[str]()]
    for number in range(200):
        values = [str(rng.randrange(3000)) for _ in range(20)]
        several[number % 2].add_texts(CodedTexts.from_array(pa.array(values)), np.arange(len(set(values))))
        seen[number % 2] |= set(values)
    assert [len(each) for each in several] == [len(each) for each in seen]
    assert len(DistinctTexts.merge_all(several)) == len(seen[0] | seen[1])
