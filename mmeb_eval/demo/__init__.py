"""Demo data for all 41 tasks in the published formats: drawn pictures and questions about them."""
