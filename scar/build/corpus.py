"""Build the sources of a recipe into a folder: rows, provenance, images and the build report.

A source is built shard by shard in a hidden folder. When all shards are finished and every record is accounted for, its
files move to their final names, and the build report is written last. No file is ever visible half-written. After an
interruption, the next build reuses the finished shards.
"""

from __future__ import annotations

import errno
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from scar.accounting import Tally
from scar.annotations.inputs import digest_input
from scar.annotations.pictures import PictureKey
from scar.build.advice import iter_advice
from scar.build.engine import Engine, EngineName, open_engine
from scar.build.image_folder import (
    ImagesMode,
    image_folder_name,
    put_images,
    refuse_to_replace,
    refuse_to_replace_images,
    remove_others,
)
from scar.build.part_origins import summarize_parts
from scar.build.plan import BuildSettings, SourcePlan, check_paths, make_plans
from scar.build.review_decisions import read_by_sample
from scar.build.shard import ShardResult, build_shard
from scar.build.shard_store import ShardStore
from scar.common.files import write_json
from scar.common.image_hash import parse_coco_identity
from scar.common.progress import Track
from scar.errors import BuildInterrupted, InputError, RecipeError, ScarError
from scar.formats.build_report import REPORT_NAME, read_report
from scar.formats.writer import SampleWriter
from scar.generators.default import make_rules_generator
from scar.generators.generator import Generator
from scar.language.parse_texts import merge_parses
from scar.language.user_words import NO_WORDS, read_words
from scar.recipe import Recipe, Source, read_recipe

_DISK_PROBLEMS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk's quota is used up",
    errno.EFBIG: "files may not become so large",
}


def build_corpus(
    recipe: Recipe | Path | str,
    out: Path,
    generator: Generator | None,
    images_mode: ImagesMode,
    force: bool,
    workers: int,
    engine: EngineName,
    track: Track,
) -> dict[str, Any]:
    """Build the sources of a recipe; `scar.build` documents the arguments."""
    recipe = recipe if isinstance(recipe, Recipe) else read_recipe(Path(recipe))
    if not recipe.sources:
        raise RecipeError("the recipe has no source; give at least one.")
    generator = generator or make_rules_generator()
    words = read_words(recipe.word_file) if recipe.word_file else NO_WORDS
    decisions = read_by_sample(recipe.decisions)
    for source in recipe.sources:
        check_paths(source, out)
    with ExitStack() as stack:
        run = open_engine(engine, workers, stack, _list_worker_modules(generator))
        settings = BuildSettings(out, generator, images_mode, force, run, track, words, decisions)
        try:
            settings, plans = make_plans(recipe, settings)
            generators = fit_generators(plans, recipe, settings)
        except BuildInterrupted as error:
            raise BuildInterrupted(f"{error}; the same command begins again.") from None
        report = {
            plan.source.key: plan.finished_entry or _build_source(plan, generators[plan.source.key], recipe, settings)
            for plan in plans
        }
        if recipe.parses is not None and generator.reads_texts:
            merge_parses(recipe.parser, recipe.parses)
        return report


def _list_worker_modules(generator: Generator) -> list[str]:
    """Names of the modules that workers import before they start: those of the tasks and of the generator."""
    functions: list[Callable[..., Any]] = [build_shard, generator.write_golds, generator.write_negatives]
    modules = dict.fromkeys(getattr(function, "__module__", "__main__") for function in functions)
    return [module for module in modules if module != "__main__"]


def fit_generators(plans: list[SourcePlan], recipe: Recipe, settings: BuildSettings) -> dict[str, Generator]:
    """Fit the generator to each source that is not finished; returns the fitted generators by key of the source."""
    unfinished = [plan for plan in plans if not plan.finished_entry]
    tasks = (plan.make_fit_task(settings.generator, recipe) for plan in unfinished)
    fitted = settings.track(settings.engine(tasks), "words of the sources", len(unfinished))
    return {plan.source.key: generator for plan, generator in zip(unfinished, fitted, strict=True)}


def _build_source(plan: SourcePlan, generator: Generator, recipe: Recipe, settings: BuildSettings) -> dict[str, Any]:
    """Build one source, move its files to their final names, and write its entry into the build report.

    Returns:
        The entry of the source in the build report.
    """
    key = plan.source.key
    store = ShardStore(settings.out / f".building-{plan.source.name}-{plan.source.split}", plan.digest)
    try:
        entry = _build_and_publish(plan, generator, recipe, settings, store)
    except BuildInterrupted as error:
        problem = str(error)
    except ScarError:
        store.remove_folder()
        raise
    except OSError as error:
        if error.errno not in _DISK_PROBLEMS:
            raise
        problem = f"{_DISK_PROBLEMS[error.errno]} where {settings.out} is: make room there"
    else:
        write_json({"sources": read_report(settings.out) | {key: entry}}, settings.out / REPORT_NAME)
        store.remove_folder()
        return entry
    progress = f"{len(store)} of {len(plan.split_into_shards())} shards are finished"
    raise BuildInterrupted(f"{key}: {problem}; {progress}, and the same command goes on with the others.")


