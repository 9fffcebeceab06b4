"""The demo corpus: draw pictures and build train and eval samples from them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from scar.build import build
from scar.build.image_folder import ImagesMode
from scar.build.plan import check_out
from scar.common.progress import Track, track_silently
from scar.demo.world import draw_world
from scar.recipe import Recipe, Source
from scar.sample import SPLITS, Split

DEMO_NAME = "Demo"
DEMO_LICENCE = "CC0-1.0"


def make_demo_source(world: Path, split: Split, *, name: str = DEMO_NAME, licence: str | None = None) -> Source:
    """Make the source of a recipe for the files that `draw_world` wrote to the folder ``world`` for this split."""
    return Source(
        name=name,
        split=split,
        instances=world / "instances.json",
        captions=world / "captions.json",
        images=world / "images",
        licence=licence,
    )


def build_demo(
    out: Path,
    images: int,
    seed: int,
    *,
    images_mode: ImagesMode = "link",
    force: bool = False,
    workers: int = 1,
    track: Track = track_silently,
) -> dict[str, Any]:
    """Draw a world for each split and build a corpus from both.

    Args:
        out: the folder to build into; the drawings stay there as the images of the samples.
        images: number of pictures to draw for each split, at least 1.
        seed: seed of the drawings and of the samples.
        images_mode: whether the drawings are linked or copied into the image folder.
        force: build again, and replace a demo that has other inputs or settings.
        workers: number of processes that build; one process draws.
        track: shows progress.

    Returns:
        What `scar.build.build` returns.
    """
    check_out(out)
    world = out / ".building-demo"
    shutil.rmtree(world, ignore_errors=True)
    try:
        sources = []
        for split in SPLITS:
            draw_world(world / split, images, seed, split, track=track)
            sources.append(make_demo_source(world / split, split, licence=DEMO_LICENCE))
        recipe = Recipe(sources=tuple(sources), seed=seed)
        return build(recipe, out, images_mode=images_mode, force=force, workers=workers, track=track)
    finally:
        shutil.rmtree(world, ignore_errors=True)
