"""SAM 3's concept detector from transformers, which finds things by words; wired, unverified on weights.

Source: SAM 3, arXiv 2511.16719. The published checkpoint is facebook/sam3; the tracker in it is a segmenter, see
`virtue_ref.model.segmenters.sam3`. The detector goes with every segmenter, because what it finds becomes a box.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from torch import Tensor
from transformers import AutoTokenizer, Sam3Model

from scar.common.image_bytes import ImageFile
from scar.errors import CheckpointError, ItemError, first_line
from scar.sample import Box
from virtue_ref.config import PROFILES
from virtue_ref.model.images import make_segmenter_input, read_displayed_size, read_image
from virtue_ref.model.segmenters.segmenter import Normalisation

MIN_SCORE = 0.5
"""Least score of a detection, as in SAM 3's own examples."""

NORMALISATION = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CLEAN = PROFILES["clean"]


@dataclass(frozen=True, slots=True)
class Detection:
    """A thing that was found.

    Attributes:
        box: its box in pixels of the displayed image.
        score: how sure the detector is, 0 to 1.
    """

    box: Box
    score: float


class ConceptDetector:
    """Finds the things that words name. It keeps the features of the image that it saw last.

    Args:
        source: a folder that transformers wrote, or a Hub id.
        device: device of the model.

    Raises:
        CheckpointError: there is no such model, or its weights do not fit its config.
    """

    def __init__(self, source: str | Path, device: torch.device) -> None:
        self.name = Path(source).name
        kind: Any = Sam3Model  # its types leave out `output_loading_info`
        try:
            model, notes = kind.from_pretrained(source, output_loading_info=True, use_safetensors=True)
            self._tokenizer: Any = AutoTokenizer.from_pretrained(source)
        except (OSError, ValueError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
            raise CheckpointError(f"detector {source}: no SAM 3 with a tokenizer ({first_line(error)}).") from error
        if lacking := sorted(notes["missing_keys"]) + sorted(map(str, notes["mismatched_keys"])):
            raise CheckpointError(f"detector {source}: lacks weights of SAM 3's detector, such as {lacking[0]}.")
        self._model: Any = model.eval().to(device)
        self._device = device
        self._seen: tuple[ImageFile | None, Any] = (None, None)

    @torch.inference_mode()
    def find(self, image: ImageFile, words: str, min_score: float = MIN_SCORE) -> list[Detection]:
        """Find the things on an image that words name.

        Args:
            image: the image.
            words: a noun phrase.
            min_score: least score of what is returned.

        Returns:
            The detections, the best first.

        Raises:
            ItemError: the image cannot be read, or the words are too many.
        """
        ids, mask = self._tokenise(words)
        out = self._model(vision_embeds=self._encode(image), input_ids=ids, attention_mask=mask)
        scores = (out.pred_logits.sigmoid() * out.presence_logits.sigmoid())[0].cpu()  # (Q,)
        width, height = read_displayed_size(image)
        boxes = out.pred_boxes[0].cpu().clamp(0, 1) * torch.tensor([width, height, width, height])  # (Q, 4)
        found = []
        for query in scores.argsort(descending=True, stable=True).tolist():
            box = Box(*boxes[query].tolist())
            if scores[query] >= min_score and box.area:
                found.append(Detection(box, float(scores[query])))
        return found

    def _encode(self, image: ImageFile) -> Any:
        if self._seen[0] != image:
            pixels = read_image(image, CLEAN)
            side = int(self._model.config.vision_config.image_size)
            square = make_segmenter_input(pixels, None, side, CLEAN, NORMALISATION)
            self._seen = image, self._model.get_vision_features(square[None].to(self._device))
        return self._seen[1]

    def _tokenise(self, words: str) -> tuple[Tensor, Tensor]:
        """(1, L) ids and mask, padded to the L tokens of SAM 3's text encoder."""
        most = int(self._model.config.text_config.max_position_embeddings)
        encoded = self._tokenizer(words, padding="max_length", max_length=most, return_tensors="pt")
        if encoded["input_ids"].shape[1] > most:
            raise ItemError(f"phrase {words[:40]!r}... has more than {most} tokens: name the thing in a few words.")
        return encoded["input_ids"].to(self._device), encoded["attention_mask"].to(self._device)
