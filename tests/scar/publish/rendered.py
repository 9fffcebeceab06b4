"""Reads what was rendered into a folder, as the Hub's own client and Croissant's readers do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCard

from scar.publish.card import CARD, CROISSANT


def read_header(folder: Path) -> dict[str, Any]:
    """The YAML of the card."""
    return dict(DatasetCard.load(folder / CARD).data.to_dict())


def read_croissant(folder: Path) -> dict[str, Any]:
    """The Croissant file."""
    found: dict[str, Any] = json.loads((folder / CROISSANT).read_text(encoding="utf-8"))
    return found
