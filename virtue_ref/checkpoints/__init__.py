"""Weights in and out: layouts, names, cards."""
