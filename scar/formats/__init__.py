"""The corpus on disk: columns, reading, writing, images embedded in rows, and checks."""
