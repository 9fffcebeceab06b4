"""Invent photos, boxes and sentences, which the data sets of full_size.py share."""

from __future__ import annotations

import io
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

WORDS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("full_size.toml").read_text(encoding="utf-8"))
SCENES = list(WORDS["scenes"].values())
THINGS = sorted({name for scene in SCENES for name in scene["things"]})
STUFF = [*sorted({name for scene in SCENES for name in scene["stuff"]}), "other"]
SIZES = ((640, 480), (480, 640), (640, 427), (427, 640), (500, 375), (640, 360), (612, 612))


@dataclass(frozen=True)
class Thing:
    """An annotated thing: its id in the data set, its category, and x, y, width and height of its box in pixels."""

    id: int
    category: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Photo:
    """An invented picture of COCO: its id, (width, height) in pixels, the index of its scene, and its things."""

    id: int
    size: tuple[int, int]
    scene: int
    things: tuple[Thing, ...]

    @property
    def names(self) -> list[str]:
        return [thing.category for thing in self.things] or SCENES[self.scene]["things"]


def make_rng(*names: object) -> Random:
    return Random("/".join(map(str, names)))  # noqa: S311 - invented data, not secrets


def iter_boxes(rng: Random, count: int, size: tuple[int, int]) -> Iterator[tuple[float, float, float, float]]:
    """Yield boxes as large as those of COCO's things: most cover a small share of the image, some nearly all of it."""
    width, height = size
    for _ in range(count):
        area = min(0.9, float(np.exp(rng.gauss(-4.9, 1.9)))) * width * height
        shape = np.exp(rng.gauss(0, 0.5))
        w = min(max(2.0, (area * shape) ** 0.5), width - 1.0)
        h = min(max(2.0, area / w), height - 1.0)
        yield round(rng.random() * (width - w), 2), round(rng.random() * (height - h), 2), round(w, 2), round(h, 2)


def draw_count(rng: Random, mean: float) -> int:
    """Draw a number of things, at least 1: often few, sometimes many, ``mean`` on average."""
    return 1 + int(rng.expovariate(1 / (mean - 0.5)))


@cache
def make_photo(number: int) -> Photo:
    """Make the picture of a number, from 1 on; the numbers of val2017 follow those of train2017."""
    rng = make_rng("coco", number)
    scene, size = rng.randrange(len(SCENES)), SIZES[rng.randrange(len(SIZES))]
    names = rng.choices(SCENES[scene]["things"], k=draw_count(rng, 7.3))
    things = (
        Thing(number * 100 + index, name, box)
        for index, (name, box) in enumerate(zip(names[:95], iter_boxes(rng, len(names), size), strict=False))
    )
    return Photo(number * 4 + 1, size, scene, tuple(things))


def make_sentence(pattern: str, rng: Random, scene: int, names: Sequence[str]) -> str:
    """Fill a pattern of full_size.toml with words of a scene and names of things."""

    def pick_noun_phrase() -> str:
        noun = rng.choice(names)
        return f"a {rng.choice(WORDS['adjectives'])} {noun}" if rng.random() < 0.4 else f"a {noun}"

    words = SCENES[scene]
    text = pattern.format(
        a=pick_noun_phrase(),
        b=pick_noun_phrase(),
        does=rng.choice(words["does"]),
        there=rng.choice(words["there"]),
        noun=rng.choice(names),
        other=rng.choice(names),
        colour=rng.choice(WORDS["colours"]),
    )
    return text[0].upper() + text[1:]


@cache
def make_jpeg(size: tuple[int, int]) -> bytes:
    """A grey JPEG of (width, height) pixels."""
    content = io.BytesIO()
    Image.new("L", size, 128).save(content, "JPEG", quality=10, optimize=True)
    return content.getvalue()


def write_photos(folder: Path, numbers: Iterable[int], name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / name.format(make_photo(number).id)).write_bytes(make_jpeg(make_photo(number).size))


def scale_count(count: int, scale: float) -> int:
    return max(8, round(count * scale))