def _build_and_publish(
    plan: SourcePlan, generator: Generator, recipe: Recipe, settings: BuildSettings, store: ShardStore
) -> dict[str, Any]:
    """Build one source and move its files to their final names.

    Returns:
        The entry of the source in the build report.

    Raises:
        InputError: no record became a sample, or different files have the final names and the settings do not force.
        AccountingError: records went missing.
    """
    source, tally = plan.source, plan.index.tally

    results = _iter_shard_results(plan, recipe, generator, store, settings.engine)
    rows, sidecar = store.folder / "rows.parquet", store.folder / "provenance.parquet"
    used: dict[str, None] = {}
    turned: dict[str, None] = {}
    given_regions, given_images = plan.index.list_given_ids()
    regions: set[int] = set()
    pictures: set[int] = set()
    with SampleWriter(rows, sidecar, source.split) as writer:
        for result in settings.track(results, f"building {source.key}", len(plan.split_into_shards())):
            tally.add_tally(result.tally)
            used |= dict.fromkeys(result.images)
            turned |= dict.fromkeys(result.turned)
            writer.add_tables(result.rows, result.notes)
            regions.update(result.notes["region_id"].to_pylist() if given_regions else ())
            pictures.update(result.rows["image_id"].to_pylist() if given_images else ())
        writer.add_given_ids(
            {number: given_regions[number] for number in regions if number in given_regions},
            {number: given_images[number] for number in pictures if number in given_images},
        )
        writer.add_identities(_collect_identities(plan.index.iter_keys(), used, source))
    tally.check_balance(source.key)
    if not tally.samples:
        raise InputError(_explain_no_samples(plan, recipe))
    sha256 = {"rows": digest_input(rows), "provenance": digest_input(sidecar)}
    upright = store.folder / "upright"
    turned_counts: Counter[str] = Counter()
    if turned:
        from scar.build.turned_images import turn_images  # Pillow's formats take a tenth of a small build to import

        turned_counts = turn_images(list(turned), source.images, upright, settings.engine, settings.track)
    images = {image: f"{upright if image in turned else source.images}/{image}" for image in used}
    _publish_files(plan, rows, sidecar, images, settings)
    return plan.inputs_entry | {
        "sha256": sha256,
        "file": plan.rows.relative_to(settings.out).as_posix(),
        "images": len(used),
        "records": tally.records,
        "samples": tally.samples,
        "rejected": _sorted_counts(tally.rejected),
        "ignored": _sorted_counts(tally.ignored),
        "overlap": plan.overlap,
        "vetoes": _sorted_counts(tally.vetoes),
        "golds": {
            reason: {"chosen": count, "samples": tally.reasons[reason]}
            for reason, count in _sorted_counts(tally.golds).items()
        },
        "negatives": summarize_parts(tally),
        **({"reviewed": _count_reviewed(tally, plan)} if plan.decisions else {}),
        **({"usage": _sorted_counts(tally.usage)} if tally.usage else {}),
        **({"repaired": _sorted_counts(tally.repaired)} if tally.repaired else {}),
        **({"doubts": _sorted_counts(tally.doubts)} if tally.doubts else {}),
        **({"turned_images": _sorted_counts(turned_counts)} if turned_counts else {}),
    }


def _iter_shard_results(
    plan: SourcePlan, recipe: Recipe, generator: Generator, store: ShardStore, engine: Engine
) -> Iterator[ShardResult]:
    """Yield the result of each shard, in order; build only the shards that the store lacks."""
    shards = plan.split_into_shards()
    missing = [number for number in range(len(shards)) if number not in store]
    tasks = (partial(build_shard, plan.select_pictures(shards[number])) for number in missing)
    results = engine(tasks, shared=(plan.source, recipe, generator, store.digest, plan.words, plan.decisions))
    for number in range(len(shards)):
        if number in missing:
            store.write_shard(number, next(results))
        yield store.read_shard(number)


def _publish_files(
    plan: SourcePlan, rows: Path, sidecar: Path, images: Mapping[str, str], settings: BuildSettings
) -> None:
    """Put images, provenance and rows into the corpus, in this order.

    Args:
        plan: the source, with the final paths of its files.
        rows: the file of samples.
        sidecar: the file of their provenance.
        images: the file of each image, by its path in the image folder.
        settings: whether to link or copy images and to replace other files.

    Raises:
        InputError: the corpus holds different files of the same names, and the settings do not force.
    """
    folder = plan.image_folder
    if not settings.force:
        refuse_to_replace({sidecar: plan.sidecar, rows: plan.rows})
        refuse_to_replace_images(images, folder)
    put_images(images, folder, settings.images_mode, settings.track)
    for new, path in ((sidecar, plan.sidecar), (rows, plan.rows)):
        path.parent.mkdir(exist_ok=True)
        new.replace(path)
    remove_others(images, folder)


def _collect_identities(keys: Iterable[PictureKey], used: Collection[str], source: Source) -> dict[str, str]:
    """Identities of the used images, by path in the corpus; without those that the file name gives anyway."""
    return {
        f"{image_folder_name(source)}/{key.file}": key.identity
        for key in keys
        if key.identity is not None and key.file in used and key.identity != parse_coco_identity(key.file)
    }


def _count_reviewed(tally: Tally, plan: SourcePlan) -> dict[str, int]:
    """Number of decided samples by what became of them; ``of no sample`` are those that the build does not write."""
    counts = _sorted_counts(tally.reviewed)
    return counts | {"of no sample": len(plan.decisions) - sum(counts.values())}


def _explain_no_samples(plan: SourcePlan, recipe: Recipe) -> str:
    """Explain in a message why no record became a sample, and what to do."""
    source, tally = plan.source, plan.index.tally
    hint = f" Its images are looked for in {source.images}." if tally.rejected["image_missing"] else ""
    hint += f" Get them from {source.get}." if hint and source.get else ""
    hint += "".join(f" {sentence}" for sentence in iter_advice(plan.index, tally, plan.words))
    hint += " Without --skip-bad the first bad one is named." if recipe.skip_bad else ""
    reasons = json.dumps(_sorted_counts(tally.rejected))
    file = next(iter(source.inputs.values()))
    return f"{file}: none of its {tally.records} records became a sample: {reasons}.{hint}"


def _sorted_counts(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))
