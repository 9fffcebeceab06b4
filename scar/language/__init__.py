"""Words: English grammar, tables of scenes, things and verbs, WordNet, relation phrases, and a caption parser."""
