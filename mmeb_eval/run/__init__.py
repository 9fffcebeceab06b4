"""From queries to vectors, ranks and results."""
