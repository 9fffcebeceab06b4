"""Turn pictures into samples: list the regions, check the image, write golds, choose regions, write negatives.

Each region has its own random stream, seeded by the build's seed, source, split and region id. So no sample depends on
the order of the others or on the number of workers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TypeAlias

import msgspec

from scar.accounting import Tally
from scar.annotations.image_sizes import explain_size
from scar.annotations.pictures import PictureRef
from scar.annotations.upright import read_upright
from scar.build.image_folder import image_folder_name
from scar.build.part_origins import count_parts
from scar.build.select import choose_regions, list_eligible_regions, shuffle_regions
from scar.common.image_header import read_header
from scar.common.images import locate_image
from scar.common.orientation import UPRIGHT
from scar.common.pixels import decode_image, probe_image
from scar.errors import BadRecord, InputError
from scar.evidence.picture_evidence import PictureEvidence
from scar.evidence.spoken_picture import speak_picture
from scar.generators.generator import Generator, Gold, GoldOfTask, GoldTask, Rejected
from scar.language.parse_texts import NOT_PARSED, open_texts, parse_all
from scar.language.statements import Statement
from scar.language.user_words import NO_WORDS, Words
from scar.recipe import Recipe, Source
from scar.sample import RANKING_REASONS, REASONS, Picture, Region, Sample

EMPTY_MASK = "empty_mask"
"""The reason of a mask that covers no pixel: its region is used with its box alone, and counted as repaired."""

CAPTION_NO_RELATION, PHRASE_NO_RELATION = "caption_no_relation", "phrase_no_relation"
"""The reasons under which captions, and phrases of things, are counted that say no relation between two things."""

FIT_PICTURES = 500
"""Most pictures that a generator is fitted on; they suffice to estimate word frequencies."""

_PictureWithRegions: TypeAlias = tuple[Picture, list[Region]]
"""A picture with those of its regions that may become samples."""

PICTURES_PER_BATCH = 100
"""Pictures whose regions a generator gets at once: golds and negatives of a picture follow soon upon each other."""


def select_fit_indices(count: int) -> Sequence[int]:
    """Indices, from 0, of at most `FIT_PICTURES` pictures, evenly spread over a source of ``count`` pictures."""
    some = min(count, FIT_PICTURES)
    return [number * count // some for number in range(some)]


def fit_generator(
    generator: Generator,
    refs: Sequence[PictureRef],
    source: Source,
    recipe: Recipe,
    complete: bool,
    words: Words = NO_WORDS,
) -> Generator:
    """Fit a generator to a source, on the gold captions of some pictures.

    Args:
        generator: the generator before it is fitted; one without ``fit`` is returned as it is.
        refs: references to the pictures.
        source: the source of the pictures.
        recipe: gives the seed, so that the fit sees the gold captions that the build writes, and the parser.
        complete: whether ``refs`` are all pictures of the source.
        words: the user's words for categories and scenes.

    Returns:
        The generator with the functions for the source. Records that cannot be used are passed over.
    """
    if generator.fit is None:
        return generator
    unused = Tally(skip_bad=True)  # the build itself counts what cannot be used
    pictures = _list_regions((read_upright(ref, source, unused) for ref in refs), source, unused, words)
    batches = _iter_gold_batches(pictures, source, recipe, generator, unused, words)
    golds = [gold for batch in batches for _, gold in batch]
    return generator.fit(generator, golds, f"{recipe.seed}/{source.key}/fitted", complete)


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
    read_size = decode_image if recipe.decode_images else probe_image
    checked = _check_images(_list_regions(pictures, source, tally, words), source, read_size, tally)
    return _write_samples(checked, source, recipe, generator, tally, words)


def _list_regions(
    pictures: Iterable[Picture], source: Source, tally: Tally, words: Words
) -> Iterator[_PictureWithRegions]:
    """Yield each picture with its regions that may become samples; the other regions are rejected."""
    return ((picture, list_eligible_regions(picture, source, tally.rejected, words)) for picture in pictures)


def _check_images(
    pictures: Iterable[_PictureWithRegions],
    source: Source,
    read_size: Callable[[Path, str], tuple[int, int]],
    tally: Tally,
) -> Iterator[_PictureWithRegions]:
    """Yield the pictures whose image exists, is complete and has the size that the annotations give.

    A picture without regions is dropped unchecked: its image is not needed.
    """
    for picture, regions in pictures:
        if not regions:
            continue
        where = f"{source.key}, image {picture.id}"
        try:
            path = locate_image(source.images, picture.file, where)
            size = read_size(path, where)
            if size != (picture.width, picture.height):
                is_turned = read_header(path).orientation != UPRIGHT
                problem = f"{path} {explain_size(size, (picture.width, picture.height), is_turned)}"
                raise BadRecord(where, problem, "image_size")
        except BadRecord as bad:
            tally.reject_regions(bad, len(regions))
        else:
            yield picture, regions


def _iter_gold_batches(
    pictures: Iterable[_PictureWithRegions],
    source: Source,
    recipe: Recipe,
    generator: Generator,
    tally: Tally,
    words: Words,
) -> Iterator[list[tuple[Region, GoldOfTask]]]:
    """Yield, batch by batch, chosen regions that have a gold, with their masks, and the golds; the others are rejected.

    The generator looks at a region only when it may be chosen: those that it can tell apart are chosen first. Its tasks
    are in the user's words; the region keeps the category of the source.
    """
    several = [(picture, regions) for picture, regions in pictures if regions]
    statements = _read_statements(several, recipe, tally) if generator.reads_texts else {}
    for first in range(0, len(several), PICTURES_PER_BATCH):
        some = several[first : first + PICTURES_PER_BATCH]
        yield list(_iter_golds(some, statements, source, recipe.seed, generator, tally, words))


def _iter_golds(
    several: Sequence[_PictureWithRegions],
    statements: Mapping[str, tuple[Statement, ...]],
    source: Source,
    seed: int,
    generator: Generator,
    tally: Tally,
    words: Words,
) -> Iterator[tuple[Region, GoldOfTask]]:
    """Yield the chosen regions and golds of one batch of pictures with their eligible regions."""
    results = _choose_golds(several, statements, source, seed, generator, words)
    for (_, regions), chosen in zip(several, results, strict=True):
        if len(chosen) < len(regions):
            tally.rejected["over_limit"] += len(regions) - len(chosen)
        for region, task, result in chosen:
            if isinstance(result, Rejected):
                tally.rejected[result.reason] += 1
                continue
            try:
                masked = region.with_mask()
            except BadRecord as bad:
                if bad.reason != EMPTY_MASK:
                    tally.reject_regions(bad)
                    continue
                tally.repaired[EMPTY_MASK] += 1
                masked = msgspec.structs.replace(region, make_mask=None)
            tally.golds[result.reason] += 1
            spoken = msgspec.structs.replace(masked, category=task.region.category)
            yield masked, (dataclasses.replace(task, region=spoken), result)


def _choose_golds(
    several: Sequence[_PictureWithRegions],
    statements: Mapping[str, tuple[Statement, ...]],
    source: Source,
    seed: int,
    generator: Generator,
    words: Words,
) -> list[list[tuple[Region, GoldTask, Gold | Rejected]]]:
    """The chosen regions of each picture with their tasks and results.

    A picture's regions are asked for in rounds: those that `choose_regions` chooses as long as the others may be of
    tier 0, until it chooses only regions that were asked for.
    """
    evidence = [PictureEvidence(speak_picture(picture, words), statements) for picture, _ in several]
    spoken = [{region.id: region for region in own.picture.regions} for own in evidence]
    shuffled = [
        shuffle_regions(regions, _random_stream(seed, source, f"image {picture.id}")) for picture, regions in several
    ]
    results: list[dict[int, tuple[GoldTask, Gold | Rejected]]] = [{} for _ in several]
    tiers: list[dict[int, int]] = [{} for _ in several]
    chosen: list[list[Region]] = [[] for _ in several]
    pending: Sequence[int] = range(len(several))
    while pending:
        asked: list[tuple[int, GoldTask]] = []
        for number in pending:
            chosen[number] = choose_regions(shuffled[number], tiers[number], source.max_per_image)
            image = source.images / several[number][0].file
            for region in chosen[number]:
                if region.id not in tiers[number]:
                    key = f"{seed}/{source.key}/{region.id}"
                    asked.append((number, GoldTask(image, evidence[number], spoken[number][region.id], key)))
        written = _write_golds([task for _, task in asked], generator) if asked else ()
        for (number, task), result in zip(asked, written, strict=True):
            results[number][task.region.id] = task, result
            tiers[number][task.region.id] = _find_tier(result)
        pending = list(dict.fromkeys(number for number, _ in asked))
    return [[(region, *own[region.id]) for region in regions] for regions, own in zip(chosen, results, strict=True)]


def _find_tier(result: Gold | Rejected) -> int:
    """The tier of a region in `choose_regions`: sure evidence before directions, and these before the few ranks."""
    if isinstance(result, Rejected):
        return 3
    return 2 if result.reason in RANKING_REASONS else int(result.reason == "direction")


def _write_golds(tasks: Sequence[GoldTask], generator: Generator) -> Sequence[Gold | Rejected]:
    """The results of a generator's `write_golds`, checked: it may be a user's.

    Raises:
        InputError: there is not one result for each task, or one is no gold with a known reason.
    """
    results = generator.write_golds(tasks)
    if len(results) != len(tasks):
        problem = f"gave {len(results)} results for {len(tasks)} regions; give one for each, in their order"
        raise InputError(f"generator {generator.name}: write_golds {problem}.")
    for task, result in zip(tasks, results, strict=True):
        if isinstance(result, Rejected) or (isinstance(result, Gold) and result.reason in REASONS):
            continue
        problem = f"gave {result!r} for region {task.region.id}; give a Rejected, or a Gold with one of the reasons"
        raise InputError(f"generator {generator.name}: write_golds {problem} {', '.join(REASONS)}.")
    return results


def _write_samples(
    pictures: Iterable[_PictureWithRegions],
    source: Source,
    recipe: Recipe,
    generator: Generator,
    tally: Tally,
    words: Words,
) -> Iterator[Sample]:
    """Yield a sample for each gold that gets nine negatives; the other regions are rejected."""
    for told in _iter_gold_batches(pictures, source, recipe, generator, tally, words):
        golds = [gold for _, gold in told]
        results = generator.write_negatives(golds, tally.vetoes)
        if len(results) != len(golds):
            problem = f"gave {len(results)} results for {len(golds)} golds; give one for each, in their order"
            raise InputError(f"generator {generator.name}: write_negatives {problem}.")
        for (region, (task, gold)), negatives in zip(told, results, strict=True):
            if isinstance(negatives, Rejected):
                tally.rejected[negatives.reason] += 1
                continue
            tally.samples += 1
            tally.reasons[gold.reason] += 1
            picture = task.evidence.picture
            sample = Sample(
                id=f"{source.key}/{region.id}",
                source=source.name,
                split=source.split,
                image=f"{image_folder_name(source)}/{picture.file}",
                image_id=picture.id,
                region=region,
                gold=gold.caption,
                negatives=negatives,
                reason=gold.reason,
                author=gold.author,
            )
            count_parts(sample, task.evidence.nouns, tally)
            yield sample


def _read_statements(
    pictures: Iterable[_PictureWithRegions], recipe: Recipe, tally: Tally
) -> Mapping[str, tuple[Statement, ...]]:
    """What the captions of pictures and the phrases of their regions say.

    Texts that cannot be read, and those that say no relation between two things, are ignored; not so a phrase that is
    the name of its thing.
    """
    captions = [text for picture, _ in pictures for text in picture.captions]
    phrases = [text for _, regions in pictures for region in regions for text in region.phrases]
    if not captions and not phrases:
        return {}
    statements, unread = parse_all([*captions, *phrases], *open_texts(recipe.parser, recipe.parses))
    tally.ignored.update({reason: count for reason, count in unread.items() if reason != NOT_PARSED})
    told = [text for _, regions in pictures for region in regions for text in region.phrases if text != region.category]
    for reason, texts in ((CAPTION_NO_RELATION, captions), (PHRASE_NO_RELATION, told)):
        if count := sum(statements.get(text) == () for text in texts):
            tally.ignored[reason] += count
    return statements


def _random_stream(seed: int, source: Source, record: str) -> Random:
    """Random stream of one record. Its seed is a text, which Python hashes with SHA-512 on every machine alike."""
    return Random(f"{seed}/{source.key}/{record}")  # noqa: S311 - choices of a corpus, not secrets
