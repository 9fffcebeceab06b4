"""Show results: tables, an HTML page, comparisons of two runs, files for leaderboards."""
