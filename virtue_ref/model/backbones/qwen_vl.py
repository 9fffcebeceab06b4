"""What the vision-language models of Qwen have in common; each family is a file that says what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from PIL import Image
from torch import Tensor, nn

from virtue_ref.config import Config
from virtue_ref.model.backbones.backbone import ImageFeatures, PlacedImage, PreparedImage
from virtue_ref.model.backbones.qwen_images import count_patches, make_patches, make_pixels

MODEL_KEYS = (
    "text_config",
    "vision_config",
    "image_token_id",
    "video_token_id",
    "vision_start_token_id",
    "vision_end_token_id",
    "tie_word_embeddings",
)
"""Keys of a config.json that are read if it has a ``text_config``; flat copies of its settings are ignored."""


class QwenVl(nn.Module):
    """A vision-language model of Qwen as a `Backbone`, with random weights.

    Image tokens have the positions that the texts around them would give them: one after another, as in the published
    VIRTUE, whose texts lack the token that switches two-dimensional positions on.

    Args:
        config: its `backbone` is the content of a transformers config.json; its `image` says how images are resized.
    """

    kind: ClassVar[Any]
    """The class of transformers, without the head: VIRTUE generates no words."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        stored = self.kind.config_class(**_select_settings(config.backbone))
        model: Any = self.kind._from_config(stored, attn_implementation="sdpa", dtype=torch.float32)
        self.visual: Any = model.visual
        self.visual.patch_embed = PatchProjection(self.visual.patch_embed.proj)
        self.language_model: Any = model.language_model
        self.hidden: int = stored.get_text_config().hidden_size
        self.image_token: int = config.backbone["image_token_id"]
        self._rules = config.image

    def count_image_tokens(self, size: tuple[int, int]) -> tuple[int, int]:
        rows, columns = count_patches(size, self._rules)
        return rows // self._rules.merge, columns // self._rules.merge

    def prepare(self, image: Image.Image) -> PreparedImage:
        pixels = make_pixels(image, self._rules)  # (3, H, W)
        _, height, width = pixels.shape
        grid = (1, height // self._rules.patch, width // self._rules.patch)
        return PreparedImage(pixels, make_patches(pixels, self._rules), grid)

    def encode_images(self, patches: Tensor, grids: Tensor) -> list[ImageFeatures]:
        tokens = self.visual(patches.type(self.visual.dtype), grid_thw=grids).pooler_output  # (all N, hidden)
        return [ImageFeatures(each) for each in self.split_by_image(tokens, grids)]

    def split_by_image(self, tokens: Tensor, grids: Tensor) -> Sequence[Tensor]:
        """Split the (all N, hidden) tokens of I images with (I, 3) grids of patches into I times (N, hidden)."""
        return torch.split(tokens, (grids.prod(-1) // self._rules.merge**2).tolist())

    def embed_ids(self, ids: Tensor) -> Tensor:
        return cast(Tensor, self.language_model.get_input_embeddings()(ids))

    def forward(self, embeddings: Tensor, positions: Tensor, images: Sequence[PlacedImage]) -> Tensor:
        out = self.language_model(inputs_embeds=embeddings, position_ids=positions, use_cache=False)
        return cast(Tensor, out.last_hidden_state)


class PatchProjection(nn.Module):
    """The embedding of patches as a matrix product, which takes half the time of transformers' convolution on a CPU.

    The convolution's stride is its kernel, so that each patch meets its weights once. Keys of weights are the same.

    Args:
        proj: the convolution, whose weights are used.
    """

    def __init__(self, proj: nn.Conv3d) -> None:
        super().__init__()
        self.proj = proj

    def forward(self, patches: Tensor) -> Tensor:
        """Project (N, width) patches to (N, channels)."""
        return nn.functional.linear(patches.to(self.proj.weight.dtype), self.proj.weight.flatten(1), self.proj.bias)


def _select_settings(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of transformers' config for a config.json."""
    if "text_config" in stored:
        return {key: stored[key] for key in MODEL_KEYS if key in stored}
    return {key: value for key, value in stored.items() if key != "model_type"}
