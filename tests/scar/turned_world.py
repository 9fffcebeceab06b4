"""The small annotated image set, photographed with a camera that was turned; and its upright twin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from scar.recipe import Frame
from scar.sample import Mask
from tests.conftest import World
from tests.scar.common.orientations import save_stored, turn_back, turn_back_mask

POLYGON = [10.5, 8.0, 70.25, 14.0, 40.0, 60.0, 12.0, 44.5]


def make_world(
    folder: Path, orientation: int = 1, frame: Frame = "displayed", size: tuple[int, int] = (120, 90)
) -> World:
    """A world of photographs without symmetry; by default the upright twin of all others.

    Args:
        folder: the folder to draw into.
        orientation: the EXIF orientation of the photographs.
        frame: the frame of sizes, boxes, polygons and masks.
        size: width and height of the displayed photographs.
    """
    world = World(folder)
    world.annotations[1]["segmentation"] = [POLYGON]
    world.annotations[2]["segmentation"] = make_rle(draw_disc(size))
    for number, image in enumerate(world.images):
        save_stored(draw_photograph(size, number), orientation, world.image_folder / image["file_name"])
        image["width"], image["height"] = size[::-1] if frame == "stored" and orientation > 4 else size
    if frame == "stored":
        for annotation in world.annotations:
            annotation["bbox"] = list(turn_back(annotation["bbox"], size, orientation))
            annotation["segmentation"] = turn_back_segmentation(annotation["segmentation"], size, orientation)
    world.write()
    return world


def turn_back_segmentation(segmentation: Any, size: tuple[int, int], orientation: int) -> Any:
    if isinstance(segmentation, dict):
        return make_rle(turn_back_mask(draw_disc(size), orientation))
    xy = segmentation[0]
    points = [turn_back((x, y, 0, 0), size, orientation)[:2] for x, y in zip(xy[0::2], xy[1::2], strict=True)]
    return [[value for point in points for value in point]]


def draw_photograph(size: tuple[int, int], seed: int) -> Image.Image:
    """Coarse noise, which no turn leaves alike."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC)


def draw_disc(size: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    disc: np.ndarray[Any, np.dtype[np.bool_]] = (x - 80) ** 2 + 2 * (y - 60) ** 2 < 400
    return disc


def make_rle(pixels: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, Any]:
    mask = Mask.from_array(pixels)
    return {"size": list(mask.size), "counts": mask.counts}


def publish_stored(twin: Path, out: Path, orientation: int) -> Path:
    """Write rows as a program that ignores EXIF does: images and regions as a camera stores them, no provenance.

    Args:
        twin: a corpus with upright images.
        out: the folder to write.
        orientation: the EXIF orientation of the images.
    """
    for path in sorted(twin.glob("SCaR-*/*.parquet")):
        table = pq.read_table(path)
        rows = table.to_pylist()
        for row in rows:
            with Image.open(twin / row["qry_image_path"]) as upright:
                target = out / row["qry_image_path"]
                target.parent.mkdir(parents=True, exist_ok=True)
                save_stored(upright, orientation, target)
                row["bbox"] = turn_back(row["bbox"], upright.size, orientation)
            mask = row["segmentation"]
            pixels = Mask(tuple(mask["size"]), mask["counts"]).to_array()
            row["segmentation"] = make_rle(turn_back_mask(pixels, orientation))
        target = out / path.relative_to(twin)
        target.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema.remove_metadata()), target)
    return out
