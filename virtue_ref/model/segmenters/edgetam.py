"""EdgeTAM from transformers: SAM 2's decoder behind a RepViT, for phones; wired, unverified on weights.

Source: EdgeTAM, arXiv 2501.07256. The published checkpoint is yonigozlan/EdgeTAM-hf.
"""

from __future__ import annotations

from transformers import EdgeTamModel

from virtue_ref.model.segmenters.sam_transformers import TransformersSam


class EdgeTam(TransformersSam):
    """EdgeTAM, whose encoder comes from timm; see `TransformersSam`."""

    kind = EdgeTamModel
