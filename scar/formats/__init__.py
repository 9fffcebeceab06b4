"""The files of a corpus: their columns, reading, writing, rows with embedded images, and checks."""
