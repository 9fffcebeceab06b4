"""The demo: a drawn world with COCO-style annotations, and the corpus that is built from it."""
