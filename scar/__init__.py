"""SCaR: a corpus of things in scenes, built from annotated images."""

from scar.errors import ScarError
from scar.sample import Box, Caption, Mask, Negative, Region, Sample

__all__ = ["Box", "Caption", "Mask", "Negative", "Region", "Sample", "ScarError"]
