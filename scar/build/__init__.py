"""From a recipe to a folder of rows, provenance, images and a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scar.common.progress import Track, track_silently

if TYPE_CHECKING:
    from scar.build.engine import EngineName
    from scar.build.image_folder import ImagesMode
    from scar.generators.generator import Generator
    from scar.recipe import Recipe


def build(
    recipe: Recipe | Path | str,
    out: Path | str,
    *,
    generator: Generator | None = None,
    images_mode: ImagesMode = "link",
    force: bool = False,
    workers: int = 1,
    engine: EngineName = "local",
    track: Track = track_silently,
) -> dict[str, Any]:
    """Build the sources of a recipe into a folder; other sources in it stay, and what is there already.

    The same inputs, recipe and seed give the same bytes, whatever the engine and the number of workers, and whether
    the build was interrupted.

    Args:
        recipe: what to build, or the path of a recipe file.
        out: the folder; made if it is not there.
        generator: writes the captions; by default the rules.
        images_mode: ``link`` makes hard links to the source's images and copies where that is not possible.
        force: build again what is there, and replace a build of the same name and split that differs.
        workers: processes of this machine to build in; 1 is this one. With more, a script that calls this needs its
            ``if __name__ == "__main__"``.
        engine: ``local``, or ``ray`` for the Ray cluster that this process has joined or finds.
        track: shows progress.

    Returns:
        The report of the sources built, as ``build_report.json`` has it, by ``<name>/<split>``.

    Raises:
        RecipeError: the recipe does not validate.
        InputError: a file or record cannot be used, no record becomes a sample, or another build is in the way.
        LeakageError: a train image is in an eval split, and the recipe does not say what becomes of it.
        BuildInterrupted: a worker was killed or the disk is full; the same call goes on where it was.
        AccountingError: records went missing; nothing of that source is published.
    """
    from scar.build.corpus import build_corpus  # here, since records and commands start without numpy and pyarrow

    return build_corpus(recipe, Path(out), generator, images_mode, force, workers, engine, track)
