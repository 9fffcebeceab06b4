"""Measure segmenters at the sizes of their published checkpoints; weights are random, on which no time depends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, cast

import torch
from torch import nn

from scar.errors import ConfigError
from virtue_ref.config import Config, SegmenterConfig
from virtue_ref.model.connector import STRIDE
from virtue_ref.model.prompts import FIRST_CORNER, SECOND_CORNER, PointPrompt
from virtue_ref.model.segmenters.segmenter import SEGMENTERS, make_segmenter

PUBLISHED_BY_CONFIG = {"sam2": "2b", "transformers": "2b", "edgetam": "qwen3-2b"}
"""Package -> built-in config with the size of its published checkpoint; of others, transformers' defaults have it."""


@dataclass(frozen=True, slots=True)
class SegmenterTiming:
    """Size and latency of a segmenter.

    Attributes:
        package: a key of `SEGMENTERS`.
        side: side of the input square in pixels.
        tokens: number of segment tokens of an item.
        parameters: number of weights.
        encode_ms: median time in milliseconds to encode an image; 0 if the segmenter cannot be made here.
        prompt_ms: median time in milliseconds to mix one box into an encoded image.
        problem: why the segmenter cannot be made here; empty if it can.
    """

    package: str
    side: int = 0
    tokens: int = 0
    parameters: int = 0
    encode_ms: float = 0
    prompt_ms: float = 0
    problem: str = ""


def measure_segmenters(
    repeat: int = 5, device: torch.device | None = None, models: Mapping[str, Mapping[str, Any]] | None = None
) -> Iterator[SegmenterTiming]:
    """Yield the `SegmenterTiming` of every segmenter in `SEGMENTERS`, or of those in `models`.

    Args:
        repeat: number of measured runs, at least 1, after one that is not measured.
        device: device of the weights; None is the CPU.
        models: package -> config of the segmenter; None takes the sizes of the published checkpoints.
    """
    given = {package: _read_published(package) for package in SEGMENTERS} if models is None else models
    for package, model in given.items():
        try:
            yield _measure_segmenter(SegmenterConfig(model, package=package), repeat, device or torch.device("cpu"))
        except ConfigError as error:  # a package that it needs is not installed
            yield SegmenterTiming(package, problem=str(error))


def _read_published(package: str) -> Mapping[str, Any]:
    if package not in PUBLISHED_BY_CONFIG:
        return {}
    segmenter = Config.read(PUBLISHED_BY_CONFIG[package]).segmenter
    return {} if segmenter is None else segmenter.model


@torch.inference_mode()
def _measure_segmenter(config: SegmenterConfig, repeat: int, device: torch.device) -> SegmenterTiming:
    segmenter = make_segmenter(config)
    module = cast(nn.Module, segmenter).to(device)
    side = segmenter.size
    square = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0)).to(device)
    box = PointPrompt(((side / 4, side / 4), (side / 2, side / 2)), (FIRST_CORNER, SECOND_CORNER))
    (map_,) = segmenter.encode(square)
    return SegmenterTiming(
        package=config.package,
        side=side,
        tokens=(segmenter.grid // STRIDE) ** 2,
        parameters=sum(weight.numel() for weight in module.parameters()),
        encode_ms=_measure_work(lambda: segmenter.encode(square), repeat),
        prompt_ms=_measure_work(lambda: segmenter.decode([map_], [box]), repeat),
    )


def _measure_work(work: Callable[[], torch.Tensor], repeat: int) -> float:
    """Median milliseconds of `repeat` runs after one that is not measured."""
    times_ms = []
    for _ in range(repeat + 1):
        start = time.perf_counter()
        work().cpu()  # waits for a GPU
        times_ms.append(1000 * (time.perf_counter() - start))
    return round(median(times_ms[1:]), 1)
