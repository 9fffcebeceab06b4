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

from scar.annotations import Draft, Name
from scar.annotations.inputs import check, digest
from scar.annotations.opening import Opened, are_heavy, open_sources
from scar.build.earlier_builds import neighbours
from scar.build.engine import Engine, EngineName, here, open_engine
from scar.build.image_folder import ImagesMode, put_images, refuse_to_replace, refuse_to_replace_images, remove_others
from scar.build.leakage import Leakage, find_leakage, kept, nameless, refuse
from scar.build.pipeline import Generator, image_folder, rules, shown, suited
from scar.build.refine import refined
from scar.build.report import REPORT, read_report
from scar.build.shard import SHARD_IMAGES, Job, Shard, ShardResult
from scar.build.shard_store import Store
from scar.common.files import is_inside, write_json
from scar.common.image_hash import parse_coco_identity
from scar.common.progress import Track
from scar.errors import BuildInterrupted, InputError, LeakageError, RecipeError, ScarError
from scar.formats.parquet import Writer
from scar.formats.schema import Origin
from scar.recipe import Recipe, Source
from scar.recipe import load as load_recipe
from scar.sample import Split

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk's quota is used up",
    errno.EFBIG: "files may not become so large",
}


@dataclass(frozen=True, slots=True)
class _How:
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
        how = _How(out, generator or rules(), images_mode, force, crew, track)
        try:
            how, plans, generators = _prepared(recipe, how)
        except BuildInterrupted as error:
            raise BuildInterrupted(f"{error}; the same command begins again.") from None
        return {
            plan.source.key: plan.finished or _build_source(plan, generators[plan.source.key], recipe, how)
            for plan in plans
        }


def _prepared(recipe: Recipe, how: _How) -> tuple[_How, list[_Plan], dict[str, Generator]]:
    """Look at all files and at what is there before any source is built.

    Returns:
        How to build what is not much, a plan of each source, and the generators of those that are to be built.
    """
    heavy = are_heavy(recipe.sources)
    opened, digests = open_sources(recipe.sources, recipe.skip_bad, how.engine if heavy else here, how.track)
    if not heavy and all(len(each.album) <= SHARD_IMAGES for each in opened):
        how = dataclasses.replace(how, engine=here)  # it is done before processes are there to do it
    leakage = _leakage(recipe, opened, how)
    plans = [_plan(each, digests, leakage, recipe, how) for each in opened]
    waiting = [plan for plan in plans if not plan.finished]
    fits = how.engine(plan.fit(how.generator, recipe.seed) for plan in waiting)
    suits = how.track(fits, "words of the sources", len(waiting))
    return how, plans, {plan.source.key: generator for plan, generator in zip(waiting, suits, strict=True)}


def _leakage(recipe: Recipe, opened: Sequence[Opened], how: _How) -> Leakage:
    """Train images that an eval split has, of this build and of what is in its folder.

    Raises:
        LeakageError: there are some, and the recipe does not say what becomes of them, or they were built before.
    """
    if recipe.overlap == "keep":
        return Leakage()
    keys = {source.key for source in recipe.sources}
    others: set[Split] = {"train" if source.split == "eval" else "eval" for source in recipe.sources}
    pairs = [(each.source, each.album) for each in opened]
    there = neighbours(how.out, keys, others, looks=any(nameless(*pair) for pair in pairs))
    leakage = find_leakage(pairs, how.engine, there)
    if recipe.overlap == "refuse":
        refuse(leakage)
    built = leakage.images.keys() - keys
    if built:
        raise LeakageError(
            f"images of eval splits are in train splits that are in {how.out} already ({leakage.table()}); build "
            f"{', '.join(sorted(built))} again after this, or both with one recipe, into another --out."
        )
    return leakage


