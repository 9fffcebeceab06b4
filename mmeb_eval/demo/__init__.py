"""Demo data for all tasks in the published formats: drawn pictures and questions about them."""
