"""Publish corpora and models on the Hugging Face Hub, and get corpora from there."""
