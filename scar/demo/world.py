"""Write the demo world as files: drawn pictures and COCO-style annotations, for users without data of their own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scar.common.files import replace_file, write_text
from scar.common.progress import Track, track_silently
from scar.demo.canvas import Canvas
from scar.demo.scenes import SCENES, DemoScene
from scar.demo.sentences import write_sentences
from scar.demo.shapes import COLOURS, SHAPES
from scar.demo.things import DrawnThing, arrange_things, iter_relations
from scar.errors import InputError
from scar.sample import SPLITS, Box, Mask, Split

PICTURE_SIZES_PX = ((320, 240), (256, 256), (240, 320))
"""(width, height) of pictures in pixels; each picture has one of these."""

CATEGORIES = tuple(f"{colour} {shape}" for shape in SHAPES for colour in COLOURS)

_IDS_PER_IMAGE = 10
"""The id of an annotation or caption is the id of the image times this number, plus the index in the image."""


@dataclass(frozen=True, slots=True)
class DrawnPicture:
    """A drawn picture and its annotations.

    Attributes:
        image: RGB image.
        scene: scene in the background.
        things: things of the picture, from back to front.
        masks: (H, W) visible pixels of each thing, rim included.
        relations: (subject, predicate, object); subject and object are indices in `things`.
        captions: sentences about the picture.
    """

    image: Image.Image
    scene: DemoScene
    things: tuple[DrawnThing, ...]
    masks: tuple[NDArray[np.bool_], ...]
    relations: tuple[tuple[int, str, int], ...]
    captions: tuple[str, ...]


def draw_picture(index: int, seed: int, split: Split) -> DrawnPicture:
    """Draw picture number ``index``, from 0, of a split; equal arguments give equal pictures."""
    rng = Random(f"{seed}/{split}/{index}")  # noqa: S311 - drawings, not secrets
    scene = SCENES[index % len(SCENES)]
    width, height = rng.choice(PICTURE_SIZES_PX)
    things = arrange_things(width, height, rng)

    canvas, labels = Canvas.make_blank(width, height), Canvas.make_blank(width, height, "L")
    scene.paint(canvas, rng)
    relations: list[tuple[int, str, int]] = []
    owner = np.asarray(labels.to_sampled_image())
    for label, thing in enumerate(things, start=1):
        thing.paint(canvas)
        thing.paint_label(labels, label)
        before, owner = owner, np.asarray(labels.to_sampled_image())
        for behind in np.unique(before[(owner == label) & (before > 0)]).tolist():
            relations += [(label - 1, "in front of", behind - 1), (behind - 1, "behind", label - 1)]
    masks = tuple(owner == label for label in range(1, len(things) + 1))
    relations += iter_relations([_bounding_box(mask) for mask in masks])
    captions = write_sentences(scene, things, relations, rng)
    return DrawnPicture(canvas.to_smooth_image(), scene, tuple(things), masks, tuple(relations), captions)


def draw_world(folder: Path, images: int, seed: int, split: Split, *, track: Track = track_silently) -> None:
    """Draw pictures and write them with annotations in COCO's formats.

    ``instances.json`` holds `images`, `annotations` (masks of the visible pixels as RLE) and `categories`, and two
    fields that COCO lacks: the `scene` of each image and the `relations` between annotations. ``captions.json`` holds
    five sentences for each image; the pictures are ``images/*.png``. A picture does not change when more are drawn.

    Args:
        folder: the folder to write into; made if missing.
        images: number of pictures, at least one.
        seed: seed of everything that is drawn.
        split: train or eval; the two splits share no picture and no id.
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
        picture = draw_picture(index, seed, split)
        image_id = index * len(SPLITS) + SPLITS.index(split) + 1
        file = f"{split}_{image_id:06}.png"
        with replace_file(folder / "images" / file) as path:
            picture.image.save(path, "PNG", compress_level=2)
        first = image_id * _IDS_PER_IMAGE
        world["images"].append(
            {
                "id": image_id,
                "file_name": file,
                "width": picture.image.width,
                "height": picture.image.height,
                "scene": picture.scene.label,
            }
        )
        world["annotations"] += [
            _make_annotation(number, image_id, thing, mask)
            for number, (thing, mask) in enumerate(zip(picture.things, picture.masks, strict=True), start=first)
        ]
        world["relations"] += [
            {"image_id": image_id, "subject": first + subject, "predicate": predicate, "object": first + other}
            for subject, predicate, other in picture.relations
        ]
        captions += [
            {"id": number, "image_id": image_id, "caption": caption}
            for number, caption in enumerate(picture.captions, start=first)
        ]
    info = {"description": f"scar demo world, {split}, seed {seed}", "version": "1", "contributor": "scar"}
    categories = [
        {"id": number, "name": name, "supercategory": name.split()[1]}
        for number, name in enumerate(CATEGORIES, start=1)
    ]
    instances = {"info": info, **world, "categories": categories}
    write_text(json.dumps(instances, separators=(",", ":")), folder / "instances.json")
    sentences = {"info": info, "images": world["images"], "annotations": captions}
    write_text(json.dumps(sentences, separators=(",", ":")), folder / "captions.json")


def _make_annotation(number: int, image_id: int, thing: DrawnThing, mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Make the annotation of a thing in COCO's format; ``number`` is the id of the annotation."""
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
    """The smallest box that contains all pixels of a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)).tolist(), np.flatnonzero(mask.any(axis=0)).tolist()
    return Box(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
