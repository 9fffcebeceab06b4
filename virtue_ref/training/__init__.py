"""Training: the data, the plan of a run, the training loop, and the files of a run."""
