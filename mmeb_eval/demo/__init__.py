"""The demo tasks: drawn pictures and questions about them, in the published formats, named like all 41 tasks."""
