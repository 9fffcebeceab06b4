"""The corpus on disk: its columns, reading, writing, and whether a folder keeps its promises."""
