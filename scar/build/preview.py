"""Say before a build what would become of the records of its sources, from some of their pictures."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import msgspec

from scar.accounting import Tally
from scar.annotations.opening import are_heavy, open_sources
from scar.annotations.pictures import PictureIndex
from scar.annotations.upright import read_upright
from scar.build.advice import iter_advice
from scar.build.engine import EngineName, open_engine, run_here
from scar.build.part_origins import iter_part_lines, summarize_parts
from scar.build.pipeline import fit_generator, iter_samples, select_fit_indices
from scar.build.report_text import iter_repair_lines
from scar.build.word_list import WordRow, count_names, iter_word_lines, make_word_rows
from scar.common.progress import Track
from scar.errors import BadRecord
from scar.generators.default import make_rules_generator
from scar.generators.generator import Generator
from scar.language.user_words import NO_WORDS, Words, read_words
from scar.recipe import Recipe

_CAPTIONS = 10
"""Gold captions that a preview shows."""

_SECONDS_PER_MINUTE = 60


class SourcePreview(msgspec.Struct, frozen=True):
    """What a build would make of a source, as far as some of its pictures tell.

    Attributes:
        source: ``<name>/<split>`` of the source.
        pictures: number of its pictures.
        looked_at: number of pictures that this is about, evenly spread; all of a source of few pictures.
        records: number of records of these pictures, and of those that no picture has.
        samples: number of samples that they give.
        rejected: number of records that give none, by reason.
        golds: number of samples by the reason of their gold caption.
        ignored: number of other records that are not used, by reason.
        repaired: number of records that are used after a repair, by its name.
        doubts: number of records that are used though they may mean something else, by the name of the doubt.
        negatives: how many false objects and scenes the source and the shipped table give; see `summarize_parts`.
        captions: gold captions of the first pictures.
        advice: why many records give no sample, and what to add.
        stops_at: the first record at which the build would stop, as it does not skip bad records; None if it would not.
        seconds: estimated time of the whole build of the source, in seconds.
        requests: estimated number of requests to a model for the whole source, if each answer can be used; 0 without.
        words: what captions say for the categories and scenes of these pictures.
    """

    source: str
    pictures: int
    looked_at: int
    records: int
    samples: int
    rejected: dict[str, int]
    golds: dict[str, int]
    ignored: dict[str, int]
    repaired: dict[str, int]
    doubts: dict[str, int]
    negatives: dict[str, dict[str, Any]]
    captions: tuple[str, ...]
    advice: tuple[str, ...]
    stops_at: str | None
    seconds: float
    requests: int
    words: list[WordRow]


def preview_build(
    recipe: Recipe, workers: int, engine: EngineName, track: Track, generator: Generator | None = None
) -> list[SourcePreview]:
    """Build samples of some pictures of each source in memory; nothing is written.

    Args:
        recipe: what would be built.
        workers: number of processes of the build, for the estimated time.
        engine: opens large files.
        track: shows progress.
        generator: writes captions; None stands for the rules. Of one behind a model, what it would ask is counted.

    Raises:
        RecipeError: the words file cannot be used.
        InputError: an annotation file cannot be used.
    """
    words = read_words(recipe.word_file) if recipe.word_file else NO_WORDS
    generator = generator or make_rules_generator()
    with ExitStack() as stack:
        run = open_engine(engine, workers, stack) if are_heavy(recipe.sources) else run_here
        start, stops_at = time.perf_counter(), None
        try:
            indexes, _ = open_sources(recipe.sources, recipe.skip_bad, run, track, recipe.seed)
        except BadRecord as bad:
            stops_at = str(bad)
            recipe = msgspec.structs.replace(recipe, skip_bad=True)
            indexes, _ = open_sources(recipe.sources, True, run, track, recipe.seed)
        opening = (time.perf_counter() - start) / len(indexes)
    preview = partial(_preview_source, recipe=recipe, generator=generator, words=words, stops_at=stops_at)
    shown = track((preview(index, opening, workers) for index in indexes), "looking at the sources", len(indexes))
    return list(shown)


def _preview_source(
    index: PictureIndex,
    opening: float,
    workers: int,
    *,
    recipe: Recipe,
    generator: Generator,
    words: Words,
    stops_at: str | None,
) -> SourcePreview:
    try:
        tally, samples, building = _build_some(index, recipe, generator, words)
    except BadRecord as bad:
        stops_at = stops_at or str(bad)
        recipe = msgspec.structs.replace(recipe, skip_bad=True)
        tally, samples, building = _build_some(index, recipe, generator, words)
    places = select_fit_indices(len(index))
    counts = count_names([index[place] for place in places], skip_bad=True)
    share = len(index) / max(len(places), 1)
    every_picture = building * share / workers
    return SourcePreview(
        source=index.source.key,
        pictures=len(index),
        looked_at=len(places),
        records=tally.records,
        samples=tally.samples,
        rejected=dict(tally.rejected.most_common()),
        golds=dict(tally.reasons.most_common()),
        ignored=dict(tally.ignored.most_common()),
        repaired=dict(tally.repaired.most_common()),
        doubts=dict(index.tally.doubts.most_common()),
        negatives=summarize_parts(tally),
        captions=samples,
        advice=tuple(iter_advice(index, tally, words)),
        stops_at=stops_at,
        seconds=round(opening + every_picture, 1),
        requests=round(tally.usage["requests"] * share),
        words=make_word_rows(index.source.key, counts, words),
    )


def _build_some(
    index: PictureIndex, recipe: Recipe, generator: Generator, words: Words
) -> tuple[Tally, tuple[str, ...], float]:
    """Counts, first gold captions and seconds of the samples of some pictures of a source.

    Records that were rejected when the files were opened count where all pictures are looked at; otherwise they are of
    other pictures, too.
    """
    source, places = index.source, select_fit_indices(len(index))
    refs = [index[place] for place in places]
    start = time.perf_counter()
    fitted = fit_generator(generator, refs, source, recipe, complete=len(refs) == len(index), words=words)
    tally = Tally(skip_bad=recipe.skip_bad)
    pictures = (read_upright(ref, source, tally) for ref in refs)
    captions: list[str] = []
    usage = Counter(generator.usage)
    for sample in iter_samples(pictures, source, recipe, fitted, tally, words):
        if len(captions) < _CAPTIONS:
            captions.append(sample.gold.text)
    seconds = time.perf_counter() - start
    tally.usage = Counter(generator.usage) - usage
    if len(refs) == len(index):
        tally.add_tally(index.tally)
    tally.records = tally.samples + tally.rejected.total()
    return tally, tuple(captions), seconds


def iter_preview_lines(previews: Sequence[SourcePreview], recipe: Recipe) -> Iterator[str]:
    """Yield the previews as lines of text."""
    for preview in previews:
        looked_at = (
            f"its {preview.pictures:,} pictures"
            if preview.looked_at == preview.pictures
            else f"{preview.looked_at:,} of its {preview.pictures:,} pictures"
        )
        rejected = sum(preview.rejected.values())
        counts = f"{preview.records:,} records = {preview.samples:,} samples + {rejected:,} rejected"
        yield f"{preview.source}, from {looked_at}: {counts}"
        for title, table in (
            ("rejected", preview.rejected),
            ("samples by the reason of their gold", preview.golds),
            ("also ignored", preview.ignored),
        ):
            if table:
                yield f"  {title}: {', '.join(f'{reason} {count:,}' for reason, count in table.items())}"
        yield from (f"  {line}" for line in iter_repair_lines(preview.repaired, preview.doubts))
        yield from (f"  {line}" for line in iter_part_lines(preview.negatives))
        yield from (f"  {sentence}" for sentence in preview.advice)
        if preview.stops_at:
            yield f"  the build would stop: {preview.stops_at}"
        if preview.requests:
            yield f"  requests to the model: about {preview.requests:,}, more where answers cannot be used"
        yield f"  time: about {_say_seconds(preview.seconds)}"
        if preview.captions:
            yield "  first captions:"
            yield from (f"    {caption}" for caption in preview.captions)
    yield from iter_word_lines([row for preview in previews for row in preview.words], recipe)


def _say_seconds(seconds: float) -> str:
    """A time in words.

    >>> _say_seconds(3.2), _say_seconds(600)
    ('4 s', '10 min')
    """
    if seconds < 2 * _SECONDS_PER_MINUTE:
        return f"{max(1, -int(-seconds // 1))} s"
    return f"{seconds / _SECONDS_PER_MINUTE:.0f} min"
