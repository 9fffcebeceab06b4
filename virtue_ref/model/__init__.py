"""VIRTUE itself: backbone, segmenter, connector, and what they take."""