@dataclass(frozen=True, slots=True)
class _Plan(Opened):
    """A source that is to be built, or is.

    Attributes:
        leakage: images that are held out of it, and why.
        origin: what the provenance says.
        entry: what the report says of its inputs and settings.
        rows: the file of its samples.
        name: names all that decides its bytes.
        finished: what the report says of it if it is built.
    """

    leakage: Leakage
    origin: Origin
    entry: dict[str, Any]
    rows: Path
    name: str
    finished: dict[str, Any] | None

    def drafts(self, places: Iterable[int]) -> tuple[Draft, ...]:
        """Those at some places, held out images as such."""
        held = self.leakage.images.get(self.source.key, frozenset())
        return tuple(kept(self.album[place], held) for place in places)

    def fit(self, generator: Generator, seed: int) -> Callable[[], Generator]:
        """The task of making a generator suit the source."""
        places = shown(len(self.album))
        return partial(suited, generator, self.drafts(places), self.source, seed, whole=len(places) == len(self.album))


def _plan(opened: Opened, digests: Mapping[Path, str], leakage: Leakage, recipe: Recipe, how: _How) -> _Plan:
    """See what is there of a source.

    Raises:
        InputError: something else is.
    """
    source = opened.source
    origin = Origin(how.generator.name, how.generator.version, source.licence, recipe.seed)
    rows = _row_path(source, how.out)
    entry = _settings(source, digests, recipe, origin, leakage.images.get(source.key, frozenset()))
    before = read_report(how.out).get(source.key)
    finished = None
    if before is not None and not how.force:
        if any(before.get(key) != entry[key] for key in entry):
            raise InputError(
                f"{rows}: built from other inputs or settings; --force replaces it, another --out keeps it."
            )
        if _is_complete(before, rows, _sidecar(rows, how.out), how.out / image_folder(source)):
            finished = dict(before)
    if not finished:
        _check_out(how.out)
    name = hashlib.sha256(json.dumps([source.key, entry, SHARD_IMAGES], sort_keys=True).encode()).hexdigest()
    return _Plan(source, opened.album, opened.tally, leakage, origin, entry, rows, name, finished)


