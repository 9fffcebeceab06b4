"""Texts of items: instruction and text are joined as in the official code."""
