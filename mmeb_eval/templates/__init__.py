"""How instruction and text become the words that a model reads."""
