"""A recipe becomes a folder: rows, provenance, images and the report of where every record went.

A source is built shard by shard under a hidden name and published when it is complete and its books balance: files take
their final names one by one, whole, the rows last but for the report. An interrupted build leaves no half file; the
next one takes over the shards that are finished.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scar.annotations import PictureKey, PictureRef
from scar.annotations.inputs import check_inputs, digest_input
from scar.annotations.opening import OpenedSource, are_heavy, open_sources
from scar.annotations.pictures import lacks_id, with_held_out
from scar.build.earlier_builds import find_earlier_builds
from scar.build.engine import Engine, EngineName, open_engine, run_here
from scar.build.image_folder import ImagesMode, put_images, refuse_to_replace, refuse_to_replace_images, remove_others
from scar.build.leakage import Leakage, find_leakage, refuse_leakage
from scar.build.pipeline import fit_generator, image_folder_name, select_fit_indices
from scar.build.refine import refine_source
from scar.build.shard import SHARD_IMAGES, Job, Shard, ShardResult
from scar.build.shard_store import ShardStore
from scar.common.files import is_inside, write_json
from scar.common.image_hash import parse_coco_identity
from scar.common.progress import Track
from scar.errors import BuildInterrupted, InputError, LeakageError, RecipeError, ScarError
from scar.formats.build_report import REPORT_NAME, read_report
from scar.formats.schema import Origin
from scar.formats.writer import SampleWriter
from scar.generators.generator import Generator, make_rules_generator
from scar.recipe import Recipe, Source
from scar.recipe import read_recipe as load_recipe
from scar.sample import Split

_DISK_PROBLEMS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk's quota is used up",
    errno.EFBIG: "files may not become so large",
}


@dataclass(frozen=True, slots=True)
class _BuildSettings:
    """How to build, whatever it is."""

    out: Path
    generator: Generator
    images_mode: ImagesMode
    force: bool
    engine: Engine
    track: Track


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
    """Build the sources of a recipe; `scar.build` says what the arguments are."""
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(Path(recipe))
    for source in recipe.sources:
        _check_paths(source, out)
    with ExitStack() as stack:
        crew = open_engine(engine, workers, stack)
        how = _BuildSettings(out, generator or make_rules_generator(), images_mode, force, crew, track)
        try:
            how, plans, generators = _make_plans(recipe, how)
        except BuildInterrupted as error:
            raise BuildInterrupted(f"{error}; the same command begins again.") from None
        return {
            plan.source.key: plan.finished_entry or _build_source(plan, generators[plan.source.key], recipe, how)
            for plan in plans
        }


def _make_plans(
    recipe: Recipe, settings: _BuildSettings
) -> tuple[_BuildSettings, list[SourcePlan], dict[str, Generator]]:
    """Look at all files and at what is there before any source is built.

    Returns:
        How to build what is not much, a plan of each source, and the generators of those that are to be built.
    """
    heavy = are_heavy(recipe.sources)
    opened, digests = open_sources(
        recipe.sources, recipe.skip_bad, settings.engine if heavy else run_here, settings.track
    )
    if not heavy and all(len(each.index) <= SHARD_IMAGES for each in opened):
        settings = dataclasses.replace(settings, engine=run_here)  # it is done before processes are there to do it
    leakage = _find_build_leakage(recipe, opened, settings)
    plans = [_make_plan(each, digests, leakage, recipe, settings) for each in opened]
    waiting = [plan for plan in plans if not plan.finished_entry]
    fits = settings.engine(plan.make_fit_task(settings.generator, recipe.seed) for plan in waiting)
    suits = settings.track(fits, "words of the sources", len(waiting))
    return settings, plans, {plan.source.key: generator for plan, generator in zip(waiting, suits, strict=True)}


def _find_build_leakage(recipe: Recipe, opened: Sequence[OpenedSource], settings: _BuildSettings) -> Leakage:
    """Train images that an eval split has, of this build and of what is in its folder.

    Raises:
        LeakageError: there are some, and the recipe does not say what becomes of them, or they were built before.
    """
    if recipe.overlap == "keep":
        return Leakage()
    keys = {source.key for source in recipe.sources}
    others: set[Split] = {"train" if source.split == "eval" else "eval" for source in recipe.sources}
    pairs = [(each.source, each.index) for each in opened]
    there = find_earlier_builds(settings.out, keys, others, with_image_hash=any(lacks_id(*pair) for pair in pairs))
    leakage = find_leakage(pairs, settings.engine, there)
    if recipe.overlap == "refuse":
        refuse_leakage(leakage)
    built = leakage.image_ids.keys() - keys
    if built:
        raise LeakageError(
            f"images of eval splits are in train splits that are in {settings.out} already ({leakage.to_text()}); "
            "build "
            f"{', '.join(sorted(built))} again after this, or both with one recipe, into another --out."
        )
    return leakage


@dataclass(frozen=True, slots=True)
class SourcePlan(OpenedSource):
    """A source that is to be built, or is.

    Attributes:
        leakage: images that are held out of it, and why.
        origin: what the provenance says.
        report_entry: what the report says of its inputs and settings.
        row_path: the file of its samples.
        digest: names all that decides its bytes.
        finished_entry: what the report says of it if it is built.
    """

    leakage: Leakage
    origin: Origin
    report_entry: dict[str, Any]
    row_path: Path
    digest: str
    finished_entry: dict[str, Any] | None

    def select_pictures(self, indices: Iterable[int]) -> tuple[PictureRef, ...]:
        """Those at some places, held out images as such."""
        held = self.leakage.image_ids.get(self.source.key, frozenset())
        return tuple(with_held_out(self.index[place], held) for place in indices)

    def make_fit_task(self, generator: Generator, seed: int) -> Callable[[], Generator]:
        """The task of making a generator suit the source."""
        places = select_fit_indices(len(self.index))
        return partial(
            fit_generator,
            generator,
            self.select_pictures(places),
            self.source,
            seed,
            whole=len(places) == len(self.index),
        )


def _make_plan(
    opened: OpenedSource, digests: Mapping[Path, str], leakage: Leakage, recipe: Recipe, settings: _BuildSettings
) -> SourcePlan:
    """See what is there of a source.

    Raises:
        InputError: something else is.
    """
    source = opened.source
    origin = Origin(settings.generator.name, settings.generator.version, source.licence, recipe.seed)
    rows = _path_of_rows(source, settings.out)
    entry = _make_report_entry(source, digests, recipe, origin, leakage.image_ids.get(source.key, frozenset()))
    before = read_report(settings.out).get(source.key)
    finished = None
    if before is not None and not settings.force:
        if any(before.get(key) != entry[key] for key in entry):
            raise InputError(
                f"{rows}: built from other inputs or settings; --force replaces it, another --out keeps it."
            )
        if _is_complete(before, rows, _sidecar_path(rows, settings.out), settings.out / image_folder_name(source)):
            finished = dict(before)
    if not finished:
        _check_out(settings.out)
    name = hashlib.sha256(json.dumps([source.key, entry, SHARD_IMAGES], sort_keys=True).encode()).hexdigest()
    return SourcePlan(source, opened.index, opened.tally, leakage, origin, entry, rows, name, finished)


def _build_source(plan: SourcePlan, generator: Generator, recipe: Recipe, settings: _BuildSettings) -> dict[str, Any]:
    """Build one source and publish it."""
    source, tally, rows, entry = plan.source, plan.tally, plan.row_path, plan.report_entry
    store = ShardStore(settings.out / f".building-{source.name}-{source.split}", plan.digest)
    sidecar, folder = _sidecar_path(rows, settings.out), settings.out / image_folder_name(source)
    count = -(-len(plan.index) // SHARD_IMAGES)
    used: dict[str, None] = {}

    def start_round(generator: Generator, round_number: int) -> Callable[[], Iterable[ShardResult]]:
        """The shards of the source, for the first time or again; each is made once, however often they are read."""
        own = f"{plan.digest}-{round_number}" if round_number else plan.digest
        place = ShardStore(store.folder / f"again-{round_number}", own) if round_number else store
        job = Job(source, recipe, generator, plan.origin, own)
        about = f"building {source.key}" + (f", again ({round_number})" if round_number else "")
        return lambda: settings.track(_iter_shard_results(job, plan, place, settings.engine), about, count)

    try:
        refinement: dict[str, Any] = {}
        results = start_round(generator, 0)
        if recipe.refine:
            results, refinement = refine_source(generator, start_round, source.key, recipe.seed)
        new_rows, new_sidecar = store.folder / "rows.parquet", store.folder / "provenance.parquet"
        with SampleWriter(new_rows, new_sidecar, source.split) as writer:
            for result in results():
                tally.add_tally(result.tally)
                used |= dict.fromkeys(result.images)
                writer.add_tables(result.rows, result.notes)
            writer.add_identities(_collect_identities(plan.index.iter_keys(), used, source))
        tally.check_identity(source.key)
        if not tally.samples:
            reasons = json.dumps(_sorted_counts(tally.rejected))
            where = f" Its images are looked for in {source.images}." if tally.rejected["image_missing"] else ""
            where += f" Get them from {source.get}." if where and source.get else ""
            raise InputError(
                f"{next(iter(source.inputs.values()))}: none of its {tally.records} records became a sample: {reasons}."
                f"{where}{' Without --skip-bad the first bad one is named.' if recipe.skip_bad else ''}"
            )
        entry["sha256"] = {"rows": digest_input(new_rows), "provenance": digest_input(new_sidecar)}
        images = list(used)
        if not settings.force:
            refuse_to_replace({new_sidecar: sidecar, new_rows: rows})
            refuse_to_replace_images(images, source.images, folder)
        put_images(images, source.images, folder, settings.images_mode, settings.track)
        for new, place in ((new_sidecar, sidecar), (new_rows, rows)):
            place.parent.mkdir(exist_ok=True)
            new.replace(place)
        remove_others(images, folder)
    except BuildInterrupted as error:
        raise BuildInterrupted(f"{source.key}: {error}; {_progress_text(store, count)}") from None
    except ScarError:
        store.remove_folder()
        raise
    except OSError as error:
        if error.errno not in _DISK_PROBLEMS:
            raise
        problem = f"{_DISK_PROBLEMS[error.errno]} where {settings.out} is: make room there"
        raise BuildInterrupted(f"{source.key}: {problem}; {_progress_text(store, count)}") from None

    entry |= {
        "file": rows.relative_to(settings.out).as_posix(),
        "images": len(images),
        "records": tally.records,
        "samples": tally.samples,
        "rejected": _sorted_counts(tally.rejected),
        "ignored": _sorted_counts(tally.ignored),
        "overlap": plan.leakage.count_by_eval(source.key),
        "vetoes": _sorted_counts(tally.vetoes),
        **({"refinement": refinement} if refinement else {}),
    }
    write_json({"sources": read_report(settings.out) | {source.key: entry}}, settings.out / REPORT_NAME)
    store.remove_folder()
    return entry


def _collect_identities(names: Iterable[PictureKey], used: Collection[str], source: Source) -> dict[str, str]:
    """What only the source knows of the images that samples are about, by their paths in the corpus."""
    return {
        f"{image_folder_name(source)}/{name.file}": name.identity
        for name in names
        if name.identity is not None and name.file in used and name.identity != parse_coco_identity(name.file)
    }


def _is_complete(entry: dict[str, Any], rows: Path, sidecar: Path, folder: Path) -> bool:
    """Whether the files that a report tells of are there as they were built, and as many images."""
    if not (rows.is_file() and sidecar.is_file() and folder.is_dir()):
        return False
    if sum(path.is_file() for path in folder.rglob("*")) != entry["images"]:
        return False
    return bool(entry["sha256"] == {"rows": digest_input(rows), "provenance": digest_input(sidecar)})


def _iter_shard_results(job: Job, plan: SourcePlan, store: ShardStore, engine: Engine) -> Iterator[ShardResult]:
    """What is made of each shard, in their order; what the store has is not made again."""
    every = range(len(plan.index))
    pieces = [every[start : start + SHARD_IMAGES] for start in every[::SHARD_IMAGES]]
    missing = [number for number in range(len(pieces)) if number not in store]
    shards = (Shard(job, plan.select_pictures(pieces[number])) for number in missing)
    made = engine(shards)
    wanted = set(missing)
    for number in range(len(pieces)):
        if number in wanted:
            store.write_shard(number, next(made))
        yield store.read_shard(number)


def _progress_text(store: ShardStore, total: int) -> str:
    return f"{len(store)} of {total} shards are finished, and the same command goes on with the others."


def _check_paths(source: Source, out: Path) -> None:
    """See that the inputs are there before hours are spent on another source."""
    check_inputs(source)
    if is_inside(source.images, out / "images"):
        raise RecipeError(
            f"{source.images}: the images of {source.key} lie where the build writes; give another --out."
        )


def _check_out(out: Path) -> None:
    """See that the folder is one and that it can be written to.

    Raises:
        InputError: it is a file, or there is no permission.
    """
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not there.is_dir():
        raise InputError(f"{there}: is a file, not a folder; give another --out.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{there}: no permission to write there; give another --out.")


def _make_report_entry(
    source: Source, digests: Mapping[Path, str], recipe: Recipe, origin: Origin, held_out: frozenset[int]
) -> dict[str, Any]:
    """What decides the bytes of a source."""
    return {
        "inputs": {role: {"file": path.name, "sha256": digests[path]} for role, path in source.inputs.items()},
        "settings": {
            "generator": origin.generator,
            "generator_version": origin.generator_version,
            "licence": origin.licence,
            "min_area_share": source.min_area_share,
            "min_side": source.min_side,
            "max_per_image": source.max_per_image,
            "held_out": hashlib.sha256(repr(sorted(held_out)).encode()).hexdigest() if held_out else None,
            "reader": source.reader,
            "refine": recipe.refine,
            "seed": origin.seed,
            "skip_bad": recipe.skip_bad,
            "decode_images": recipe.decode_images,
        },
    }


def _path_of_rows(source: Source, out: Path) -> Path:
    if source.split == "eval":
        return out / "SCaR-eval" / f"SCaR_eval_{source.name}.parquet"
    return out / "SCaR-train" / f"SCAR_{source.name}.parquet"


def _sidecar_path(rows: Path, out: Path) -> Path:
    """The file of what the samples were made of."""
    return out / "provenance" / rows.name


def _sorted_counts(counter: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counter.items()))
