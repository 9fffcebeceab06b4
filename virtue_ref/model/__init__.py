"""The VIRTUE model: backbone, segmenter and connector, and the tensors and prompts that they take."""
