"""One small file per family of existing models."""
