"""Vision-language models that a VIRTUE stands on: the seam in `backbone`, and one file a family."""
