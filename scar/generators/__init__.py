"""Generators of captions: the seam, and the rules that need no model."""
