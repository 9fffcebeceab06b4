"""Plan a build: find what its folder holds already, which images are held out, and what is left to build."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from scar.annotations.inputs import check_inputs, digest_input
from scar.annotations.opening import are_heavy, open_sources
from scar.annotations.pictures import PictureIndex, PictureRef, with_held_out
from scar.build.earlier_builds import find_earlier_builds
from scar.build.engine import Engine, run_here
from scar.build.image_folder import ImagesMode, image_folder_name
from scar.build.leakage import Leakage, describe_leakage, find_leakage, refuse_leakage
from scar.build.pipeline import fit_generator, select_fit_indices
from scar.build.review_decisions import DecisionsById, digest_decisions, select_decisions
from scar.common.files import is_inside, iter_paths
from scar.common.images import DEFAULT_MAX_PIXELS, max_pixels
from scar.common.progress import Track
from scar.errors import InputError, LeakageError, RecipeError
from scar.formats.build_report import read_report
from scar.formats.schema import PROVENANCE_SCHEMA
from scar.generators.generator import Generator
from scar.language.parse_texts import open_texts
from scar.language.user_words import NO_WORDS, Words
from scar.recipe import Recipe, Source
from scar.sample import Split

SHARD_IMAGES = 500
"""Images of a shard: one or two seconds of work, some megabytes. The corpus files do not depend on this number."""


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """How to build; the recipe says what to build.

    Attributes:
        out: the folder of the corpus.
        generator: writes the captions.
        images_mode: whether images are linked or copied.
        force: build again, and replace a build that has other inputs or settings.
        engine: runs the tasks.
        track: shows progress.
        words: the user's words for categories and scenes.
        decisions: what people decided about samples, by id.
    """

    out: Path
    generator: Generator
    images_mode: ImagesMode
    force: bool
    engine: Engine
    track: Track
    words: Words
    decisions: DecisionsById


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """A source that is to be built, or is built already.

    Attributes:
        index: the opened source.
        overlap: for a train source, the number of its images that an eval source also has, by the key of the eval
            source. It is empty for an eval source, and if the recipe keeps shared images.
        held_out: ids, in this source, of all images that ``overlap`` counts; they give no sample.
        inputs_entry: the source's inputs and settings, as the build report records them.
        rows: path of the parquet file of samples in the finished corpus.
        sidecar: path of the parquet file of provenance in the finished corpus.
        image_folder: path of the folder of images in the finished corpus.
        digest: SHA-256, in hexadecimal digits, of the source's key, inputs and settings. A build that was interrupted
            continues with its shards only if their digest is the same.
        finished_entry: the source's entry in the build report, if the corpus has its files unchanged; None if the
            source is still to be built.
        words: the user's words for categories and scenes.
        decisions: what people decided about the source's samples, by id.
    """

    index: PictureIndex
    overlap: dict[str, int]
    held_out: frozenset[int]
    inputs_entry: dict[str, Any]
    rows: Path
    sidecar: Path
    image_folder: Path
    digest: str
    finished_entry: dict[str, Any] | None
    words: Words
    decisions: DecisionsById

    @property
    def source(self) -> Source:
        """The source."""
        return self.index.source

    def select_pictures(self, indices: Sequence[int]) -> tuple[PictureRef, ...]:
        """References to the pictures at some indices of `index`; those of held-out images are `HeldOut`."""
        return tuple(with_held_out(self.index[index], self.held_out) for index in indices)

    def split_into_shards(self) -> list[range]:
        """For each shard, the indices in `index` of its pictures: at most `SHARD_IMAGES` that follow each other."""
        count = len(self.index)
        return [range(start, min(start + SHARD_IMAGES, count)) for start in range(0, count, SHARD_IMAGES)]

    def make_fit_task(self, generator: Generator, recipe: Recipe) -> Callable[[], Generator]:
        """Make the task that fits a generator to the source and returns the fitted one."""
        indices = select_fit_indices(len(self.index))
        refs, complete = self.select_pictures(indices), len(indices) == len(self.index)
        return partial(fit_generator, generator, refs, self.source, recipe, complete=complete, words=self.words)


def check_paths(source: Source, out: Path) -> None:
    """Check that the files of a source exist, before a build spends hours on another source.

    Raises:
        InputError: a file or folder is missing or cannot be read.
        RecipeError: the images of the source lie in the folder ``images`` of ``out``, where the build writes.
    """
    check_inputs(source)
    if is_inside(source.images, out / "images", resolve_links=True):
        raise RecipeError(
            f"{source.images}: the images of {source.key} lie where the build writes; give another --out."
        )


def make_plans(recipe: Recipe, settings: BuildSettings) -> tuple[BuildSettings, list[SourcePlan]]:
    """Open all sources and compare them with the builds that the folder holds already.

    Returns:
        The settings to build with, and a plan for each source. If the build is small, the settings' engine becomes
        `run_here`, which starts no processes.

    Raises:
        InputError: a file cannot be used, the folder cannot be written to, or it holds a different build of a source
            and `settings.force` is not set.
        BadRecord: a record cannot be used and the recipe does not skip such records.
        LeakageError: see `find_build_leakage`.
        BuildInterrupted: a worker was lost.
    """
    heavy = are_heavy(recipe.sources)
    engine = settings.engine if heavy else run_here
    indexes, digests = open_sources(recipe.sources, recipe.skip_bad, engine, settings.track, recipe.seed)
    if not heavy and all(len(index) <= SHARD_IMAGES for index in indexes):
        settings = dataclasses.replace(settings, engine=run_here)
    leakage = find_build_leakage(recipe, indexes, settings)
    return settings, [_make_plan(index, digests, leakage, recipe, settings) for index in indexes]


def find_build_leakage(recipe: Recipe, indexes: Sequence[PictureIndex], settings: BuildSettings) -> Leakage:
    """Find train images that an eval split also has, in this build and in earlier builds of its folder.

    Returns:
        The shared images; empty if there are none, or if the recipe keeps them: then nothing is searched.

    Raises:
        InputError: a file of an earlier build cannot be read.
        LeakageError: there are such images and the recipe refuses them, or an earlier build already has them in a
            train split, from which this build cannot drop them.
    """
    if recipe.overlap == "keep":
        return {}
    keys = {source.key for source in recipe.sources}
    other_splits: set[Split] = {"train" if source.split == "eval" else "eval" for source in recipe.sources}
    with_image_hash = any(index.lacks_id() for index in indexes)
    earlier = find_earlier_builds(settings.out, keys, other_splits, with_image_hash=with_image_hash)
    leakage = find_leakage(indexes, settings.engine, earlier)
    if recipe.overlap == "refuse":
        refuse_leakage(leakage, indexes, earlier)
    built = {train for train, _ in leakage} - keys
    if built:
        raise LeakageError(
            f"images of eval splits are in train splits that are in {settings.out} already "
            f"({describe_leakage(leakage)}); build {', '.join(sorted(built))} again after this, "
            "or both with one recipe, into another --out."
        )
    return leakage


def _make_plan(
    index: PictureIndex, digests: Mapping[Path, str], leakage: Leakage, recipe: Recipe, settings: BuildSettings
) -> SourcePlan:
    """Plan one source: compare it with the build of the same name and split in the folder, if there is one.

    Raises:
        InputError: that build has other inputs or settings and the settings do not force, or the folder cannot be
            written to.
    """
    source, out = index.source, settings.out
    shared = {held: ids for (train, held), ids in sorted(leakage.items()) if train == source.key}
    held_out = frozenset[int]().union(*shared.values())
    decisions = select_decisions(settings.decisions, source.key)
    entry = _make_inputs_entry(source, digests, recipe, settings, held_out)
    rows = out / _row_file_name(source)
    plan = SourcePlan(
        index=index,
        overlap={held: len(ids) for held, ids in shared.items()},
        held_out=held_out,
        inputs_entry=entry,
        rows=rows,
        sidecar=out / "provenance" / rows.name,
        image_folder=out / image_folder_name(source),
        digest=_digest_shards(source, entry),
        finished_entry=None,
        words=settings.words,
        decisions=decisions,
    )
    reported = read_report(out).get(source.key)
    if reported is not None and not settings.force:
        if any(reported.get(key) != entry[key] for key in entry):
            raise InputError(
                f"{rows}: built from other inputs or settings; --force replaces it, another --out keeps it."
            )
        if _is_complete(reported, plan):
            return dataclasses.replace(plan, finished_entry=dict(reported))
    check_out(out)
    return plan


def _is_complete(entry: dict[str, Any], plan: SourcePlan) -> bool:
    """Whether the folder still holds the files of a build report's entry unchanged, and the same number of images."""
    if not (plan.rows.is_file() and plan.sidecar.is_file() and plan.image_folder.is_dir()):
        return False
    if sum(path.is_file() for path in iter_paths(plan.image_folder)) != entry["images"]:
        return False
    return bool(entry["sha256"] == {"rows": digest_input(plan.rows), "provenance": digest_input(plan.sidecar)})


