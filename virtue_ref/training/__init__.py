"""Training: data, the plan, the loop, and a run on disk."""
