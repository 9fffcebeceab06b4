"""Turn pictures into samples, one picture at a time: select regions, check the image, write gold caption and negatives.

Each region has its own random stream, seeded by the build's seed, source, split and region id. So no sample depends on
the order of the others or on the number of workers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random

from scar.accounting import Tally
from scar.annotations.pictures import PictureRef
from scar.annotations.upright import read_upright
from scar.build.image_folder import image_folder_name
from scar.build.select import select_regions
from scar.common.image_header import read_header
from scar.common.images import locate_image
from scar.common.orientation import UPRIGHT
from scar.common.pixels import decode_image, probe_image
from scar.errors import BadRecord
from scar.evidence.spoken_picture import speak_picture, speak_region
from scar.generators.generator import Generator, GoldCaption
from scar.language.user_words import NO_WORDS, Words
from scar.recipe import Recipe, Source
from scar.sample import Picture, Region, Sample

FIT_PICTURES = 500
FIT_CAPTIONS = 600
"""Most pictures and most gold captions that a generator is fitted on; they suffice to estimate word frequencies."""


def select_fit_indices(count: int) -> Sequence[int]:
    """Indices, from 0, of at most `FIT_PICTURES` pictures, evenly spread over a source of ``count`` pictures."""
    some = min(count, FIT_PICTURES)
    return [number * count // some for number in range(some)]


def fit_generator(
    generator: Generator,
    refs: Sequence[PictureRef],
    source: Source,
    seed: int,
    complete: bool,
    words: Words = NO_WORDS,
) -> Generator:
    """Fit the `write_negatives` of a generator to a source, on at most `FIT_CAPTIONS` gold captions of some pictures.

    Args:
        generator: the generator before it is fitted; one without ``fit`` is returned as it is.
        refs: references to the pictures.
        source: the source of the pictures.
        seed: seed of the build, so that the fit sees the gold captions that the build writes.
        complete: whether ``refs`` are all pictures of the source.
        words: the user's words for categories and scenes.

    Returns:
        The generator with a fitted `write_negatives`. Records that cannot be used are passed over.
    """
    if generator.fit is None:
        return generator
    unused = Tally(skip_bad=True)  # the build itself counts what cannot be used
    golds: list[GoldCaption] = []
    for picture in (read_upright(ref, source, unused) for ref in refs):
        rng = _random_stream(seed, source, f"image {picture.id}")
        spoken = speak_picture(picture, words)
        for region in select_regions(picture, source, rng, unused.rejected, words):
            said = speak_region(region, words)
            gold = generator.write_gold(spoken, said, _random_stream(seed, source, str(region.id)))
            if gold is not None:
                golds.append((gold, spoken, said))
    rng = _random_stream(seed, source, "fitted")
    complete = complete and len(golds) <= FIT_CAPTIONS
    some = golds if complete else rng.sample(golds, min(len(golds), FIT_CAPTIONS))
    return dataclasses.replace(generator, write_negatives=generator.fit(some, rng, complete))


def iter_samples(
    pictures: Iterable[Picture],
    source: Source,
    recipe: Recipe,
    generator: Generator,
    tally: Tally,
    words: Words = NO_WORDS,
) -> Iterator[Sample]:
    """Yield the samples of some pictures of a source, in the order of the pictures and their regions.

    Args:
        pictures: the pictures in the displayed frame; their reader has counted their regions as records in ``tally``.
        source: the source of the pictures.
        recipe: gives the seed, and whether images are decoded completely.
        generator: writes the captions.
        tally: counts samples, rejected regions by reason, and vetoes.
        words: the user's words for categories and scenes; samples keep the category of the source.

    Raises:
        BadRecord: an image or a mask cannot be used and ``tally`` does not skip such records.
    """
    selected = _select_regions(pictures, source, recipe.seed, tally, words)
    read_size = decode_image if recipe.decode_images else probe_image
    checked = _check_images(selected, source, read_size, tally)
    return _write_captions(checked, source, recipe.seed, generator, tally, words)


def _select_regions(
    pictures: Iterable[Picture], source: Source, seed: int, tally: Tally, words: Words
) -> Iterator[tuple[Picture, tuple[Region, ...]]]:
    """Yield each picture with those of its regions that may become samples, if it has any."""
    for picture in pictures:
        rng = _random_stream(seed, source, f"image {picture.id}")
        regions = tuple(_iter_with_mask(select_regions(picture, source, rng, tally.rejected, words), tally))
        if regions:
            yield picture, regions


def _iter_with_mask(regions: Iterable[Region], tally: Tally) -> Iterator[Region]:
    """Yield the regions with their masks; a region whose mask cannot be used is rejected."""
    for region in regions:
        try:
            yield region.with_mask()
        except BadRecord as bad:
            tally.reject_regions(bad)


def _check_images(
    pictures: Iterable[tuple[Picture, tuple[Region, ...]]],
    source: Source,
    read_size: Callable[[Path, str], tuple[int, int]],
    tally: Tally,
) -> Iterator[tuple[Picture, tuple[Region, ...]]]:
    """Yield the pictures whose image exists, is complete and has the size that the annotations give."""
    for picture, regions in pictures:
        where = f"{source.key}, image {picture.id}"
        try:
            path = locate_image(source.images, picture.file, where)
            size = read_size(path, where)
            if size != (picture.width, picture.height):
                problem = f"{path} is {size[0]}x{size[1]}, said to be {picture.width}x{picture.height}"
                if read_header(path).orientation != UPRIGHT:
                    problem += ", as it is displayed: EXIF turns it"
                raise BadRecord(where, problem, "image_size")
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
    words: Words,
) -> Iterator[Sample]:
    """Yield a sample for each region that gets ten captions; the other regions are rejected."""
    for picture, regions in pictures:
        spoken = speak_picture(picture, words)
        for region in regions:
            rng, said = _random_stream(seed, source, str(region.id)), speak_region(region, words)
            gold = generator.write_gold(spoken, said, rng)
            if gold is None:
                tally.rejected["no_caption"] += 1
                continue
            negatives = generator.write_negatives(gold, spoken, said, rng, tally.vetoes)
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
    """Random stream of one record. Its seed is a text, which Python hashes with SHA-512 on every machine alike."""
    return Random(f"{seed}/{source.key}/{record}")  # noqa: S311 - choices of a corpus, not secrets
