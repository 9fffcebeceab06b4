"""Weights of the features of candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, eq=False)
class FeatureWeights:
    """Logarithmic weights of features.

    Attributes:
        alone: weight of each feature.
        given: by feature and context, the weight of the feature where its gold has the context; 0 for all others.
        default: weight of a feature that is not in ``alone``.
        hard: weight of a hard candidate.
    """

    alone: Mapping[str, float] = field(default_factory=dict)
    given: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    default: float = 0.0
    hard: float = 0.0
