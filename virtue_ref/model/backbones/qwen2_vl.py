"""Qwen2-VL from transformers, the backbone of the published VIRTUE."""

from __future__ import annotations

from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VLModel

from virtue_ref.model.backbones.qwen_vl import QwenVl


class Qwen2Vl(QwenVl):
    """Qwen2-VL; see `QwenVl`."""

    kind = Qwen2VLModel
