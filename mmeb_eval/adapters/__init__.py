"""Embedders for existing models, one file for each family of models."""
