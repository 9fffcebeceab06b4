"""Vision-language models that a VIRTUE builds on: the protocol in `backbone`, and one file for each family."""
