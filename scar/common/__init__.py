"""What the three packages share, and nothing that builds a corpus."""
