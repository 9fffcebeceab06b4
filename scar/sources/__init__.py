"""Readers: one function per format, annotation files in, `Picture`s out, one image at a time."""
