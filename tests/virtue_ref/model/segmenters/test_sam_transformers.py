"""SAM 3, EdgeTAM, SAM-HQ and SAM 2 give the maps and masks of transformers' own forward pass, for the same weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mmeb_eval.item import Item, Points
from scar.errors import CheckpointError, ConfigError
from scar.sample import Box, Mask
from tests.virtue_ref.model.segmenters.tiny_sams import CONFIGS, EDGETAM, SAM3, SAM_HQ
from virtue_ref.checkpoints import resolve
from virtue_ref.checkpoints.format import write_checkpoint
from virtue_ref.config import Config, SegmenterConfig
from virtue_ref.embedder import load
from virtue_ref.model.prompts import PointPrompt, make_grid_prompt
from virtue_ref.model.segmenters.sam_hq import SamHq
from virtue_ref.model.segmenters.sam_transformers import TransformersSam
from virtue_ref.model.segmenters.segmenter import make_segmenter

NAMES = ["sam3", "edgetam", "sam_hq", "transformers"]
INSIDE = np.zeros((90, 70), bool)
INSIDE[20:50, 10:40] = True
PROMPTS = {
    "grid": make_grid_prompt(112, 3),
    "click": PointPrompt(((20.0, 30.0),), (1,)),
    "points": PointPrompt(((20.0, 30.0), (100.0, 30.0), (90.5, 3.25)), (1, 0, 0)),
    "box": PointPrompt(((20.0, 30.0), (100.0, 70.0)), (2, 3)),
    "box and point": PointPrompt(((20.0, 30.0), (100.0, 70.0), (50.0, 40.0)), (2, 3, 1)),
    "mask": PointPrompt((), (), Mask.from_array(INSIDE)),
}


@pytest.fixture(scope="module", params=NAMES)
def segmenter(request: pytest.FixtureRequest) -> TransformersSam:
    """A tiny segmenter none of whose weights is zero, so that each one counts."""
    if request.param == "edgetam":
        pytest.importorskip("timm")
    torch.manual_seed(0)
    tiny = Config.read("tiny").with_options(segmenter_package="transformers").segmenter
    made = make_segmenter(CONFIGS.get(request.param) or tiny)  # type: ignore[arg-type]
    assert isinstance(made, TransformersSam)
    for weight in made.parameters():
        weight.data += 0.05 * torch.randn_like(weight)
    return made


def run_own_forward(segmenter: TransformersSam, image: Tensor, prompt: PointPrompt, many: bool) -> tuple[Tensor, Any]:
    """The map that leaves the two-way transformer inside the model's own forward pass, and that pass's output."""
    seen: list[Tensor] = []
    transformer = segmenter.sam.mask_decoder.transformer
    hook = transformer.register_forward_hook(lambda _module, _inputs, output: seen.append(output[1]))
    xy, labels = torch.tensor(prompt.xy).reshape(1, 1, -1, 2), torch.tensor(prompt.labels).reshape(1, 1, -1)
    given: dict[str, Any] = {}
    corners = 2 if 2 in prompt.labels else 0
    if corners:
        given["input_boxes"] = xy[:, :, :2].reshape(1, 1, 4)
    if len(prompt.xy) > corners or not (prompt.xy or isinstance(segmenter, SamHq)):  # one padding point, not two
        given |= {"input_points": xy[:, :, corners:], "input_labels": labels[:, :, corners:].int()}
    if prompt.mask is not None:
        side = 4 * segmenter.grid
        pixels = torch.from_numpy(prompt.mask.to_array())[None, None].float()
        small = torch.nn.functional.interpolate(pixels, size=(side, side), mode="bilinear", antialias=True)
        given["input_masks"] = small * 20 - 10
    out = segmenter.sam(pixel_values=image[None], multimask_output=many, **given)
    hook.remove()
    return seen[0][0, 0].T.reshape(segmenter.channels, segmenter.grid, segmenter.grid), out


@torch.inference_mode()
def test_maps_are_those_of_the_models_own_forward_pass(segmenter: TransformersSam) -> None:
    images = torch.randn(2, 3, segmenter.size, segmenter.size, generator=torch.Generator().manual_seed(1))
    maps = segmenter.encode(images)
    rows = [(index, prompt) for prompt in PROMPTS.values() for index in range(2)]
    ours = segmenter.decode([maps[index] for index, _ in rows], [prompt for _, prompt in rows])
    for (index, prompt), row in zip(rows, ours, strict=True):
        theirs, _ = run_own_forward(segmenter, images[index], prompt, many=False)
        torch.testing.assert_close(row, theirs, rtol=0, atol=2e-5)
    assert (ours[0] - ours[2]).abs().max() > 1e-4  # the prompt counts


@torch.inference_mode()
@pytest.mark.parametrize("name", PROMPTS)
def test_masks_are_those_of_the_models_own_forward_pass(segmenter: TransformersSam, name: str) -> None:
    prompt, is_click = PROMPTS[name], name == "click"
    image = torch.randn(3, segmenter.size, segmenter.size, generator=torch.Generator().manual_seed(2))
    (state,) = segmenter.encode_for_masks(image[None])
    torch.testing.assert_close(state.map, segmenter.encode(image[None])[0], rtol=0, atol=1e-6)
    (ours,) = segmenter.decode_masks([state], [prompt])
    _, theirs = run_own_forward(segmenter, image, prompt, many=is_click)
    order = theirs.iou_scores[0, 0].argsort(descending=True, stable=True)
    torch.testing.assert_close(ours.scores, theirs.iou_scores[0, 0][order], rtol=0, atol=1e-5)
    torch.testing.assert_close(ours.logits, theirs.pred_masks[0, 0][order], rtol=1e-4, atol=1e-4)
    assert len(ours.scores) == (3 if is_click else 1)
    assert (ours.scores.diff() <= 0).all()


@torch.inference_mode()
def test_a_prompt_in_a_batch_is_as_it_is_alone(segmenter: TransformersSam) -> None:
    images = torch.randn(1, 3, segmenter.size, segmenter.size, generator=torch.Generator().manual_seed(3))
    map_ = segmenter.encode(images)[0]
    prompts = list(PROMPTS.values())
    together = segmenter.decode([map_] * len(prompts), prompts)
    for row, prompt in zip(together, prompts, strict=True):
        torch.testing.assert_close(row, segmenter.decode([map_], [prompt])[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_model_embeds_items_and_is_saved_and_read(name: str, picture: Callable[..., Path], tmp_path: Path) -> None:
    if name == "edgetam":
        pytest.importorskip("timm")
    config = dataclasses.replace(Config.read("tiny"), segmenter=CONFIGS[name])
    stored = resolve.make_random_checkpoint(config)
    write_checkpoint(stored, tmp_path / "saved")
    model = load(tmp_path / "saved")
    assert model.model.segment_count == 4
    image = picture(90, 70)
    items = [
        Item("a cat"),
        Item("which?", image),
        Item("which?", image, Box(5, 5, 60, 50)),
        Item("which?", image, Points(((30, 30), (80, 60)), (1, 0), Box(5, 5, 60, 50))),
        Item("which?", image, Mask.from_array(INSIDE.T)),
    ]
    vectors = model.embed(items)
    np.testing.assert_allclose(vectors, np.concatenate([model.embed([item]) for item in items]), atol=2e-6)
    assert (vectors @ vectors.T - np.eye(len(items))).max() < 1 - 1e-6


@pytest.mark.parametrize("name", CONFIGS)
def test_weights_that_transformers_wrote_are_read(name: str, tmp_path: Path) -> None:
    if name == "edgetam":
        pytest.importorskip("timm")
    torch.manual_seed(4)
    made = make_segmenter(CONFIGS[name])
    assert isinstance(made, TransformersSam)
    made.sam.save_pretrained(tmp_path / "theirs")
    read = type(made).read_weights(str(tmp_path / "theirs"))
    state = made.state_dict()
    named = made.import_weights(made.export_weights({f"sam.{key}": value for key, value in read.items()}, {}))
    assert named.keys() == state.keys()
    assert all(torch.equal(named[key], state[key]) for key in state)
    with pytest.raises(CheckpointError, match="no weights of a"):
        type(made).read_weights(str(tmp_path / "nowhere"))


def test_sam3_has_324_tokens_of_a_72_by_72_map_and_its_own_normalisation() -> None:
    from accelerate import init_empty_weights

    with init_empty_weights(include_buffers=False):
        sam3 = make_segmenter(SegmenterConfig({"model_type": "sam3_tracker"}, package="sam3"))
    assert (sam3.size, sam3.grid, sam3.channels) == (1008, 72, 256)
    assert (sam3.grid // 4) ** 2 == 324
    assert sam3.normalisation.mean == sam3.normalisation.std == (0.5, 0.5, 0.5)


def test_the_finer_levels_of_sam3_are_passed_over_without_a_change() -> None:
    torch.manual_seed(5)
    sam3: Any = make_segmenter(CONFIGS["sam3"])
    image = torch.randn(1, 3, sam3.size, sam3.size)
    with torch.inference_mode():
        levels = sam3.sam.vision_encoder(image).fpn_hidden_states
        assert len(levels) == 4
        torch.testing.assert_close(sam3.encode(image), levels[-2], rtol=0, atol=1e-6)


def timm(**changes: Any) -> dict[str, Any]:
    vision = EDGETAM["vision_config"]
    return {**EDGETAM, "vision_config": {**vision, "backbone_config": {**vision["backbone_config"], **changes}}}


@pytest.mark.parametrize(
    ("package", "model", "problem"),
    [
        ("sam3", {"_target_": "sam2.modeling.sam2_base.SAM2Base"}, "config is SAM 2's of the `sam2` package"),
        ("sam3", EDGETAM, "config is of 'edgetam'; Sam3TrackerModel takes one of 'sam3_tracker'"),
        ("sam_hq", {**SAM_HQ, "mask_decoder_config": {"hidden_size": "wide"}}, "config builds no SamHQModel"),
        ("sam3", {**SAM3, "vision_config": {"model_type": "nonsense"}}, "config builds no Sam3TrackerModel"),
        ("edgetam", timm(architecture="hf-hub:someone/model"), "'hf-hub:someone/model' for timm: refused"),
        ("edgetam", timm(model_args={"checkpoint_path": "x.bin"}), "'checkpoint_path' for timm: refused"),
    ],
)
def test_configs_that_build_no_segmenter(package: str, model: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        make_segmenter(SegmenterConfig(model, package=package))
