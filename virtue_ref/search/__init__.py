"""Search images and regions by text, image, region or a mix: `virtue index` and `virtue search`."""
