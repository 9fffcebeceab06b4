"""Demo data for all 41 tasks: drawn pictures and questions about them, in the published formats."""
