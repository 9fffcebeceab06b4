"""Words: English grammar, tables of things and scenes, WordNet, and reading what people wrote."""
