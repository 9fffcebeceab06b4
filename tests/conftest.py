"""A small annotated image set, drawn at test time, a generator that needs no language, and a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from random import Random
from typing import Any

import pytest

from scar import Caption, Negative, Recipe, Source, build
from scar.generators.generator import Generator, Gold, GoldOfTask, GoldTask, NineNegatives, Rejected
from scar.sample import PARTS, Reason

WIDTH, HEIGHT = 120, 90
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CATEGORIES = ("cup", "fork", "dog")


class World:
    """COCO-style files that a test may change before it writes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.categories: list[dict[str, Any]] = [
            {"id": number, "name": name} for number, name in enumerate(CATEGORIES, start=1)
        ]
        self.captions: list[dict[str, Any]] = []
        self.extras: dict[str, Any] = {}
        for image_id in (11, 7, 5):
            self.add_image(image_id)
            for place, (x, y, width, height) in enumerate(((4, 5, 30, 40), (50.25, 10, 40.5, 30), (60, 45, 55, 44))):
                self.add_annotation(image_id * 10 + place, image_id, 1 + place, (x, y, width, height))
            self.captions.append({"id": image_id, "image_id": image_id, "caption": "A cup, a fork and a dog."})

    @property
    def instances_file(self) -> Path:
        return self.folder / "instances.json"

    @property
    def captions_file(self) -> Path:
        return self.folder / "captions.json"

    @property
    def image_folder(self) -> Path:
        return self.folder / "images"

    def add_image(self, image_id: int, **changes: Any) -> None:
        """One more drawn image and its record."""
        from PIL import Image

        name = f"{image_id:06}.png"
        self.image_folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT), (image_id * 7 % 256, 90, 160)).save(self.image_folder / name)
        self.images.append({"id": image_id, "file_name": name, "width": WIDTH, "height": HEIGHT} | changes)

    def add_annotation(
        self, number: int, image_id: int, category: int, box: tuple[float, float, float, float], **changes: Any
    ) -> None:
        """One more record; its mask is the box as a polygon."""
        x, y, width, height = box
        corners = [x, y, x + width, y, x + width, y + height, x, y + height]
        self.annotations.append(
            {
                "id": number,
                "image_id": image_id,
                "category_id": category,
                "bbox": list(box),
                "iscrowd": 0,
                "segmentation": [corners],
            }
            | changes
        )

    def write(self) -> None:
        """The two JSON files."""
        content = {"images": self.images, "annotations": self.annotations, "categories": self.categories}
        self.instances_file.write_text(json.dumps(content | self.extras), encoding="utf-8")
        self.captions_file.write_text(json.dumps({"annotations": self.captions}), encoding="utf-8")

    def source(self, **changes: Any) -> Source:
        """The world as a source of a recipe."""
        fields: dict[str, Any] = {
            "name": "Toy",
            "split": "eval",
            "instances": self.instances_file,
            "captions": self.captions_file,
            "images": self.image_folder,
        }
        return Source(**(fields | changes))

    def options(self) -> list[str]:
        """The world as options of `scar build`."""
        return [
            *("--instances", str(self.instances_file)),
            *("--captions", str(self.captions_file)),
            *("--images", str(self.image_folder)),
            *("--name", "Toy"),
            *("--split", "eval"),
        ]


REASON_OF: dict[str, Reason] = {"cup": "human", "fork": "direction", "dog": "position"}
"""What the stand-in says is the evidence for the caption of a thing; of other things, masks."""


def _write_golds(tasks: Sequence[GoldTask]) -> list[Gold | Rejected]:
    return [
        Gold(
            Caption(
                f"the {task.region.category}",
                Random(f"{task.key}/gold").choice(("on", "beside")),
                f"table {task.evidence.picture.id}",
            ),
            REASON_OF.get(task.region.category, "mask"),
        )
        for task in tasks
    ]


def _write_negatives(golds: Sequence[GoldOfTask], veto_counts: Counter[str]) -> list[NineNegatives | Rejected]:
    found: list[NineNegatives | Rejected] = []
    for task, gold in golds:
        veto_counts["stand-in"] += 1
        texts = [f"{part} {Random(f'{task.key}/{part}').randrange(1000)}" for part in PARTS]
        found.append(
            tuple(
                Negative(part, gold.caption.swap(part, f"{text}{place}"))
                for part, text in zip(PARTS, texts, strict=True)
                for place in range(3)
            )
        )
    return found


STAND_IN = Generator("stand-in", "1", _write_golds, _write_negatives)
"""Ten distinct texts for every region, decided by the key of its task alone."""


@pytest.fixture
def stand_in() -> Generator:
    """A generator that writes for every region."""
    return STAND_IN


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Three images of three things each; call ``write`` after changing it."""
    return World(tmp_path / "world")


@pytest.fixture
def built(world: World, stand_in: Generator, tmp_path: Path) -> Path:
    """A folder with the world's eval and train rows."""
    world.write()
    recipe = Recipe(sources=(world.source(), world.source(split="train", licence="CC0-1.0")), seed=3, overlap="keep")
    build(recipe, tmp_path / "built", generator=stand_in)
    return tmp_path / "built"


@pytest.fixture
def travelled() -> Callable[[Any], Any]:
    """Gives a value as another process gets it."""
    return lambda value: ForkingPickler.loads(ForkingPickler.dumps(value))


@pytest.fixture
def browse(tmp_path: Path) -> Callable[..., str]:
    """Runs headless Chromium on a page; returns what it prints. Skips the test where there is none that starts."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    options = (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--disable-background-networking",
    )
    command = [found, *options, "--no-first-run", f"--user-data-dir={tmp_path / 'profile'}"]

    def run(page: Path, *more: str) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - a browser on our own page
                [*command, *more, page.as_uri()], capture_output=True, text=True, timeout=60, check=False
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"{found} does not answer within 60 s here")
        (tmp_path / "stderr.txt").write_text(done.stderr)
        return done.stdout

    blank = tmp_path / "blank.html"
    blank.write_text("<!doctype html><title>t</title><p>here</p>")
    if "<p>here</p>" not in run(blank, "--dump-dom"):
        pytest.skip(f"{found} is installed but does not start here")
    return run
