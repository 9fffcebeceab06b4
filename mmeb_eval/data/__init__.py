"""Tasks and their data: fetch, find, check and read the published files."""
