"""Segmentation models whose image maps know a prompt."""
