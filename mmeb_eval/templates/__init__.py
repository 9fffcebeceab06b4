"""Texts of items: fused as the official code has them."""
