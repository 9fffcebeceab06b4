"""The trained weights of a VIRTUE: adapters in its language model, and its connector. All others are frozen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from peft import LoraConfig
from peft.tuners.lora import LoraLayer, LoraModel
from torch import Tensor, nn

from scar.errors import ConfigError, UnknownName
from virtue_ref.model.virtue import Virtue
from virtue_ref.training.recipe import AdapterRecipe
from virtue_ref.training.sharded import gather_weight

ADAPTER_NAME = "default"


def add_adapters(model: Virtue, recipe: AdapterRecipe, *, checkpointing: bool) -> None:
    """Add adapters to the language model and freeze all weights except the adapters' and the connector's.

    Trained weights become float32 copies.

    Args:
        model: the model, which is changed in place.
        recipe: settings of the adapters.
        checkpointing: whether the language model computes its activations again in the backward pass, which saves
            memory; it is then put into training mode.

    Raises:
        ConfigError: the language model has no layer of a name in `recipe.targets`, or such a layer takes no adapter.
    """
    layers = [name for name, _ in model.backbone.language_model.named_modules()]
    for target in recipe.targets:
        if not any(f".{name}".endswith(f".{target}") for name in layers):
            known = sorted(
                {name.rpartition(".")[2] for name in layers} - {str(number) for number in range(len(layers))}
            )
            raise ConfigError(f"adapter.targets: {UnknownName('layer', target, known, 'it is not in the model.')}")
    for weight in model.parameters():
        weight.requires_grad_(False)
    settings = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        use_dora=recipe.dora,
        init_lora_weights="gaussian" if recipe.gaussian else True,
        target_modules=list(recipe.targets),
    )
    try:
        LoraModel(model.backbone.language_model, settings, ADAPTER_NAME)
    except ValueError as error:
        raise ConfigError(f"adapter.targets = {list(recipe.targets)}: {error}") from error
    if model.connector is not None:
        for weight in model.connector.parameters():
            weight.requires_grad_(True)
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float().clone()  # the checkpoint that the model was built of stays as it is
    if checkpointing:
        model.backbone.language_model.activation_checkpointing_enable({"use_reentrant": False})
        model.backbone.language_model.train()


def reset_connector(model: Virtue, seed: int) -> None:
    """Give the connector random weights, distributed as torch initialises such layers; do nothing without one."""
    if model.connector is None:
        return
    chance = torch.Generator().manual_seed(seed)
    for layer in model.connector.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            bound = 1 / math.sqrt(layer.weight[0].numel())
            for weight in layer.parameters():
                weight.data = torch.empty(weight.shape).uniform_(-bound, bound, generator=chance)


def get_trained_weights(model: Virtue) -> dict[str, nn.Parameter]:
    """Return the weights that are trained, by name in the model, in the model's order."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


@torch.no_grad()
def iter_merged_weights(model: Virtue) -> Iterator[tuple[str, Tensor]]:
    """Yield (name, weight) of all weights on the CPU with adapters merged; the model itself stays bit-identical.

    Names are those that a model without adapters has. If the model is sharded, all processes gather each weight
    together, so every process must iterate to the end.
    """
    layers = dict(_iter_lora_layers(model))
    for name, value in model.state_dict().items():
        owner, _, rest = name.rpartition(".base_layer.")
        if owner in layers and rest == "weight":
            yield f"{owner}.weight", _merge_layer(layers[owner])
        elif owner in layers:
            yield f"{owner}.{rest}", gather_weight(value.detach()).cpu()
        elif not any(name.startswith(f"{layer}.") for layer in layers):
            yield name, gather_weight(value.detach()).cpu()


def _iter_lora_layers(model: Virtue) -> Iterator[tuple[str, Any]]:
    return ((name, layer) for name, layer in model.named_modules() if isinstance(layer, LoraLayer))


def _merge_layer(layer: Any) -> Tensor:
    """The layer's weight with its adapter merged, on the CPU."""
    base = layer.get_base_layer()
    before = base.weight
    base.weight = nn.Parameter(gather_weight(before).clone(), requires_grad=False)
    layer.merge(adapter_names=[ADAPTER_NAME])
    both: Tensor = base.weight.data.clone().cpu()  # unmerging changes what it merged into
    layer.unmerge()
    base.weight = before
    return both
