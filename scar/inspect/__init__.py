"""Inspect a corpus: a page of samples, statistics, and a comparison with the paper."""