def _build_source(plan: _Plan, generator: Generator, recipe: Recipe, how: _How) -> dict[str, Any]:
    """Build one source and publish it."""
    source, tally, rows, entry = plan.source, plan.tally, plan.rows, plan.entry
    store = Store(how.out / f".building-{source.name}-{source.split}", plan.name)
    sidecar, folder = _sidecar(rows, how.out), how.out / image_folder(source)
    count = -(-len(plan.album) // SHARD_IMAGES)
    used: dict[str, None] = {}

    def make(generator: Generator, again: int) -> Callable[[], Iterable[ShardResult]]:
        """The shards of the source, for the first time or again; each is made once, however often they are read."""
        own = f"{plan.name}-{again}" if again else plan.name
        place = Store(store.folder / f"again-{again}", own) if again else store
        job = Job(source, recipe, generator, plan.origin, own)
        about = f"building {source.key}" + (f", again ({again})" if again else "")
        return lambda: how.track(_results(job, plan, place, how.engine), about, count)

    try:
        refinement: dict[str, Any] = {}
        results = make(generator, 0)
        if recipe.refine:
            results, refinement = refined(generator, make, source.key, recipe.seed)
        new_rows, new_sidecar = store.folder / "rows.parquet", store.folder / "provenance.parquet"
        with Writer(new_rows, new_sidecar, source.split) as writer:
            for result in results():
                tally.add(result.tally)
                used |= dict.fromkeys(result.images)
                writer.add(result.rows, result.notes)
            writer.identify(_identities(plan.album.names(), used, source))
        tally.settle(source.key)
        if not tally.samples:
            reasons = json.dumps(_counts(tally.rejected))
            where = f" Its images are looked for in {source.images}." if tally.rejected["image_missing"] else ""
            where += f" Get them from {source.get}." if where and source.get else ""
            raise InputError(
                f"{next(iter(source.inputs.values()))}: none of its {tally.records} records became a sample: {reasons}."
                f"{where}{' Without --skip-bad the first bad one is named.' if recipe.skip_bad else ''}"
            )
        entry["sha256"] = {"rows": digest(new_rows), "provenance": digest(new_sidecar)}
        images = list(used)
        if not how.force:
            refuse_to_replace({new_sidecar: sidecar, new_rows: rows})
            refuse_to_replace_images(images, source.images, folder)
        put_images(images, source.images, folder, how.images_mode, how.track)
        for new, place in ((new_sidecar, sidecar), (new_rows, rows)):
            place.parent.mkdir(exist_ok=True)
            new.replace(place)
        remove_others(images, folder)
    except BuildInterrupted as error:
        raise BuildInterrupted(f"{source.key}: {error}; {_kept(store, count)}") from None
    except ScarError:
        store.remove()
        raise
    except OSError as error:
        if error.errno not in _FULL:
            raise
        problem = f"{_FULL[error.errno]} where {how.out} is: make room there"
        raise BuildInterrupted(f"{source.key}: {problem}; {_kept(store, count)}") from None

    entry |= {
        "file": rows.relative_to(how.out).as_posix(),
        "images": len(images),
        "records": tally.records,
        "samples": tally.samples,
        "rejected": _counts(tally.rejected),
        "ignored": _counts(tally.ignored),
        "overlap": plan.leakage.of(source.key),
        "vetoes": _counts(tally.vetoes),
        **({"refinement": refinement} if refinement else {}),
    }
    write_json({"sources": read_report(how.out) | {source.key: entry}}, how.out / REPORT)
    store.remove()
    return entry


def _identities(names: Iterable[Name], used: Collection[str], source: Source) -> dict[str, str]:
    """What only the source knows of the images that samples are about, by their paths in the corpus."""
    return {
        f"{image_folder(source)}/{name.file}": name.identity
        for name in names
        if name.identity is not None and name.file in used and name.identity != parse_coco_identity(name.file)
    }


def _is_complete(entry: dict[str, Any], rows: Path, sidecar: Path, folder: Path) -> bool:
    """Whether the files that a report tells of are there as they were built, and as many images."""
    if not (rows.is_file() and sidecar.is_file() and folder.is_dir()):
        return False
    if sum(path.is_file() for path in folder.rglob("*")) != entry["images"]:
        return False
    return bool(entry["sha256"] == {"rows": digest(rows), "provenance": digest(sidecar)})


def _results(job: Job, plan: _Plan, store: Store, engine: Engine) -> Iterator[ShardResult]:
    """What is made of each shard, in their order; what the store has is not made again."""
    every = range(len(plan.album))
    pieces = [every[start : start + SHARD_IMAGES] for start in every[::SHARD_IMAGES]]
    missing = [number for number in range(len(pieces)) if number not in store]
    shards = (Shard(job, plan.drafts(pieces[number])) for number in missing)
    made = engine(shards)
    wanted = set(missing)
    for number in range(len(pieces)):
        if number in wanted:
            store.put(number, next(made))
        yield store.get(number)


def _kept(store: Store, count: int) -> str:
    return f"{len(store)} of {count} shards are finished, and the same command goes on with the others."


def _check_paths(source: Source, out: Path) -> None:
    """See that the inputs are there before hours are spent on another source."""
    check(source)
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


def _settings(
    source: Source, digests: Mapping[Path, str], recipe: Recipe, origin: Origin, held: frozenset[int]
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
            "held_out": hashlib.sha256(repr(sorted(held)).encode()).hexdigest() if held else None,
            "reader": source.reader,
            "refine": recipe.refine,
            "seed": origin.seed,
            "skip_bad": recipe.skip_bad,
            "decode_images": recipe.decode_images,
        },
    }


def _row_path(source: Source, out: Path) -> Path:
    if source.split == "eval":
        return out / "SCaR-eval" / f"SCaR_eval_{source.name}.parquet"
    return out / "SCaR-train" / f"SCAR_{source.name}.parquet"


def _sidecar(rows: Path, out: Path) -> Path:
    """The file of what the samples were made of."""
    return out / "provenance" / rows.name


def _counts(counter: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counter.items()))
