"""The demo model: a VIRTUE small enough to train on a laptop, on drawn pictures.

The published model starts from pretrained parts. The demo model therefore pretrains its encoders (`encoders`) and its
language model (`language`) first. Then the encoders are frozen, as in the paper, and the usual training loop trains
connector and adapters on a drawn SCaR corpus (`make`).
"""
