"""Qwen2.5-VL from transformers; wired, unverified on weights."""

from __future__ import annotations

from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLModel

from virtue_ref.model.backbones.qwen_vl import QwenVl


class Qwen25Vl(QwenVl):
    """Qwen2.5-VL; see `QwenVl`."""

    kind = Qwen2_5_VLModel
