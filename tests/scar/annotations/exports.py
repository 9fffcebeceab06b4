"""One tiny set of boxes, as COCO, CVAT, Label Studio, LabelMe, YOLO, VOC, CreateML and VIA write it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 400, 250
NAMES = ("person", "dog", "bench", "car", "kite", "cow")
SCENES = ("a park", "the beach", "a field", "a street")


@dataclass(frozen=True)
class TinySet:
    """Images with three boxes each: file name -> name and x, y, width, height of each box."""

    images: Path
    captions: Path
    boxes: dict[str, list[tuple[str, tuple[int, int, int, int]]]]


def draw_tiny_set(folder: Path, count: int = 12) -> TinySet:
    """Draw the images into ``folder``, and write their captions by file name."""
    images = folder / "images"
    images.mkdir(parents=True)
    boxes, captions = {}, []
    for number in range(count):
        file = f"photo_{number:02}.png"
        names = [NAMES[(number + place * 2 + number // 6) % len(NAMES)] for place in range(3)]
        boxes[file] = [
            (name, (20 + 130 * place, 30 + 4 * (number % 9), 90, 100 + 2 * place)) for place, name in enumerate(names)
        ]
        picture = Image.new("RGB", (WIDTH, HEIGHT), (17 * number % 256, 90 + 7 * number, 160))
        for place, (_, (x, y, w, h)) in enumerate(boxes[file]):
            colour = (40 * place, 255 - 20 * number, 9 * number)
            ImageDraw.Draw(picture).rectangle((x, y, x + w - 1, y + h - 1), colour)
        picture.save(images / file)
        captions.append({"image": file, "caption": f"A {names[0]} and a {names[1]} in {SCENES[number % 4]}."})
    path = folder / "captions.json"
    path.write_text(json.dumps(captions))
    return TinySet(images, path, boxes)


def _write_coco(
    path: Path, tiny: TinySet, make_name: Callable[[str], str], extra: Callable[[int], dict[str, Any]]
) -> Path:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (file, things) in enumerate(tiny.boxes.items(), start=1):
        images.append({"id": number, "file_name": make_name(file), "width": WIDTH, "height": HEIGHT})
        for name, box in things:
            category = 1 + NAMES.index(name)
            record = {"id": len(annotations) + 1, "image_id": number, "category_id": category, "bbox": list(box)}
            annotations.append(record | extra(box[2] * box[3]))
    categories = [{"id": number, "name": name, "supercategory": ""} for number, name in enumerate(NAMES, start=1)]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


def write_coco(folder: Path, tiny: TinySet) -> Path:
    """A plain instances JSON."""
    return _write_coco(folder / "coco.json", tiny, str, lambda area: {"area": area, "iscrowd": 0})


def write_cvat(folder: Path, tiny: TinySet) -> Path:
    """CVAT's COCO 1.0: floats, empty segmentations, attributes, sizes and dates that say nothing."""
    path = _write_coco(
        folder / "cvat.json",
        tiny,
        str,
        lambda area: {
            "segmentation": [],
            "area": float(area),
            "iscrowd": 0,
            "attributes": {"occluded": False, "rotation": 0.0},
        },
    )
    content = json.loads(path.read_text())
    content["licenses"], content["info"] = [{"name": "", "id": 0, "url": ""}], {"contributor": "", "year": ""}
    for image in content["images"]:
        image |= {"license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0}
    for annotation in content["annotations"]:
        annotation["bbox"] = list(map(float, annotation["bbox"]))
    path.write_text(json.dumps(content))
    return path


def write_label_studio(folder: Path, tiny: TinySet) -> Path:
    """Label Studio's COCO: ids from 0, folders with backslashes, its own prefix of uploads, ignore."""
    path = _write_coco(
        folder / "label_studio.json",
        tiny,
        lambda file: f"images\\{file}",
        lambda area: {"segmentation": [], "ignore": 0, "iscrowd": 0, "area": area},
    )
    content = json.loads(path.read_text())
    for kind in ("images", "annotations", "categories"):
        for record in content[kind]:
            record |= {key: record[key] - 1 for key in ("id", "image_id", "category_id") if key in record}
    path.write_text(json.dumps(content))
    return path


def write_labelme(folder: Path, tiny: TinySet) -> Path:
    """A folder of LabelMe's JSON files with rectangles."""
    out = folder / "labelme"
    out.mkdir()
    for file, things in tiny.boxes.items():
        shapes: list[dict[str, Any]] = [
            {
                "label": name,
                "points": [[x + w, y], [x, y + h]],
                "group_id": None,
                "shape_type": "rectangle",
                "flags": {},
            }
            for name, (x, y, w, h) in things
        ]
        content: dict[str, Any] = {
            "version": "5.4.1",
            "flags": {},
            "shapes": shapes,
            "imagePath": f"..\\images\\{file}",
        }
        content |= {"imageData": None, "imageHeight": HEIGHT, "imageWidth": WIDTH}
        (out / file).with_suffix(".json").write_text(json.dumps(content))
    return out


def write_yolo(folder: Path, tiny: TinySet) -> Path:
    """A folder of YOLO's label files, and data.yaml above it."""
    out = folder / "yolo" / "labels"
    out.mkdir(parents=True)
    (folder / "yolo" / "data.yaml").write_text(f"nc: {len(NAMES)}\nnames: {list(NAMES)}\n")
    for file, things in tiny.boxes.items():
        lines = [
            f"{NAMES.index(name)} {(x + w / 2) / WIDTH:.6f} {(y + h / 2) / HEIGHT:.6f} {w / WIDTH:.6f} {h / HEIGHT:.6f}"
            for name, (x, y, w, h) in things
        ]
        (out / file).with_suffix(".txt").write_text("\n".join(lines) + "\n")
    return out


def write_voc(folder: Path, tiny: TinySet) -> Path:
    """A folder of VOC's XML files."""
    out = folder / "voc"
    out.mkdir()
    for file, things in tiny.boxes.items():
        objects = "".join(
            f"<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>{x}</xmin><ymin>{y}</ymin>"
            f"<xmax>{x + w}</xmax><ymax>{y + h}</ymax></bndbox></object>"
            for name, (x, y, w, h) in things
        )
        size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"
        text = f"<annotation><folder>images</folder><filename>{file}</filename>{size}{objects}</annotation>"
        (out / file).with_suffix(".xml").write_text(text)
    return out


def write_label_studio_json(folder: Path, tiny: TinySet) -> Path:
    """Label Studio's own JSON: boxes in percent, uploads with a prefix, a second annotator and a cancelled one."""
    tasks: list[dict[str, Any]] = []
    for number, (file, things) in enumerate(tiny.boxes.items(), start=1):
        result = [
            {
                "id": f"r{number}_{place}",
                "type": "rectanglelabels",
                "original_width": WIDTH,
                "original_height": HEIGHT,
                "value": {
                    "x": 100 * x / WIDTH,
                    "y": 100 * y / HEIGHT,
                    "width": 100 * w / WIDTH,
                    "height": 100 * h / HEIGHT,
                    "rotation": 0,
                    "rectanglelabels": [name],
                },
            }
            for place, (name, (x, y, w, h)) in enumerate(things)
        ]
        done = [{"was_cancelled": True, "result": result[:1]}, {"was_cancelled": False, "result": result}]
        image = f"/data/upload/1/0a1b2c{number:02}-{file}"
        tasks.append({"id": number, "annotations": done, "data": {"image": image}, "meta": {}})
    path = folder / "tasks.json"
    path.write_text(json.dumps(tasks))
    return path


def write_createml(folder: Path, tiny: TinySet) -> Path:
    """CreateML's JSON: the center and the sides of boxes in pixels."""
    path = folder / "createml.json"
    content = [
        {
            "image": file,
            "annotations": [
                {"label": name, "coordinates": {"x": x + w / 2, "y": y + h / 2, "width": w, "height": h}}
                for name, (x, y, w, h) in things
            ],
        }
        for file, things in tiny.boxes.items()
    ]
    path.write_text(json.dumps(content))
    return path


def write_via(folder: Path, tiny: TinySet) -> Path:
    """A project of VIA 2."""
    path = folder / "via.json"
    images = {
        f"{file}123": {
            "filename": file,
            "size": 123,
            "regions": [
                {
                    "shape_attributes": {"name": "rect", "x": x, "y": y, "width": w, "height": h},
                    "region_attributes": {"occluded": "no", "class": name},
                }
                for name, (x, y, w, h) in things
            ],
            "file_attributes": {},
        }
        for file, things in tiny.boxes.items()
    }
    path.write_text(json.dumps({"_via_settings": {}, "_via_img_metadata": images, "_via_attributes": {}}))
    return path


EXPORTS = {
    "coco": write_coco,
    "cvat": write_cvat,
    "label_studio": write_label_studio,
    "labelme": write_labelme,
    "yolo": write_yolo,
    "voc": write_voc,
    "label_studio_json": write_label_studio_json,
    "createml": write_createml,
    "via": write_via,
}
