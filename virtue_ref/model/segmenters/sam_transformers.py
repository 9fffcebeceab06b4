"""The parts of a SAM from transformers, whose SAM 2, SAM 3 and EdgeTAM have the same names for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, StrictDataclassError
from torch import Tensor, nn

from scar.errors import CheckpointError, ConfigError, first_line
from scar.sample import Mask
from virtue_ref.model.prompts import PointPrompt
from virtue_ref.model.segmenters.hiera_positions import remember_positions
from virtue_ref.model.segmenters.sam import SamSegmenter, make_mask_logits, make_point_tensors
from virtue_ref.model.segmenters.segmenter import MaskState

TIMM_ARGUMENTS = frozenset({"in_chans", "features_only", "out_indices", "embed_dim", "depth"})
"""Arguments of timm models that a config may have; others could fetch or load files."""


class TransformersSam(SamSegmenter):
    """A SAM of transformers, with random weights until they are loaded.

    Args:
        model: the model's config, as in the config.json of its checkpoint.

    Raises:
        ConfigError: the config is of another model or does not build this one.
    """

    kind: ClassVar[Any]
    """The class of transformers that has the weights."""

    def __init__(self, model: Mapping[str, Any]) -> None:
        super().__init__()
        self.sam = make_sam(self.kind, model)
        remember_positions(self.compiled_part)

    @property
    def size(self) -> int:
        return int(self.sam.prompt_encoder.input_image_size)

    @property
    def channels(self) -> int:
        return int(self.sam.prompt_encoder.hidden_size)

    @property
    def grid(self) -> int:
        return int(self.sam.prompt_encoder.image_embedding_size[0])

    @property
    def compiled_part(self) -> nn.Module:
        return cast(nn.Module, self.sam.vision_encoder.backbone)

    def encode(self, images: Tensor) -> Tensor:
        return self.add_no_memory(self.sam.vision_encoder(images).fpn_hidden_states[-1].to(images.dtype))

    def encode_for_masks(self, images: Tensor) -> list[MaskState]:
        fine, middle, coarse = self.sam.vision_encoder(images).fpn_hidden_states[:3]
        decoder, maps = self.sam.mask_decoder, self.add_no_memory(coarse.to(images.dtype))
        levels = decoder.conv_s0(fine), decoder.conv_s1(middle)
        return [MaskState(each, finer) for each, *finer in zip(maps, *levels, strict=True)]

    def add_no_memory(self, maps: Tensor) -> Tensor:
        """Add what stands for the memory of a video's earlier frames, of which an image has none."""
        return cast(Tensor, maps + self.sam.no_memory_embedding.reshape(1, -1, 1, 1))

    def embed_points(self, prompts: Sequence[PointPrompt]) -> Tensor:
        xy, labels = make_point_tensors(prompts, self.get_no_mask_embedding().device)
        tokens, _ = self.sam.prompt_encoder(xy[:, None], labels[:, None], None, None)  # (R, 1, P + 1, channels)
        return cast(Tensor, tokens[:, 0])

    def get_output_tokens(self) -> Tensor:
        decoder = self.sam.mask_decoder
        return torch.cat([decoder.obj_score_token.weight, decoder.iou_token.weight, decoder.mask_tokens.weight])

    def get_no_mask_embedding(self) -> Tensor:
        return cast(Tensor, self.sam.prompt_encoder.no_mask_embed.weight)

    def embed_masks(self, masks: Sequence[Mask], like: Tensor) -> Tensor:
        logits = make_mask_logits(masks, (4 * self.grid, 4 * self.grid))
        return cast(Tensor, self.sam.prompt_encoder.mask_embed(logits.to(like)))

    def get_image_positions(self) -> Tensor:
        return cast(Tensor, self.sam.get_image_wide_positional_embeddings())

    def run_two_way(self, tokens: Tensor, image: Tensor, positions: Tensor) -> Tensor:
        # transformers has one more dimension, for several prompts of an image; here it is 1.
        mixed, image, tokens, positions = tokens[:, None], image[:, None], tokens[:, None], positions[:, None]
        for layer in self.sam.mask_decoder.transformer.layers:
            mixed, image, _ = layer(
                queries=mixed,
                keys=image,
                query_point_embedding=tokens,
                key_point_embedding=positions,
                attention_similarity=None,
            )
        return image[:, 0]

    def run_mask_decoder(self, state: MaskState, points: Tensor, dense: Tensor, many: bool) -> tuple[Tensor, Tensor]:
        logits, scores, _, _ = self.sam.mask_decoder(
            image_embeddings=state.map[None],
            image_positional_embeddings=self.get_image_positions().to(points.dtype),
            sparse_prompt_embeddings=points[:, None],
            dense_prompt_embeddings=dense,
            multimask_output=many,
            high_resolution_features=[level[None] for level in state.finer],
        )
        return logits[0, 0], scores[0, 0]

    def import_weights(self, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {f"sam.{key}": value for key, value in stored.items()}

    def export_weights(self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return {key.removeprefix("sam."): value for key, value in state.items()}

    @classmethod
    def read_weights(cls, source: str) -> dict[str, Tensor]:
        """Read published weights under the keys of a checkpoint.

        Args:
            source: a folder that transformers wrote, or a Hub id.

        Raises:
            CheckpointError: there is no such model, or its weights do not fit its config.
        """
        try:
            model, notes = cls.kind.from_pretrained(source, output_loading_info=True, use_safetensors=True)
        except (OSError, ValueError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
            raise CheckpointError(f"{source}: no weights of a {cls.kind.__name__} ({first_line(error)}).") from error
        if lacking := sorted(notes["missing_keys"]) + sorted(map(str, notes["mismatched_keys"])):
            raise CheckpointError(f"{source}: lacks weights of a {cls.kind.__name__}, such as {lacking[0]}.")
        weights: dict[str, Tensor] = model.state_dict()
        return weights


def make_sam(kind: Any, model: Mapping[str, Any]) -> nn.Module:
    """Make a model of transformers from its config, with random weights and in evaluation mode.

    The config may come with a checkpoint from a stranger, so that nothing in it may fetch or load a file.

    Args:
        kind: the class of the model, such as ``Sam3TrackerModel``.
        model: the config.

    Raises:
        ConfigError: the config is of another model, names a file, or does not build the model.
    """
    config = kind.config_class
    if (named := model.get("model_type", config.model_type)) != config.model_type or "_target_" in model:
        told = "SAM 2's of the `sam2` package" if "_target_" in model else f"of {named!r}"
        raise ConfigError(f"the segmenter's config is {told}; {kind.__name__} takes one of {config.model_type!r}.")
    _check_timm(model)
    try:
        return cast(nn.Module, kind(config(**model)).eval())
    except ImportError as error:
        raise ConfigError(f"the segmenter's config needs a package, pip install timm ({first_line(error)}).") from error
    except (StrictDataclassError, AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"the segmenter's config builds no {kind.__name__}: {first_line(error)}") from error


def _check_timm(config: Mapping[str, Any]) -> None:
    if config.get("model_type") == "timm_wrapper":
        arguments = set(config.get("model_args") or ())
        if ":" in str(config.get("architecture")) or not arguments <= TIMM_ARGUMENTS:
            refused = sorted(arguments - TIMM_ARGUMENTS) or [config["architecture"]]
            raise ConfigError(f"the segmenter's config has {refused[0]!r} for timm: refused, it could load files.")
    for inner in config.values():
        if isinstance(inner, Mapping):
            _check_timm(inner)
