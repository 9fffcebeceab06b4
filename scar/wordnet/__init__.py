"""WordNet's nouns, from the tables beside this file: what a word means, and which words share a lineage.

The tables come from `build_table.py`; WordNet's licence stands in LICENSE. They are read on first use, in a fraction
of a second.
"""

from scar.wordnet.lookup import Sense, co_hyponyms, is_a, known, lemma, plurals, related, senses

__all__ = ["Sense", "co_hyponyms", "is_a", "known", "lemma", "plurals", "related", "senses"]
