"""Turn items into batches, files of items into files of vectors, and cache features of images."""
