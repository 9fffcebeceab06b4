"""From published files to the queries of a task."""
