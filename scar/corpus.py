"""A recipe becomes a folder: rows, provenance, images and the report of where every record went.

A source is written under a hidden name and published when it is complete and its books balance: files take their final
names one by one, whole, the rows last but for the report. An interrupted build leaves no half file; the next one starts
its source afresh.
"""

from __future__ import annotations

import filecmp
import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeAlias

from scar.errors import InputError, RecipeError
from scar.identity import Leakage, find_leakage, refuse, without
from scar.images import locate
from scar.parquet import Origin, write
from scar.pipeline import Generator, image_folder, rules, samples
from scar.progress import Track, silent
from scar.recipe import Recipe, Source
from scar.recipe import load as load_recipe
from scar.sample import Sample
from scar.sources import Album, open_album
from scar.sources.inputs import check, digest
from scar.tally import Tally

ImagesMode: TypeAlias = Literal["link", "copy"]

REPORT = "build_report.json"


def build(
    recipe: Recipe | Path | str,
    out: Path | str,
    *,
    generator: Generator | None = None,
    images_mode: ImagesMode = "link",
    force: bool = False,
    track: Track = silent,
) -> dict[str, Any]:
    """Build the sources of a recipe into a folder; other sources in it stay.

    The same inputs, recipe and seed give the same bytes.

    Args:
        recipe: what to build, or the path of a recipe file.
        out: the folder; made if it is not there.
        generator: writes the captions; by default the rules.
        images_mode: ``link`` makes hard links to the source's images and copies where that is not possible.
        force: replace a build of the same name and split that differs.
        track: shows progress.

    Returns:
        The report of the sources built, as ``build_report.json`` has it, by ``<name>/<split>``.

    Raises:
        RecipeError: the recipe does not validate.
        InputError: a file or record cannot be used, no record becomes a sample, or another build is in the way.
        LeakageError: a train image is in an eval split, and the recipe does not say what becomes of it.
        AccountingError: records went missing; nothing of that source is published.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(Path(recipe))
    out, generator = Path(out), generator or rules()
    for source in recipe.sources:
        _check_paths(source, out)
    tallies = [Tally(skip_bad=recipe.skip_bad) for _ in recipe.sources]
    albums = [open_album(source, tally) for source, tally in zip(recipe.sources, tallies, strict=True)]
    leakage = find_leakage(list(zip(recipe.sources, albums, strict=True))) if recipe.overlap != "keep" else Leakage()
    if recipe.overlap == "refuse":
        refuse(leakage)
    return {
        source.key: _build_source(source, album, tally, leakage, recipe, out, generator, images_mode, force, track)
        for source, album, tally in zip(recipe.sources, albums, tallies, strict=True)
    }


def read_report(folder: Path) -> dict[str, Any]:
    """The sources that were built into a folder, by ``<name>/<split>``; empty when there is no report.

    Raises:
        InputError: the report is not one.
    """
    path = folder / REPORT
    try:
        sources = json.loads(path.read_text(encoding="utf-8"))["sources"]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no build report ({error}); remove it and build again.") from None
    if not isinstance(sources, dict):
        raise InputError(f"{path}: no build report; remove it and build again.")
    return sources


def write_json(content: dict[str, Any], path: Path) -> None:
    """Write a file that says the same in the same bytes, under a temporary name first."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)


