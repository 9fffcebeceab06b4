"""What a model looked at: the mask of a prompt, and where an image is like a text."""
