"""Segmenters, whose image maps know a prompt: the seam in `segmenter`, and one file a package."""