def _build_source(
    source: Source,
    album: Album,
    tally: Tally,
    leakage: Leakage,
    recipe: Recipe,
    out: Path,
    generator: Generator,
    images_mode: ImagesMode,
    force: bool,
    track: Track,
) -> dict[str, Any]:
    """Build one source and publish it."""
    origin = Origin(generator.name, generator.version, source.licence, recipe.seed)
    rows = _row_path(source, out)
    sidecar = out / "provenance" / rows.name
    held = leakage.images.get(source.key, frozenset())
    entry = _settings(source, recipe, origin, held)
    before = read_report(out).get(source.key)
    if before is not None and not force and any(before.get(key) != entry[key] for key in entry):
        raise InputError(f"{rows}: built from other inputs or settings; --force replaces it, another --out keeps it.")

    staging = out / f".building-{source.name}-{source.split}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        new_rows, new_sidecar = staging / "rows.parquet", staging / "provenance.parquet"
        used: dict[str, None] = {}
        pictures = (draft(tally) for draft in without(album, held))
        told = samples(track(pictures, f"building {source.key}", len(album)), source, recipe.seed, generator, tally)
        write(_noting(told, used), source.split, origin, new_rows, new_sidecar)
        tally.settle(source.key)
        if not tally.samples:
            reasons = json.dumps(_counts(tally.rejected))
            raise InputError(
                f"{next(iter(source.inputs.values()))}: none of its {tally.records} records became a sample: {reasons}."
            )

        folder = out / image_folder(source)
        images = {locate(source.images, file, source.key): folder / file for file in used}
        if not force:
            _refuse_to_replace({**images, new_sidecar: sidecar, new_rows: rows})
        for image, place in track(images.items(), f"images of {source.key}", len(images)):
            _put_image(image, place, images_mode)
        for new, place in ((new_sidecar, sidecar), (new_rows, rows)):
            place.parent.mkdir(exist_ok=True)
            new.replace(place)
        _remove_others(folder, set(images.values()))
    finally:
        shutil.rmtree(staging, ignore_errors=True)

    entry |= {
        "file": rows.relative_to(out).as_posix(),
        "images": len(used),
        "records": tally.records,
        "samples": tally.samples,
        "rejected": _counts(tally.rejected),
        "ignored": _counts(tally.ignored),
        "overlap": leakage.of(source.key),
        "vetoes": _counts(tally.vetoes),
    }
    write_json({"sources": read_report(out) | {source.key: entry}}, out / REPORT)
    return entry


def _check_paths(source: Source, out: Path) -> None:
    """See that the inputs are there before hours are spent on another source."""
    check(source)
    if source.images.resolve().is_relative_to((out / "images").resolve()):
        raise RecipeError(
            f"{source.images}: the images of {source.key} lie where the build writes; give another --out."
        )


def _settings(source: Source, recipe: Recipe, origin: Origin, held: frozenset[int]) -> dict[str, Any]:
    """What decides the bytes of a source."""
    return {
        "inputs": {role: {"file": path.name, "sha256": digest(path)} for role, path in source.inputs.items()},
        "settings": {
            "generator": origin.generator,
            "generator_version": origin.generator_version,
            "licence": origin.licence,
            "min_area_share": source.min_area_share,
            "min_side": source.min_side,
            "max_per_image": source.max_per_image,
            "held_out": hashlib.sha256(repr(sorted(held)).encode()).hexdigest() if held else None,
            "reader": source.reader,
            "seed": origin.seed,
            "skip_bad": recipe.skip_bad,
        },
    }


def _row_path(source: Source, out: Path) -> Path:
    if source.split == "eval":
        return out / "SCaR-eval" / f"SCaR_eval_{source.name}.parquet"
    return out / "SCaR-train" / f"SCAR_{source.name}.parquet"


def _noting(samples: Iterable[Sample], used: dict[str, None]) -> Iterable[Sample]:
    """Note the image files of the samples that pass, in their order."""
    for sample in samples:
        used[sample.image.split("/", 2)[2]] = None
        yield sample


def _put_image(image: Path, place: Path, mode: ImagesMode) -> None:
    """Link or copy an image to its place, whole or not at all."""
    if place.exists() and place.samefile(image):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f".{place.name}.partial")
    partial.unlink(missing_ok=True)
    if mode == "copy" or not _link(image, partial):
        shutil.copyfile(image, partial)
    partial.replace(place)


def _link(image: Path, place: Path) -> bool:
    """Whether the file system made a hard link: not across disks, and not on all of them."""
    try:
        place.hardlink_to(image.resolve())
    except OSError:
        return False
    return True


def _remove_others(folder: Path, kept: set[Path]) -> None:
    """Remove the images that an earlier build of this source used and this one does not."""
    for path in folder.rglob("*"):
        if path.is_file() and path not in kept:
            path.unlink()


def _refuse_to_replace(files: dict[Path, Path]) -> None:
    """See that no file would take the place of a different one."""
    for new, place in files.items():
        if place.exists() and not (place.samefile(new) or filecmp.cmp(new, place, shallow=False)):
            raise InputError(f"{place}: holds something else; --force replaces it, another --out keeps it.")


def _counts(counter: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counter.items()))
