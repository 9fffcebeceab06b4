"""The demo world: drawn scenes with COCO-style annotations."""

from scar.demo.world import draw_world

__all__ = ["draw_world"]
