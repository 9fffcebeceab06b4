"""The demo: drawn pictures with COCO-style annotations, and the corpus that is built from them."""
