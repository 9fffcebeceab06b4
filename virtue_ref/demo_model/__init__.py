"""The demo model: a VIRTUE small enough to train on a laptop, on drawn pictures.

The published model starts from pretrained parts. For the demo model, these parts are first pretrained here: the
encoders in `encoders`, the language model in `language`. Then the encoders are frozen, as in the paper, and the usual
training loop trains connector and adapters on a drawn SCaR corpus, in `make`.
"""
