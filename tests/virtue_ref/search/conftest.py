"""Three drawn pictures with two boxes each, in COCO's form, and an index of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.virtue_ref.conftest import drawn
from virtue_ref.embedder import VirtueEmbedder
from virtue_ref.search.entries import Entries, read_entries
from virtue_ref.search.index import Index, build_index

BOXES = ((4.0, 4.0, 30.0, 40.0), (40.0, 20.0, 50.0, 30.0))
"""x, y, width and height."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three pictures, one of them in a folder below, and a note."""
    folder = tmp_path_factory.mktemp("search") / "photos"
    for seed, name in enumerate(("a.png", "b.png", "deep/c.jpg")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        drawn(96 + 8 * seed, 80, seed).save(folder / name)
    (folder / "note.txt").write_text("no image")
    return folder


@pytest.fixture(scope="module")
def instances(photos: Path) -> Path:
    """COCO annotations of the pictures."""
    images = [
        {"id": number, "file_name": name, "width": 96 + 8 * number, "height": 80}
        for number, name in enumerate(("a.png", "b.png", "deep/c.jpg"))
    ]
    annotations = [
        {"id": 10 * image + place, "image_id": image, "category_id": 1 + place, "bbox": list(box), "iscrowd": 0}
        for image in range(3)
        for place, box in enumerate(BOXES)
    ]
    content = {"images": images, "annotations": annotations}
    file = photos.parent / "instances.json"
    file.write_text(json.dumps(content | {"categories": [{"id": 1, "name": "cup"}, {"id": 2, "name": "dog"}]}))
    return file


@pytest.fixture(scope="module")
def regions(photos: Path, instances: Path) -> Entries:
    return read_entries(instances, photos)


@pytest.fixture(scope="module")
def built(tiny: VirtueEmbedder, regions: Entries, tmp_path_factory: pytest.TempPathFactory) -> Index:
    return build_index(tiny, regions, tmp_path_factory.mktemp("built") / "index")
