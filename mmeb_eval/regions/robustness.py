"""Robustness probes of SCaR: the same questions with prompts that are disturbed, level by level."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mmeb_eval.data.cases import ImageFinder, read_box
from mmeb_eval.data.files import TaskFiles
from mmeb_eval.data.images import read_image_size
from mmeb_eval.item import Prompt
from mmeb_eval.regions.perturb import Perturbation, Target, click_beside, jitter_box, paint_part, pick_other_box
from scar.annotations.masks import parse_mask
from scar.common.progress import Track, track_silently
from scar.errors import DataError
from scar.formats.reader import iter_rows
from scar.sample import Box


@dataclass(frozen=True, slots=True)
class Probe:
    """One way in which prompts go wrong.

    Attributes:
        name: stands in results and in their files' names.
        title: as reports show it.
        unit: of the levels.
        kind: of its prompts, one of `mmeb_eval.item.PROMPT_KINDS`; boxes are told in words where they are not seen.
        levels: what a level is called -> how strong it is, the mildest first.
    """

    name: str
    title: str
    unit: str
    kind: str
    levels: Mapping[str, Perturbation]


PROBES: Mapping[str, Probe] = {
    probe.name: probe
    for probe in (
        Probe(
            "box",
            "jittered box",
            "IoU with the right box",
            "box",
            {f"{iou:g}": partial(jitter_box, iou=iou) for iou in (0.9, 0.8, 0.7, 0.6, 0.5)}
            | {"elsewhere": pick_other_box},
        ),
        Probe(
            "click",
            "click off the thing",
            "pixels beside its box",
            "points",
            {f"{off:g}": partial(click_beside, off=off) for off in (0, 4, 8, 16, 32, 64)},
        ),
        Probe(
            "mask",
            "partial mask",
            "share of its pixels",
            "mask",
            {f"{share:g}": partial(paint_part, share=share) for share in (1, 0.75, 0.5, 0.25)},
        ),
    )
}
"""By name. The box that is elsewhere is the control: a model that looks where it is told does badly on it."""


@dataclass(frozen=True, slots=True)
class PerturbedPrompts:
    """A task's prompts at a level.

    Attributes:
        probe: see `PROBES`.
        level: one of the probe's.
        seed: of the draw.
        prompts: one a row of the data; None for rows that are not asked, as their things have no such prompt.
    """

    probe: Probe
    level: str
    seed: int
    prompts: tuple[Prompt | None, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """What a result says of it; ``left_out`` are numbers of rows, from 0."""
        left_out = [number for number, prompt in enumerate(self.prompts) if prompt is None]
        return {"name": self.probe.name, "level": self.level, "seed": self.seed, "left_out": left_out}


def iter_perturbed_prompts(
    targets: Sequence[Target], probe: Probe, seed: int, track: Track = track_silently
) -> Iterator[PerturbedPrompts]:
    """The prompts of each level that any row can be asked at; ``track`` shows how far a level is.

    What is drawn for a row depends on the seed, the probe and the row's number: it is one for all levels.
    """
    name = zlib.crc32(probe.name.encode())
    for level, disturb in probe.levels.items():
        rows = track(enumerate(targets), f"{probe.title} {level}", len(targets))
        prompts = tuple(disturb(target, np.random.default_rng((seed, name, number))) for number, target in rows)
        if any(prompt is not None for prompt in prompts):
            yield PerturbedPrompts(probe, level, seed, prompts)


def read_targets(files: TaskFiles) -> list[Target]:
    """What each row of a SCaR task is about.

    Raises:
        DataError: a task whose queries have no regions, an image that cannot be opened, or a box that is outside of it.
        ScarError: the rows cannot be read, or a mask is none of its image.
    """
    if files.task.query != "image+text+box":
        raise DataError(f"{files.task.name}: its queries have no regions; probes are for SCaR tasks.")
    locate = ImageFinder(files)
    sizes: dict[str, tuple[int, int]] = {}
    boxes: dict[str, list[Box]] = defaultdict(list)
    rows = [(f"{path}, row {number}", row) for path in files.paths for number, row in enumerate(iter_rows(path))]
    alone = []
    for place, row in rows:
        image = row["qry_image_path"]
        if image not in sizes:
            sizes[image] = read_image_size(locate(place, "qry_image_path", image))
        size, box = sizes[image], read_box(place, row)
        inside = box.intersection(Box(0, 0, *size))
        if not inside.area:
            raise DataError(f"{place}: bbox {box.xywh} has no area in its image of {size[0]} x {size[1]} pixels.")
        boxes[image].append(inside)
        alone.append(Target(size, inside, parse_mask(row.get("segmentation"), *size, place)))
    return [
        Target(target.size, target.box, target.mask, tuple(boxes[row["qry_image_path"]]))
        for target, (_, row) in zip(alone, rows, strict=True)
    ]
