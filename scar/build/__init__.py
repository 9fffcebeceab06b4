"""Build a corpus: sources of a recipe -> a folder of rows, provenance, images and a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from scar.common.files import make_count, make_path
from scar.common.progress import Track, track_silently
from scar.errors import InputError

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
    """Build the sources of a recipe into a folder. Other sources in the folder are kept; finished ones are not rebuilt.

    The same inputs, recipe and seed give the same bytes, with any engine and number of workers, and also after an
    interruption.

    Args:
        recipe: what to build, or the path of a recipe file with sources of your own. For a recipe that names data sets,
            and for a recipe of the package, call `scar.recipe.read_recipe` with the folder of the data sets.
        out: the folder of the corpus; made if it does not exist.
        generator: writes the captions; None stands for `make_rules_generator`.
        images_mode: ``link`` makes hard links to the source's images, or copies where links are not possible;
            ``copy`` always copies.
        force: rebuild finished sources, and replace builds of the same name and split with other inputs or settings.
        workers: number of processes on this machine; 1 means this process. With more, the calling script needs its
            ``if __name__ == "__main__"``.
        engine: ``local`` builds on this machine; ``ray`` ignores ``workers``, see `scar.build.engine.run_on_ray`.
        track: shows progress.

    Returns:
        The entries of the recipe's sources in ``build_report.json``, by ``<name>/<split>``; also of finished ones.

    Raises:
        RecipeError: the recipe cannot be read or does not validate, or its images lie where the build writes.
        InputError: a file or record cannot be used, no record becomes a sample, or the folder holds another build of a
            source and ``force`` is false.
        LeakageError: an eval split has a train image, and the recipe says neither to drop nor to keep it.
        BuildInterrupted: a worker was killed or the disk is full; the same call continues the build.
        AccountingError: records went missing; nothing of that source is published.
    """
    # Here, so that `import scar` needs neither numpy nor pyarrow.
    from scar.build.corpus import build_corpus
    from scar.build.engine import EngineName
    from scar.build.image_folder import ImagesMode
    from scar.recipe import Recipe

    choices = {"images_mode": (images_mode, get_args(ImagesMode)), "engine": (engine, get_args(EngineName))}
    for what, (value, values) in choices.items():
        if value not in values:
            raise InputError(f"{what}: {value!r} is none of {', '.join(values)}.")
    if not isinstance(recipe, Recipe):
        make_path(recipe, "recipe")  # refuses what is none; the name of a recipe of ours stays a name
        recipe = Path(recipe).expanduser()
    root, processes = make_path(out, "out"), make_count(workers, "workers")
    return build_corpus(recipe, root, generator, images_mode, force, processes, engine, track)
