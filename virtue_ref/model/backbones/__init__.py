"""Vision-language models below a VIRTUE: the seam in `backbone`, and one file a family."""
