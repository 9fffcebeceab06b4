"""Check the texts that a reviewer writes, before they are kept: what can be told from captions alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from scar.audit.lineage import is_same_lineage
from scar.build.review_decisions import apply_edits
from scar.formats.decisions import Edit
from scar.language import english
from scar.language.lexicon import is_interchangeable
from scar.language.relation_phrase import normalize_predicate
from scar.sample import Caption, Part, Sample

MAX_LENGTH = 300
"""Longest part of a caption in characters."""


def find_edit_problems(sample: Sample, edits: Sequence[Edit]) -> list[str]:
    """What is wrong with a sample after some edits, a sentence each; empty if nothing is.

    The vetoes of the rules that need no picture are applied: an element that is the true one by another name, or that
    includes it, is no false element. `scar build --decisions` applies the edits; the picture itself is not asked.
    """
    edited = apply_edits(sample, edits)
    changed = {edit.caption for edit in edits}
    problems = [problem for edit in edits for problem in _check_text(edit.text)]
    texts: dict[str, int] = {}
    for number, text in enumerate(edited.captions):
        first = texts.setdefault(english.strip_article(text.lower()), number)
        if first != number:
            problems.append(f"captions {first + 1} and {number + 1} are equal: {text!r}")
    for number, negative in enumerate(edited.negatives, 1):
        if number in changed or 0 in changed:
            true, false = getattr(edited.gold, negative.part), getattr(negative.caption, negative.part)
            if true != false and _is_true_too(negative.part, true, false):
                problems.append(f"caption {number + 1}: {false!r} may be true where {true!r} is")
    return problems


def _check_text(caption: Caption) -> Iterator[str]:
    for part in (caption.object, caption.relation, caption.scene):
        if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co") for sign in part):
            yield f"{part!r} holds control or invisible characters"
        if part != " ".join(part.split()):
            yield f"{part!r} has needless spaces"
        if len(part) > MAX_LENGTH:
            yield f"{part[:40]!r}... has {len(part)} characters; at most {MAX_LENGTH}"
    if not caption.text:
        yield "a caption is empty"


def _is_true_too(part: Part, true: str, false: str) -> bool:
    """Whether an element may be true because another one is."""
    if not true or not false:
        return False
    if part == "relation":
        return (normalize_predicate(true) or true) == (normalize_predicate(false) or false)
    return is_interchangeable(english.strip_article(true), english.strip_article(false)) or is_same_lineage(true, false)
