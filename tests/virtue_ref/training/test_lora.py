"""Adapters before they are trained."""

from __future__ import annotations

import pytest
import torch

from scar.errors import ConfigError
from virtue_ref.checkpoints.checkpoint import Checkpoint, build_model
from virtue_ref.training import lora
from virtue_ref.training.recipe import AdapterRecipe


def test_adapters_begin_without_effect_and_as_wide_as_asked(start: Checkpoint) -> None:
    model = build_model(start)
    lora.add_adapters(model, AdapterRecipe(rank=4, gaussian=True), checkpointing=False)
    first = torch.cat(
        [weight.flatten() for name, weight in lora.get_trained_weights(model).items() if "lora_A" in name]
    )
    second = torch.cat(
        [weight.flatten() for name, weight in lora.get_trained_weights(model).items() if "lora_B" in name]
    )
    assert first.std().item() == pytest.approx(1 / 4, rel=0.1)
    assert 0.6 < (first.abs() < 1 / 4).float().mean() < 0.75, "two of three normal numbers are within their deviation"
    assert not second.any()


@pytest.mark.parametrize("targets", [("q_proj", "k_prj"), ("layers.9.self_attn.q_proj",), ("visual",)])
def test_a_target_that_is_no_layer_is_named(start: Checkpoint, targets: tuple[str, ...]) -> None:
    """peft would leave it out silently, as long as another one is there."""
    hint = "did you mean k_proj" if "k_prj" in targets else ".*it is not in the model"
    with pytest.raises(ConfigError, match=rf"adapter\.targets: unknown layer '{targets[-1]}': {hint}"):
        lora.add_adapters(build_model(start), AdapterRecipe(targets=targets), checkpointing=False)


def test_a_target_may_be_a_path(start: Checkpoint) -> None:
    model = build_model(start)
    lora.add_adapters(model, AdapterRecipe(targets=("layers.0.self_attn.q_proj",)), checkpointing=False)
    adapted = {name.partition(".lora_")[0] for name in lora.get_trained_weights(model) if ".lora_" in name}
    assert adapted == {"backbone.language_model.layers.0.self_attn.q_proj"}
