"""SAM-HQ from transformers, a SAM with finer masks; wired, unverified on weights.

Like every segmenter here it sees an image stretched to a square; the published weights were trained with the longer
side at 1024 pixels and black below or beside the image.

Source: SAM-HQ, arXiv 2306.01567. The published checkpoints are syscv-community/sam-hq-vit-base and its sisters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import SamHQModel

from virtue_ref.model.prompts import FIRST_CORNER, PointPrompt
from virtue_ref.model.segmenters.sam import make_point_tensors
from virtue_ref.model.segmenters.sam_transformers import TransformersSam
from virtue_ref.model.segmenters.segmenter import MaskState

POSITIONS = "sam.prompt_encoder.shared_embedding.positional_embedding"
"""Frequencies of positions in the prompt encoder; the same as the image's."""


class SamHq(TransformersSam):
    """SAM-HQ; see `TransformersSam`. It adds no padding point to a box, and its decoder has one more mask token."""

    kind = SamHQModel

    @property
    def compiled_part(self) -> nn.Module:
        return cast(nn.Module, self.sam.vision_encoder)

    def encode(self, images: Tensor) -> Tensor:
        return cast(Tensor, self.sam.vision_encoder(images).last_hidden_state.to(images.dtype))

    def encode_for_masks(self, images: Tensor) -> list[MaskState]:
        out = self.sam.vision_encoder(images)
        maps, early = out.last_hidden_state, out.intermediate_embeddings[:1]  # of the first layer that sees all
        return [MaskState(map_, finer) for map_, *finer in zip(maps, *early, strict=True)]

    def embed_points(self, prompts: Sequence[PointPrompt]) -> Tensor:
        xy, labels = make_point_tensors(prompts, self.get_no_mask_embedding().device)
        corners = 2 if FIRST_CORNER in prompts[0].labels else 0  # they stand before the points
        box = xy[:, :corners].reshape(len(prompts), 1, 4) if corners else None
        points, marks = (each[:, None, corners:] if xy.shape[1] > corners else None for each in (xy, labels))
        tokens, _ = self.sam.prompt_encoder(points, marks, box, None)
        return self.get_output_tokens().new_zeros(len(prompts), 0, self.channels) if tokens is None else tokens[:, 0]

    def get_output_tokens(self) -> Tensor:
        decoder = self.sam.mask_decoder
        return torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight, decoder.hq_token.weight])

    def run_mask_decoder(self, state: MaskState, points: Tensor, dense: Tensor, many: bool) -> tuple[Tensor, Tensor]:
        logits, scores = self.sam.mask_decoder(
            image_embeddings=state.map[None],
            image_positional_embeddings=self.get_image_positions().to(points.dtype),
            sparse_prompt_embeddings=points[:, None],
            dense_prompt_embeddings=dense,
            multimask_output=many,
            hq_token_only=False,
            intermediate_embeddings=[level[None] for level in state.finer],
        )
        return logits[0, 0], scores[0, 0]

    def import_weights(self, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
        named = super().import_weights(stored)
        shared = named.get("sam.shared_image_embedding.positional_embedding")
        return named if shared is None else {**named, POSITIONS: shared}

    def export_weights(self, state: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        kept: dict[str, Any] = {key: value for key, value in state.items() if key != POSITIONS}  # files share no tensor
        return super().export_weights(kept, stored)
