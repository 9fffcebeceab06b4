"""Draw the next batch and run a step on it. The plan of a run and the run itself take every step here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from scar.common.image_bytes import ImageFile
from scar.errors import TrainError
from virtue_ref.model.backbones.backbone import ImageFeatures
from virtue_ref.training.mixing import Mixer
from virtue_ref.training.pairs import PairSource
from virtue_ref.training.recipe import TrainingRecipe
from virtue_ref.training.setup import ReadyModel, learning_rate_at
from virtue_ref.training.step import StepRecord, UnusablePairs, run_step

SkipReporter = Callable[[int, int, str], None]
"""Function that gets the index of the source and the number of the row that is skipped, and a sentence about it."""


class UnusableRow(TrainError):  # noqa: N818 - says what was found
    """A row cannot be embedded, which stops the run. No weight was changed, and the mixer is where it was."""


def run_next_step(
    ready: ReadyModel,
    recipe: TrainingRecipe,
    sources: Sequence[PairSource],
    mixer: Mixer,
    step: int,
    steps: int,
    *,
    image_cache: dict[ImageFile, ImageFeatures] | None = None,
    report_skip: SkipReporter = lambda *_: None,
) -> StepRecord | None:
    """Draw the next batch, compute its gradient and update the weights once.

    The image of a row may turn out to be damaged, so that the row cannot be embedded. If the recipe says
    ``missing = "stop"``, the row stops the run. If it says "skip", the row is never drawn again, and the batch is drawn
    anew: the next row of its source takes its place.

    Args:
        ready: the model, from `virtue_ref.training.setup.prepare_training`.
        recipe: the training recipe.
        sources: the opened sources, in the order of `recipe.sources`.
        mixer: draws the rows. After `UnusableRow` its state is as before the call and can be saved. After another error
            it may have moved on.
        step: number of steps done before this one.
        steps: number of all steps of the run, for the learning rate.
        image_cache: see `virtue_ref.training.step.run_step`.
        report_skip: is called for each skipped row.

    Returns:
        Numbers of the step, see `virtue_ref.training.step.run_step`. None if the mixer draws each row once, and no row
        is left.

    Raises:
        UnusableRow: a row cannot be embedded, and the recipe says to stop.
        TrainError: the loss or the gradient is not finite, or skipped rows leave a source fewer rows than a sub-batch
            has. No weight was changed.
    """
    settings = recipe.optimiser
    while True:
        before = mixer.get_state()
        picks = mixer.next_batch()
        if not picks:
            return None
        pairs = [sources[source].read_row(row) for source, row in picks]
        for group in ready.optimiser.param_groups:
            group["lr"] = learning_rate_at(step, steps, settings)
        # The seed depends on the step alone, so that a resumed run draws the same dropout.
        torch.manual_seed((settings.seed * 1_000_003 + step) * 1_009 + ready.accelerator.process_index)
        try:
            return run_step(ready, pairs, settings, step, image_cache)
        except UnusablePairs as found:
            mixer.restore_state(before)
            for index, problem in sorted(found.problems.items()):
                sentence = f"{pairs[index].where}: {problem.rstrip('.')}"
                if recipe.missing == "stop":
                    raise UnusableRow(
                        f'step {step + 1}: {sentence}; missing = "skip" drops and counts such rows. '
                        f"Once that is mended, the same command continues after step {step}."
                    ) from found
                source, row = picks[index]
                left = mixer.skip_row(source, row)
                report_skip(source, row, f"{sentence}; skipped")
                if left < mixer.sub_batch:
                    raise TrainError(
                        f"step {step + 1}: only {left} usable rows are left of {sources[source].name}, fewer than the "
                        f"{mixer.sub_batch} of a sub-batch; the checkpoints before it are kept."
                    ) from found
