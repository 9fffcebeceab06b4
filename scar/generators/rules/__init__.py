"""What replaces an element of a gold caption, and how nine negatives are drawn of it."""
