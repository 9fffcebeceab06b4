"""Inference: items become batches, features of images are cached, and files of items become a file of vectors."""
