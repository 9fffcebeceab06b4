"""SAM 3's tracker from transformers, which takes boxes, points and masks; wired, unverified on weights.

Source: SAM 3, arXiv 2511.16719. The published checkpoint is facebook/sam3.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import Sam3TrackerModel

from virtue_ref.model.segmenters.sam_transformers import TransformersSam
from virtue_ref.model.segmenters.segmenter import Normalisation


class Sam3(TransformersSam):
    """SAM 3's tracker on a single image; see `TransformersSam`.

    Its feature pyramid has a fourth level, coarser than the decoder's map, which is not used. As in transformers, the
    embedding for a missing memory then goes to that level, so that it is not in the map.
    """

    kind = Sam3TrackerModel
    normalisation = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

    def encode(self, images: Tensor) -> Tensor:
        encoder = self.sam.vision_encoder
        states = encoder.backbone(images).last_hidden_state  # (I, cells, width)
        states = states.transpose(1, 2).unflatten(2, (self.grid, self.grid))  # (I, width, grid, grid)
        return self.add_no_memory(encoder.neck.fpn_layers[2](states).to(images.dtype))  # finer levels take long

    def add_no_memory(self, maps: Tensor) -> Tensor:
        """Add the embedding for a missing memory, if the pyramid ends with the decoder's map."""
        layers: Any = self.sam.vision_encoder.neck.fpn_layers
        return super().add_no_memory(maps) if len(layers) == 3 else maps
