"""Results for people: tables, a page, comparisons of two runs, files for leaderboards."""
