"""read -> select -> complete -> swap and veto -> samples: nested generators, one picture at a time.

Every random choice has a stream of its own, named by seed, source, split and record: no sample depends on the order of
others or on the number of workers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeAlias

from scar.accounting import Tally
from scar.annotations import Draft
from scar.build.select import select
from scar.common.images import decode, locate, probe
from scar.errors import BadRecord
from scar.recipe import Recipe, Source
from scar.sample import Caption, Negative, Picture, Region, Sample

SHOWN_PICTURES = 500
SHOWN_CAPTIONS = 600
"""Enough to tell how frequent words are, few enough to take seconds."""

Draw: TypeAlias = Callable[..., tuple[Negative, ...] | None]
"""Of a gold caption, its picture and region, randomness and a tally of refusals."""

Told: TypeAlias = tuple[Caption, Picture, Region]
"""A caption that is true of a region of a picture."""


@dataclass(frozen=True, slots=True)
class Generator:
    """What writes captions.

    Attributes:
        name: as the provenance tells it.
        version: changes when the same input gives other captions.
        complete: the caption that is true of a region, or None when there is not enough to tell.
        draw: nine captions that are not, three per part in the order of `PARTS`, or None when there are not enough;
            counts what it refused.
        fitted: makes the `draw` that suits a source out of its true captions; told, too, whether these are all of them.
        refinable: whether `draw` takes a ``judge_of``; see `scar.build.refine`.
    """

    name: str
    version: str
    complete: Callable[[Picture, Region, Random], Caption | None]
    draw: Draw
    fitted: Callable[[Sequence[Told], Random, bool], Draw] | None = None
    refinable: bool = False


def rules() -> Generator:
    """The generator that needs no model and no network."""
    from scar.generators.rules.negatives import draw, fitted
    from scar.generators.rules.true_caption import complete

    return Generator("rules", "3", complete, draw, fitted, refinable=True)


def shown(count: int) -> Sequence[int]:
    """The places of the pictures, out of so many of a source, that a generator is shown: evenly spread."""
    some = min(count, SHOWN_PICTURES)
    return [place * count // some for place in range(some)]


def suited(generator: Generator, drafts: Sequence[Draft], source: Source, seed: int, whole: bool) -> Generator:
    """A generator whose negatives suit a source: it is shown some true captions.

    Args:
        generator: for any source.
        drafts: the pictures that it is shown.
        source: where they come from.
        seed: of the build, so that these captions are the very ones that it writes.
        whole: whether these are all pictures of the source.
    """
    if generator.fitted is None:
        return generator
    unread = Tally(skip_bad=True)  # what cannot be used is counted when the picture's turn comes
    told: list[Told] = []
    for picture in (draft(unread) for draft in drafts):
        for region in select(picture, source.limits, _stream(seed, source, f"image {picture.id}"), unread.rejected):
            gold = generator.complete(picture, region, _stream(seed, source, str(region.id)))
            if gold is not None:
                told.append((gold, picture, region))
    rng = _stream(seed, source, "fitted")
    whole = whole and len(told) <= SHOWN_CAPTIONS
    some = told if whole else rng.sample(told, min(len(told), SHOWN_CAPTIONS))
    return dataclasses.replace(generator, draw=generator.fitted(some, rng, whole))


def samples(
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
    chosen = _chosen(pictures, source, recipe.seed, tally)
    look = decode if recipe.decode_images else probe
    return _told(_whole(chosen, source, look, tally), source, recipe.seed, generator, tally)


def image_folder(source: Source) -> str:
    """Where a build keeps the images of a source, relative to its folder; SCaR's names say val for eval."""
    return f"images/{source.name.lower()}_{'val' if source.split == 'eval' else 'train'}"


def _chosen(
    pictures: Iterable[Picture], source: Source, seed: int, tally: Tally
) -> Iterator[tuple[Picture, tuple[Region, ...]]]:
    """Each picture with the regions that may become samples."""
    for picture in pictures:
        regions = select(picture, source.limits, _stream(seed, source, f"image {picture.id}"), tally.rejected)
        traced = tuple(_traced(regions, tally))
        if traced:
            yield picture, traced


def _traced(regions: Iterable[Region], tally: Tally) -> Iterator[Region]:
    """Those that have a mask, or need none."""
    for region in regions:
        try:
            yield region.traced()
        except BadRecord as bad:
            tally.reject(bad)


def _whole(
    chosen: Iterable[tuple[Picture, tuple[Region, ...]]],
    source: Source,
    look: Callable[[Path, str], tuple[int, int]],
    tally: Tally,
) -> Iterator[tuple[Picture, tuple[Region, ...]]]:
    """Those whose image is there, is whole and has the size that the annotations say."""
    for picture, regions in chosen:
        place = f"{source.key}, image {picture.id}"
        try:
            path = locate(source.images, picture.file, place)
            size = look(path, place)
            if size != (picture.width, picture.height):
                problem = f"{path} is {size[0]}x{size[1]}, said to be {picture.width}x{picture.height}"
                raise BadRecord(place, problem, "image_size")
        except BadRecord as bad:
            tally.reject(bad, len(regions))
        else:
            yield picture, regions


def _told(
    pictures: Iterable[tuple[Picture, tuple[Region, ...]]],
    source: Source,
    seed: int,
    generator: Generator,
    tally: Tally,
) -> Iterator[Sample]:
    """A sample of each region that gets its ten captions."""
    for picture, regions in pictures:
        for region in regions:
            rng = _stream(seed, source, str(region.id))
            gold = generator.complete(picture, region, rng)
            if gold is None:
                tally.rejected["no_caption"] += 1
                continue
            negatives = generator.draw(gold, picture, region, rng, tally.vetoes)
            if negatives is None:
                tally.rejected["few_negatives"] += 1
                continue
            tally.samples += 1
            yield Sample(
                id=f"{source.key}/{region.id}",
                source=source.name,
                split=source.split,
                image=f"{image_folder(source)}/{picture.file}",
                image_id=picture.id,
                region=region,
                gold=gold,
                negatives=negatives,
            )


def _stream(seed: int, source: Source, record: str) -> Random:
    """Random numbers of one record; Python hashes a text seed with SHA-512."""
    return Random(f"{seed}/{source.key}/{record}")  # noqa: S311 - choices of a corpus, not secrets
