"""Inspection of a corpus: pages of samples, statistics, and a comparison with the paper."""
