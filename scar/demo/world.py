"""The demo world as files: images and COCO-style annotations, the embedded default where no real data is at hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scar.common.files import replace_file
from scar.common.progress import Track, track_silently
from scar.demo.canvas import Canvas
from scar.demo.scenes import SCENES, DemoScene
from scar.demo.sentences import write_sentences
from scar.demo.shapes import COLOURS, SHAPES
from scar.demo.things import DrawnThing, arrange_things, iter_relations
from scar.errors import InputError
from scar.sample import SPLITS, Box, Mask, Split

PICTURE_SIZES_PX = ((320, 240), (256, 256), (240, 320))
"""Width and height in pixels that pictures come in."""

CATEGORIES = tuple(f"{colour} {shape}" for shape in SHAPES for colour in COLOURS)

_IDS_PER_IMAGE = 10
"""An annotation's id is its image's id times this plus its place in the image; so is a caption's."""


@dataclass(frozen=True, slots=True)
class DrawnPicture:
    """One drawn picture and what is true of it.

    Attributes:
        image: RGB.
        scene: where it is.
        things: from back to front.
        masks: (H, W) visible pixels of each thing.
        relations: (subject, predicate, object), positions in `things`.
        captions: sentences about the whole.
    """

    image: Image.Image
    scene: DemoScene
    things: tuple[DrawnThing, ...]
    masks: tuple[NDArray[np.bool_], ...]
    relations: tuple[tuple[int, str, int], ...]
    captions: tuple[str, ...]


def draw_picture(index: int, seed: int, split: Split) -> DrawnPicture:
    """Picture number `index`; it depends on nothing but the arguments."""
    rng = Random(f"{seed}/{split}/{index}")  # noqa: S311 - drawings, not secrets
    scene = SCENES[index % len(SCENES)]
    width, height = rng.choice(PICTURE_SIZES_PX)
    things = arrange_things(width, height, rng)

    canvas, labels = Canvas.make_blank(width, height), Canvas.make_blank(width, height, "L")
    scene.paint(canvas, rng)
    facts: list[tuple[int, str, int]] = []
    owner = np.asarray(labels.to_sampled_image())
    for place, thing in enumerate(things):
        thing.paint(canvas)
        thing.paint_label(labels, place + 1)
        before, owner = owner, np.asarray(labels.to_sampled_image())
        for behind in np.unique(before[(owner == place + 1) & (before > 0)]).tolist():
            facts += [(place, "in front of", behind - 1), (behind - 1, "behind", place)]
    masks = tuple(owner == place + 1 for place in range(len(things)))
    facts += iter_relations([_bounding_box(mask) for mask in masks])
    captions = write_sentences(scene, things, facts, rng)
    return DrawnPicture(canvas.to_smooth_image(), scene, tuple(things), masks, tuple(facts), captions)


def draw_world(folder: Path, images: int, seed: int, split: Split, *, track: Track = track_silently) -> None:
    """Draw pictures and write them with their annotations, in COCO's formats and two fields more.

    ``instances.json`` holds `images` (each with the label of its `scene`), `annotations` (visible pixels as RLE),
    `categories` and `relations` (facts between annotations); ``captions.json`` holds five sentences per image; the
    pictures are ``images/*.png``. Picture i is the same however many are asked for, and no picture is in both splits.

    Args:
        folder: where to write; made if it is not there.
        images: how many, at least one.
        seed: of everything that is drawn.
        split: train or eval; the two differ in every picture and every id.
        track: shows progress.

    Raises:
        InputError: fewer than one image.
    """
    if images < 1:
        raise InputError(f"demo: {images} images asked for; ask for at least 1.")
    (folder / "images").mkdir(parents=True, exist_ok=True)
    world: dict[str, list[dict[str, Any]]] = {"images": [], "annotations": [], "relations": []}
    captions: list[dict[str, Any]] = []
    for index in track(range(images), f"drawing {split}", images):
        drawing = draw_picture(index, seed, split)
        image_id = index * len(SPLITS) + SPLITS.index(split) + 1
        file = f"{split}_{image_id:06}.png"
        with replace_file(folder / "images" / file) as path:
            drawing.image.save(path, "PNG", compress_level=2)
        first = image_id * _IDS_PER_IMAGE
        world["images"].append(
            {
                "id": image_id,
                "file_name": file,
                "width": drawing.image.width,
                "height": drawing.image.height,
                "scene": drawing.scene.label,
            }
        )
        world["annotations"] += [
            _make_annotation(first + place, image_id, thing, mask)
            for place, (thing, mask) in enumerate(zip(drawing.things, drawing.masks, strict=True))
        ]
        world["relations"] += [
            {"image_id": image_id, "subject": first + subject, "predicate": predicate, "object": first + other}
            for subject, predicate, other in drawing.relations
        ]
        captions += [
            {"id": first + place, "image_id": image_id, "caption": caption}
            for place, caption in enumerate(drawing.captions)
        ]
    info = {"description": f"scar demo world, {split}, seed {seed}", "version": "1", "contributor": "scar"}
    categories = [
        {"id": number, "name": name, "supercategory": name.split()[1]}
        for number, name in enumerate(CATEGORIES, start=1)
    ]
    _write_json(folder / "instances.json", {"info": info, **world, "categories": categories})
    _write_json(folder / "captions.json", {"info": info, "images": world["images"], "annotations": captions})


def _make_annotation(number: int, image_id: int, thing: DrawnThing, mask: NDArray[np.bool_]) -> dict[str, Any]:
    rle = Mask.from_array(mask)
    return {
        "id": number,
        "image_id": image_id,
        "category_id": CATEGORIES.index(thing.name) + 1,
        "segmentation": {"size": list(rle.size), "counts": rle.counts},
        "bbox": list(_bounding_box(mask).xywh),
        "area": int(mask.sum()),
        "iscrowd": 0,
    }


def _bounding_box(mask: NDArray[np.bool_]) -> Box:
    """The smallest box around a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)).tolist(), np.flatnonzero(mask.any(axis=0)).tolist()
    return Box(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with replace_file(path) as unfinished:
        unfinished.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
