"""Robustness probes: the queries of a SCaR task with perturbed prompts, at several levels of perturbation."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mmeb_eval.data.cases import ImageFinder, open_frame, read_box
from mmeb_eval.data.files import Row, TaskFiles
from mmeb_eval.data.images import read_image_header
from mmeb_eval.item import Prompt
from mmeb_eval.regions.perturb import Perturbation, Target, click_beside, jitter_box, paint_part, pick_other_box
from scar.annotations.masks import parse_mask
from scar.common.progress import Track, track_silently
from scar.errors import DataError
from scar.formats.reader import iter_rows
from scar.formats.row_frame import RowFrame
from scar.sample import Box, Mask


@dataclass(frozen=True, slots=True)
class Probe:
    """A kind of perturbation, at several levels.

    Attributes:
        name: name of the probe in results and in their file names.
        title: title in reports.
        unit: what the names of the levels measure, such as "pixels beside its box".
        kind: kind of its prompts, a key of `mmeb_eval.item.PROMPT_KINDS`. The text names the box to a model that takes
            no boxes.
        levels: name of each level, mostly its number -> its perturbation, the mildest first.
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
"""Probes by name. The level ``elsewhere`` is a control: a model that uses the box must score badly there."""


@dataclass(frozen=True, slots=True)
class PerturbedPrompts:
    """A task's prompts at one level of a probe.

    Attributes:
        probe: the probe.
        level: name of the level, a key of the probe's ``levels``.
        seed: seed of the perturbations.
        prompts: the perturbed prompt of each row, in the order of the data. It is None if the row allows none: for
            example, a row without a mask has no partial mask. Such a row is not scored at this level.
    """

    probe: Probe
    level: str
    seed: int
    prompts: tuple[Prompt | None, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """What a `Result` records as its setting ``probe``: name, level, seed, and the indices of rows left out.

        A row without a prompt is left out; indices start from 0 and count through all files of the task.
        """
        left_out = [number for number, prompt in enumerate(self.prompts) if prompt is None]
        return {"name": self.probe.name, "level": self.level, "seed": self.seed, "left_out": left_out}


def iter_perturbed_prompts(
    targets: Sequence[Target], probe: Probe, seed: int, track: Track = track_silently
) -> Iterator[PerturbedPrompts]:
    """Yield the perturbed prompts of each level of a probe; a level at which no row has a prompt is left out.

    The random generator of a row depends on the seed, the probe and the row's index; it is the same at all levels.

    Args:
        targets: the object of each row, as `read_targets` returns them.
        probe: the probe.
        seed: seed of the perturbations.
        track: shows progress over the rows.
    """
    name = zlib.crc32(probe.name.encode())
    for level, perturb in probe.levels.items():
        rows = track(enumerate(targets), f"{probe.title} {level}", len(targets))
        prompts = tuple(perturb(target, np.random.default_rng((seed, name, number))) for number, target in rows)
        if any(prompt is not None for prompt in prompts):
            yield PerturbedPrompts(probe, level, seed, prompts)


def read_targets(files: TaskFiles) -> list[Target]:
    """The object of each row of a SCaR task, in the order of the data; a box that reaches beyond its image is cut.

    Raises:
        DataError: the task's queries have no regions, an image cannot be opened, or no part of a box lies in its image.
        ScarError: the rows cannot be read, or a mask does not fit its image.
    """
    if files.task.benchmark != "SCaR":
        raise DataError(f"{files.task.name}: its queries have no regions; probes are for SCaR tasks.")
    find_image, frame = ImageFinder(files), open_frame(files)
    sizes: dict[str, tuple[int, int]] = {}
    boxes: dict[str, list[Box]] = defaultdict(list)
    rows = [(f"{path}, row {number}", row) for path in files.paths for number, row in enumerate(iter_rows(path))]
    without_others = []
    for where, row in rows:
        image = row["qry_image_path"]
        if image not in sizes:
            sizes[image] = read_image_header(find_image(where, "qry_image_path", image)).size
        size, box = sizes[image], read_box(where, row, frame)
        inside = box.intersection(Box(0, 0, *size))
        if not inside.area:
            raise DataError(f"{where}: bbox {box.xywh} has no area in its image of {size[0]} x {size[1]} pixels.")
        boxes[image].append(inside)
        without_others.append(Target(size, inside, _read_mask(row, size, frame, where)))
    return [
        Target(target.size, target.box, target.mask, tuple(boxes[row["qry_image_path"]]))
        for target, (_, row) in zip(without_others, rows, strict=True)
    ]


def _read_mask(row: Row, size: tuple[int, int], frame: RowFrame, where: str) -> Mask | None:
    """The mask of a row in the displayed frame; None if it has none. ``size`` is that of the displayed image."""
    value = row.get("segmentation")
    header = frame.find_turn(row["qry_image_path"], value and value["size"])
    if header is None:
        return parse_mask(value, *size, where)
    return parse_mask(value, *header.stored_size, where, header.orientation)
