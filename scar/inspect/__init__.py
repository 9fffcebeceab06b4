"""Looking at a corpus: pages of samples, statistics, the paper's numbers beside it."""
