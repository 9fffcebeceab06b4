"""Parses for tests that need no parser: words with tags, dependencies and heads, written by hand."""

from __future__ import annotations

from scar.language.parser import Parse


def make_parse(rows: str) -> Parse:
    """A parse of lines ``word/lemma/tag/dep/head``, the head as an index."""
    cells = [row.split("/") for row in rows.split()]
    words, lemmas, tags, deps, heads = zip(*cells, strict=True)
    return Parse(words, lemmas, tags, deps, tuple(map(int, heads)))


CAT_ON_TABLE = make_parse(
    "A/a/DT/det/2 black/black/JJ/amod/2 cat/cat/NN/ROOT/2 sitting/sit/VBG/acl/2 on/on/IN/prep/3 the/the/DT/det/6 "
    "table/table/NN/pobj/4 in/in/IN/prep/3 front/front/NN/pobj/7 of/of/IN/prep/8 laptop/laptop/NN/pobj/9"
)
"""A black cat sitting on the table in front of laptop."""
