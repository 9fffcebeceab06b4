"""Embedders for families of existing models, one file a family."""
