"""Checkpoints: find and read them, convert between layouts, describe them, publish them."""
