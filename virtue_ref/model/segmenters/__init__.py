"""Segmenters, which mix a prompt into an image's map: the protocol in `segmenter`, and one file for each package."""
