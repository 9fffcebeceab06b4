"""The segmenter against SAM 2's own path, and configs that are none of its business."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from scar.errors import ConfigError
from scar.sample import Mask
from virtue_ref.config import Config
from virtue_ref.model.prompts import PointPrompt, make_grid_prompt
from virtue_ref.model.segmenters.sam import SamSegmenter
from virtue_ref.model.segmenters.sam2 import StockSam2, build_sam2

SEGMENTER = Config.read("tiny").segmenter
assert SEGMENTER is not None
MODEL: dict[str, Any] = dict(SEGMENTER.model)
PIXELS = np.zeros((90, 70), bool)
PIXELS[20:50, 10:40] = True
PROMPTS = [
    make_grid_prompt(256, 3),
    PointPrompt(((20.0, 30.0),), (1,)),
    PointPrompt(((20.0, 30.0), (200.0, 30.0), (90.5, 3.25)), (1, 0, 0)),
    PointPrompt(((20.0, 30.0), (200.0, 130.0)), (2, 3)),
    PointPrompt(((20.0, 30.0), (200.0, 130.0), (50.0, 60.0)), (2, 3, 1)),
    PointPrompt((), (), Mask.from_array(PIXELS)),
]


@pytest.fixture(scope="module")
def segmenter() -> SamSegmenter:
    torch.manual_seed(0)
    made = StockSam2(MODEL | {"use_obj_ptrs_in_encoder": True})  # which the stock path cannot do without
    # Fresh SAM 2 modules keep some embeddings at zero, which would hide a missing term.
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return made.eval()


@pytest.fixture(scope="module")
def frames() -> torch.Tensor:
    return torch.randn(2, 3, 256, 256, generator=torch.Generator().manual_seed(1))


def stock(segmenter: SamSegmenter, frame: torch.Tensor, prompt: PointPrompt) -> torch.Tensor:
    """The image side of the mask decoder's transformer when SAM 2 runs as its authors run it."""
    sam = segmenter.sam
    caught: list[torch.Tensor] = []
    hook = sam.sam_mask_decoder.transformer.register_forward_hook(lambda *call: caught.append(call[2][1]))
    try:
        out = sam.forward_image(frame[None])
        _, features, _, sizes = sam._prepare_backbone_features(out)
        features[-1] = features[-1] + sam.no_mem_embed
        maps = [level.permute(1, 2, 0).reshape(1, -1, *size) for level, size in zip(features, sizes, strict=True)]
        points = {"point_coords": torch.tensor([prompt.xy]), "point_labels": torch.tensor([prompt.labels])}
        mask = None
        if prompt.mask is not None:
            drawn = torch.from_numpy(prompt.mask.to_array())[None, None].float()
            size = sam.sam_prompt_encoder.mask_input_size
            mask = torch.nn.functional.interpolate(drawn, size, mode="bilinear", antialias=True) * 20 - 10
        sam._forward_sam_heads(maps[-1], points if prompt.xy else None, mask, high_res_features=maps[:-1])
    finally:
        hook.remove()
    return caught[0].transpose(1, 2).reshape(maps[-1].shape)[0]


@pytest.mark.parametrize("prompt", PROMPTS, ids=["grid", "point", "points", "box", "box and point", "mask"])
@torch.inference_mode()
def test_maps_are_those_of_stock_sam2(segmenter: SamSegmenter, frames: torch.Tensor, prompt: PointPrompt) -> None:
    if prompt.mask is not None:
        # With a mask alone SAM 2 puts two points of no meaning: its own filler and the prompt encoder's. We put one,
        # as for every other prompt; here the filler is spelled out.
        expected = stock(segmenter, frames[0], prompt)
        given = PointPrompt(((0.0, 0.0),), (-1,), prompt.mask)
    else:
        expected, given = stock(segmenter, frames[0], prompt), prompt
    ours = segmenter.decode(list(segmenter.encode(frames[:1])), [given])
    torch.testing.assert_close(ours[0], expected, rtol=0, atol=1e-5)


@torch.inference_mode()
def test_the_map_is_the_level_that_stock_sam2_uses(segmenter: SamSegmenter, frames: torch.Tensor) -> None:
    stock_map = segmenter.sam.image_encoder(frames)["vision_features"] + segmenter.sam.no_mem_embed.reshape(1, -1, 1, 1)
    assert torch.equal(segmenter.encode(frames), stock_map)


@torch.inference_mode()
def test_a_mixed_batch_equals_its_regions_alone(segmenter: SamSegmenter, frames: torch.Tensor) -> None:
    maps = list(segmenter.encode(frames)[[0, 1, 0, 1, 1, 0]])
    together = segmenter.decode(maps, PROMPTS)
    alone = torch.cat([segmenter.decode(maps[row : row + 1], PROMPTS[row : row + 1]) for row in range(len(PROMPTS))])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


@torch.inference_mode()
def test_every_kind_of_prompt_moves_the_map(segmenter: SamSegmenter, frames: torch.Tensor) -> None:
    maps = segmenter.decode([segmenter.encode(frames[:1])[0]] * len(PROMPTS), PROMPTS)
    for row in range(1, len(PROMPTS)):
        assert (maps[row] - maps[row - 1]).abs().max() > 1e-3


def changed(place: str, value: Any) -> dict[str, Any]:
    """The tiny config with one setting replaced, the place given by keys with dots between."""
    import copy

    model = copy.deepcopy(MODEL)
    *path, last = place.split(".")
    table = model
    for key in path:
        table = table[key]
    table[last] = value
    return model


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("_target_", "os.system", r"wants 'os\.system' at model: only modules of sam2\.modeling"),
        ("image_encoder._target_", "sam2.modeling.sam2_base.torch.load", "only modules of sam2.modeling"),
        ("image_encoder._target_", "sam2.modeling.sam2_base.F.Relu", "only modules of sam2.modeling"),
        ("image_encoder._target_", "sam2.build_sam.build_sam2", "only modules of sam2.modeling"),
        ("image_encoder._target_", ["sam2.modeling.sam2_base.SAM2Base"], "only modules of sam2.modeling"),
        ("image_encoder._partial_", True, "'_partial_' at model.image_encoder: refused"),
        ("image_encoder.trunk.weights_path", "/etc/passwd", "'weights_path' at model.image_encoder.trunk: refused"),
        ("image_size", "${oc.env:HOME}", "interpolates .* at model.image_size: refused"),
        ("image_encoder.neck.d_model", 31, "does not build a SAM 2"),
        ("image_encoder.trunk.surprise", 1, "does not build a SAM 2"),
        ("_target_", "sam2.modeling.position_encoding.PositionEmbeddingSine", "does not build a SAM 2"),
    ],
)
def test_a_strangers_config_builds_nothing_else(place: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_sam2(changed(place, value))


def test_another_module_of_sam2_is_no_segmenter() -> None:
    neck = MODEL["image_encoder"]["neck"]["position_encoding"]
    with pytest.raises(ConfigError, match=r"does not build a SAM 2|not a SAM 2"):
        build_sam2(neck)
