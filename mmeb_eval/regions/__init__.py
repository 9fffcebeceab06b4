"""Region strategies for models without prompts, and perturbed prompts for robustness probes."""
