"""read -> select -> complete -> swap and veto -> samples: nested generators, one picture at a time.

Every random choice has a stream of its own, named by seed, source, split and record: no sample depends on the order of
others or on the number of workers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random

from scar.accounting import Tally
from scar.annotations import PictureRef
from scar.build.select import select_regions
from scar.common.images import decode_image, locate_image, probe_image
from scar.errors import BadRecord
from scar.generators.generator import Generator, GoldCaption
from scar.recipe import Recipe, Source
from scar.sample import Picture, Region, Sample

FIT_PICTURES = 500
FIT_CAPTIONS = 600
"""Enough to tell how frequent words are, few enough to take seconds."""


def select_fit_indices(count: int) -> Sequence[int]:
    """The places of the pictures, out of so many of a source, that a generator is shown: evenly spread."""
    some = min(count, FIT_PICTURES)
    return [place * count // some for place in range(some)]


def fit_generator(
    generator: Generator, drafts: Sequence[PictureRef], source: Source, seed: int, whole: bool
) -> Generator:
    """A generator whose negatives suit a source: it is shown some true captions.

    Args:
        generator: for any source.
        drafts: the pictures that it is shown.
        source: where they come from.
        seed: of the build, so that these captions are the very ones that it writes.
        whole: whether these are all pictures of the source.
    """
    if generator.fit is None:
        return generator
    unread = Tally(skip_bad=True)  # what cannot be used is counted when the picture's turn comes
    told: list[GoldCaption] = []
    for picture in (ref.read_picture(unread) for ref in drafts):
        for region in select_regions(
            picture, source.limits, _random_stream(seed, source, f"image {picture.id}"), unread.rejected
        ):
            gold = generator.write_gold(picture, region, _random_stream(seed, source, str(region.id)))
            if gold is not None:
                told.append((gold, picture, region))
    rng = _random_stream(seed, source, "fitted")
    whole = whole and len(told) <= FIT_CAPTIONS
    some = told if whole else rng.sample(told, min(len(told), FIT_CAPTIONS))
    return dataclasses.replace(generator, write_negatives=generator.fit(some, rng, whole))


def iter_samples(
    pictures: Iterable[Picture], source: Source, recipe: Recipe, generator: Generator, tally: Tally
) -> Iterator[Sample]:
    """Samples of one source, by ascending image and region id.

    Args:
        pictures: as a reader yields them; the reader has counted their regions in ``tally``.
        source: where they come from.
        recipe: has the seed of every random choice, and says how closely images are looked at.
        generator: writes the captions.
        tally: counts samples and, by reason, regions that became none.

    Raises:
        BadRecord: an image cannot be used and ``tally`` does not skip such records.
    """
    chosen = _select_regions(pictures, source, recipe.seed, tally)
    look = decode_image if recipe.decode_images else probe_image
    return _write_captions(_check_images(chosen, source, look, tally), source, recipe.seed, generator, tally)


def image_folder_name(source: Source) -> str:
    """Where a build keeps the images of a source, relative to its folder; SCaR's names say val for eval."""
    return f"images/{source.name.lower()}_{'val' if source.split == 'eval' else 'train'}"


def _select_regions(
    pictures: Iterable[Picture], source: Source, seed: int, tally: Tally
) -> Iterator[tuple[Picture, tuple[Region, ...]]]:
    """Each picture with the regions that may become samples."""
    for picture in pictures:
        regions = select_regions(
            picture, source.limits, _random_stream(seed, source, f"image {picture.id}"), tally.rejected
        )
        traced = tuple(_keep_traced(regions, tally))
        if traced:
            yield picture, traced


def _keep_traced(regions: Iterable[Region], tally: Tally) -> Iterator[Region]:
    """Those that have a mask, or need none."""
    for region in regions:
        try:
            yield region.with_mask()
        except BadRecord as bad:
            tally.reject_regions(bad)


def _check_images(
    chosen: Iterable[tuple[Picture, tuple[Region, ...]]],
    source: Source,
    read_size: Callable[[Path, str], tuple[int, int]],
    tally: Tally,
) -> Iterator[tuple[Picture, tuple[Region, ...]]]:
    """Those whose image is there, is whole and has the size that the annotations say."""
    for picture, regions in chosen:
        place = f"{source.key}, image {picture.id}"
        try:
            path = locate_image(source.images, picture.file, place)
            size = read_size(path, place)
            if size != (picture.width, picture.height):
                problem = f"{path} is {size[0]}x{size[1]}, said to be {picture.width}x{picture.height}"
                raise BadRecord(place, problem, "image_size")
        except BadRecord as bad:
            tally.reject_regions(bad, len(regions))
        else:
            yield picture, regions


def _write_captions(
    pictures: Iterable[tuple[Picture, tuple[Region, ...]]],
    source: Source,
    seed: int,
    generator: Generator,
    tally: Tally,
) -> Iterator[Sample]:
    """A sample of each region that gets its ten captions."""
    for picture, regions in pictures:
        for region in regions:
            rng = _random_stream(seed, source, str(region.id))
            gold = generator.write_gold(picture, region, rng)
            if gold is None:
                tally.rejected["no_caption"] += 1
                continue
            negatives = generator.write_negatives(gold, picture, region, rng, tally.vetoes)
            if negatives is None:
                tally.rejected["few_negatives"] += 1
                continue
            tally.samples += 1
            yield Sample(
                id=f"{source.key}/{region.id}",
                source=source.name,
                split=source.split,
                image=f"{image_folder_name(source)}/{picture.file}",
                image_id=picture.id,
                region=region,
                gold=gold,
                negatives=negatives,
            )


def _random_stream(seed: int, source: Source, record: str) -> Random:
    """Random numbers of one record; Python hashes a text seed with SHA-512."""
    return Random(f"{seed}/{source.key}/{record}")  # noqa: S311 - choices of a corpus, not secrets
