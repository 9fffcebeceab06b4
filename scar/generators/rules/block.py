"""Candidates for one part of the captions of a batch: weights, features and refusals as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np

from scar.generators.rules.draws import Bools, Floats, Hashes, Ints
from scar.generators.rules.feature_weights import FeatureWeights
from scar.generators.rules.features import Contexts
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import RelationPhrase

Refusals = Mapping[str, Bools]
"""(T, M) tables by the name of a veto: whether it refuses. Of several that refuse, the first in their order counts."""

_MIN_LOG_SHARE = -500.0
"""Least logarithm of a share of the largest weight: smaller ones are no numbers by which a clock can be divided."""


@dataclass(frozen=True, eq=False)
class CandidateBlock:
    """The candidates for one part of T golds, in M columns.

    Attributes:
        weights: (T, M) relative frequency of each candidate, before the weights of its features; 0 if it is none.
        words: (M,) or (T, M) hash of each candidate's words.
        feature_names: what a text-only model can learn about the part: its words and their roles.
        features: (T, M, F) indices in ``feature_names`` of the features of each candidate.
        gold_features: (T, F) those of the golds.
        contexts: what is given beside the part, which the features may go with.
        refusals: what each veto refuses.
        make: takes a row and a column; makes the part.
        hard: (T, M) whether a candidate is hard to tell from the true part without a look at the region; None if that
            counts for none.
    """

    weights: Floats
    words: Hashes
    feature_names: Sequence[str]
    features: Ints
    gold_features: Ints
    contexts: Contexts
    refusals: Refusals
    make: Callable[[int, int], NounPhrase | RelationPhrase]
    hard: Bools | None = None

    @cached_property
    def refused(self) -> Bools:
        """(T, M) whether any veto refuses a candidate."""
        return reduce(np.logical_or, self.refusals.values())

    @property
    def allowed_counts(self) -> Ints:
        """(T,) number of candidates that no veto refuses."""
        found: Ints = ((self.weights > 0) & ~self.refused).sum(axis=1)
        return found

    def weigh(self, weights: FeatureWeights) -> Floats:
        """(T, M) weights times those of the features, alone and in the contexts of their golds."""
        names, contexts = self.contexts
        alone = np.array([weights.alone.get(name, weights.default) for name in self.feature_names] or [0.0])
        columns = {context: column for column, context in enumerate(names)}
        given = np.zeros((len(names), len(self.feature_names)))
        for number, name in enumerate(self.feature_names):
            for context, value in weights.given.get(name, {}).items():
                if context in columns:
                    given[columns[context], number] = value
        logs = np.zeros_like(self.weights)
        for row, own in enumerate(contexts):
            values = alone + given[own].sum(axis=0)
            for numbers in self.features[row].T:
                logs[row] += values[numbers]
        if self.hard is not None:
            logs += weights.hard * self.hard
        is_open = (self.weights > 0) & ~self.refused
        most = logs.max(axis=1, keepdims=True, initial=-np.inf, where=is_open)
        most[np.isinf(most)] = 0  # vetoes refuse every candidate
        shares = np.exp(np.clip(logs - most, _MIN_LOG_SHARE, 0))
        found: Floats = np.where(self.weights > 0, self.weights * shares, 0)
        return found

    def count_refused(self, clocks: Floats, count: int) -> Counter[str]:
        """Count the candidates that each veto refused while ``count`` candidates were drawn for each gold.

        ``clocks`` are the (T, M) times by which they were drawn.
        """
        last = np.partition(np.where(self.refused, np.inf, clocks), count - 1, axis=1)[:, count - 1 : count]
        pending = (clocks < last) & (self.weights > 0)
        found = Counter[str]()
        for name, table in self.refusals.items():
            found[name] += int((pending & table).sum())
            pending &= ~table
        return found
