"""Generators of captions: the interface to the build, and the default generator, which needs no model."""
