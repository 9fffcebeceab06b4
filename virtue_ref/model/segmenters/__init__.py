"""Segmenters, which encode an image as a map and mix a prompt into it: the protocol, and one file for each package."""
