"""Items to vectors, in batches, with the images that were encoded before."""
