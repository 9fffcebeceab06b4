"""Go through a build without writing anything, so that the model of a generator is asked all that it would be asked."""

from __future__ import annotations

from pathlib import Path

from scar.build.corpus import fit_generators
from scar.build.engine import run_here
from scar.build.plan import BuildSettings, make_plans
from scar.build.review_decisions import read_by_sample
from scar.build.shard import build_shard
from scar.common.progress import Track
from scar.generators.generator import Generator
from scar.language.user_words import NO_WORDS, read_words
from scar.recipe import Recipe


def ask_ahead(recipe: Recipe, out: Path, generator: Generator, force: bool, track: Track) -> None:
    """Write the captions of all sources that are not built yet, and drop them.

    Args:
        recipe: what will be built.
        out: folder that it will be built into.
        generator: writes the captions.
        force: see `scar.build.build`.
        track: shows progress.

    Raises:
        ScarError: see `scar.build.build`.
    """
    words = read_words(recipe.word_file) if recipe.word_file else NO_WORDS
    settings = BuildSettings(out, generator, "link", force, run_here, track, words, read_by_sample(recipe.decisions))
    settings, plans = make_plans(recipe, settings)
    generators = fit_generators(plans, recipe, settings)
    for plan in plans:
        if plan.finished_entry:
            continue
        shards = plan.split_into_shards()
        for shard in track(shards, f"asking about {plan.source.key}", len(shards)):
            fitted = generators[plan.source.key]
            build_shard(plan.select_pictures(shard), plan.source, recipe, fitted, "", plan.words, plan.decisions)
