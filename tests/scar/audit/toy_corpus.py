"""Toy corpora for the audit: samples drawn from short lists of elements, and files of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import TypeAlias

from scar import Box, Caption, Negative, Region, Sample
from scar.audit.row_blocks import RowBlock
from scar.formats.reader import RowFile, find_row_files
from scar.sample import PARTS, Part, Split
from tests.scar.formats.samples_file import write_samples

ReadBlock: TypeAlias = Callable[[Sequence[Sample]], RowBlock]
"""Writes samples to a file and reads them as one block."""

ELEMENTS: dict[Part, tuple[str, ...]] = {
    "object": ("a cat", "a dog", "a horse", "a cow", "a sheep", "a bear", "an elephant", "a giraffe"),
    "relation": (
        "on the left of a picture of",
        "on the right of a picture of",
        "at the top of a picture of",
        "behind a door in",
    ),
    "scene": ("a kitchen", "a forest", "a harbor", "a desert", "a street", "a church", "a field"),
}
SIMILAR_ELEMENTS: dict[Part, tuple[str, ...]] = {
    "object": ("a cup", "A mug", "two dogs", "the dog", "a man", "a person", "a red car", "a truck"),
    "relation": ("on", "to the left of", "next to a cup in", "holding"),
    "scene": ("a kitchen", "the kitchen", "a street", "a beach", "a table"),
}


def draw_sample(number: int, rng: Random, split: Split = "eval", gold_scene: str | None = None) -> Sample:
    """Draw all elements from `ELEMENTS`; with ``gold_scene``, gold captions alone have that scene."""
    words = {part: rng.choice(ELEMENTS[part]) for part in reversed(PARTS)}
    gold = Caption(words["object"], words["relation"], gold_scene or words["scene"])
    negatives = [
        Negative(part, gold.swap(part, word))
        for part in PARTS
        for word in rng.sample([word for word in ELEMENTS[part] if word != getattr(gold, part)], 3)
    ]
    region = Region(number, Box(10, 10, 50, 60), gold.object.split()[1])
    return Sample(
        f"Toy/{split}/{number}", "Toy", split, f"images/toy/{number}.png", number, region, gold, tuple(negatives)
    )


def draw_samples(seed: int, split: Split, known: float, images: int = 25) -> Iterator[Sample]:
    """Draw samples that share images, boxes, captions and categories.

    Args:
        seed: of the draw.
        split: of the samples.
        known: share of samples whose elements are known; of the others only the text is.
        images: number of images.
    """
    rng = Random(seed)
    number = 0
    for image in range(images):
        for _ in range(rng.randrange(1, 7)):
            number += 1
            gold = Caption(*(rng.choice(SIMILAR_ELEMENTS[part]) for part in reversed(PARTS)))
            swaps = [
                Negative(part, gold.swap(part, rng.choice(SIMILAR_ELEMENTS[part]))) for part in PARTS for _ in range(3)
            ]
            if rng.random() >= known:
                gold = Caption(gold.text, "", "")
                swaps = [Negative(each.part, Caption(each.caption.text, "", "")) for each in swaps]
            x, y, width, height = (rng.choice((0, 10) if side < 2 else (0, 40, 40, 50)) for side in range(4))
            box = Box(x, y, x + width, y + height)
            region = Region(number if rng.random() < 0.9 else 1, box, rng.choice(("cup", "dog", "person", "car")))
            path = f"images/toy/{image}.png"
            yield Sample(f"Toy/{split}/{region.id}", "Toy", split, path, image, region, gold, tuple(swaps))


def write_file(folder: Path, samples: Sequence[Sample], split: Split) -> RowFile:
    """Write samples and their provenance into a folder."""
    name = {"eval": "SCaR_eval_Toy.parquet", "train": "SCAR_Toy.parquet"}[split]
    (folder / "provenance").mkdir(parents=True, exist_ok=True)
    paths = folder / name, folder / "provenance" / name
    write_samples(samples, split, *paths, generator="toy", generator_version="1")
    (file,) = (file for file in find_row_files(folder) if file.split == split)
    return file


def write_corpus(folder: Path, make: Callable[[int, Random, Split], Sample], count: int = 300) -> Path:
    """Write a train and an eval file of samples that ``make`` returns by number, chance and split."""
    splits: tuple[Split, ...] = ("train", "eval")
    for first, split in zip((0, 10_000), splits, strict=True):
        write_file(folder, [make(first + n, Random(f"{split} {n}"), split) for n in range(count)], split)
    return folder
