"""How a model is told a region, and how prompts are perturbed."""