def check_out(out: Path) -> None:
    """Check that the folder of a corpus can be written to; if it does not exist, check the one that it will be made in.

    Raises:
        InputError: the path is a file, or there is no permission to write.
    """
    existing = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise InputError(f"{existing}: is a file, not a folder; give another --out.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"{existing}: no permission to write there; give another --out.")


def _digest_shards(source: Source, entry: Mapping[str, Any]) -> str:
    """Digest of everything that decides the shards of a source: another digest makes a build begin again."""
    decisive = [source.key, entry, SHARD_IMAGES, PROVENANCE_SCHEMA.names]
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def _make_inputs_entry(
    source: Source, digests: Mapping[Path, str], recipe: Recipe, settings: BuildSettings, held_out: frozenset[int]
) -> dict[str, Any]:
    """Inputs and settings that decide the bytes of a source's files, as its entry in the build report begins."""
    generator, words = settings.generator, settings.words
    decisions = select_decisions(settings.decisions, source.key)
    return {
        "inputs": {role: {"file": path.name, "sha256": digests[path]} for role, path in source.inputs.items()},
        "settings": {
            "generator": generator.name,
            "generator_version": generator.version,
            "licence": source.licence,
            "min_area_share": source.min_area_share,
            "min_side": int(side) if float(side := source.min_side).is_integer() else side,
            "max_per_image": source.max_per_image,
            **({"frame": source.frame} if source.frame else {}),
            **({"boxes": source.boxes} if source.boxes else {}),
            **({"eval_share": source.eval_share} if source.eval_share else {}),
            **({"words": hashlib.sha256(msgspec.json.encode(words)).hexdigest()} if words != NO_WORDS else {}),
            **({"max_pixels": max_pixels()} if max_pixels() != DEFAULT_MAX_PIXELS else {}),
            **({"decisions": digest_decisions(decisions)} if decisions else {}),
            "held_out": hashlib.sha256(repr(sorted(held_out)).encode()).hexdigest() if held_out else None,
            "parser": _name_parser(recipe) if generator.reads_texts else None,
            "reader": source.reader,
            "seed": recipe.seed,
            "skip_bad": recipe.skip_bad,
            "decode_images": recipe.decode_images,
        },
    }


def _name_parser(recipe: Recipe) -> str | None:
    """Name, version and digest of the parser of human texts; None if none is installed."""
    parser, _ = open_texts(recipe.parser, recipe.parses)
    return None if parser is None else f"{parser.name} {parser.version}, spaCy {parser.spacy_version}, {parser.sha256}"


def _row_file_name(source: Source) -> str:
    """Path of a source's samples in the folder of a corpus, as in the published corpus."""
    if source.split == "eval":
        return f"SCaR-eval/SCaR_eval_{source.name}.parquet"
    return f"SCaR-train/SCAR_{source.name}.parquet"
