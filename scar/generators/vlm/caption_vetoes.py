"""What is wrong with captions that a model wrote, as far as words, boxes and people's captions show."""

from __future__ import annotations

import re
import unicodedata

from scar.evidence.picture_evidence import PictureEvidence
from scar.generators.generator import GoldTask
from scar.language import english
from scar.language.lexicon import is_confusable, is_interchangeable, is_related
from scar.language.relation_phrase import normalize_predicate
from scar.sample import Caption, Negative, Region

MAX_PART_WORDS = 8

_ARTICLES = ("a ", "an ", "the ")

_MIN_IN_BOX_SHARE = 0.3
"""Share of a thing's box from which it counts as being in the box of another one."""


def find_text_problem(caption: Caption) -> str | None:
    """Why a caption is not of the form of the corpus; None if it is."""
    for name, text in (("object", caption.object), ("relation", caption.relation), ("scene", caption.scene)):
        if text != " ".join(text.split()) or not text:
            return f"the {name} {text!r} is empty or has needless spaces"
        if any(unicodedata.category(sign)[0] == "C" for sign in text) or re.search(r"[<>{}\[\]|\\.;:!?\"]", text):
            return f"the {name} {text!r} has signs that no caption has"
        if len(text.split()) > MAX_PART_WORDS:
            return f"the {name} {text!r} has more than {MAX_PART_WORDS} words"
    for name, text in (("object", caption.object), ("scene", caption.scene)):
        if not text.startswith(_ARTICLES) and not english.is_plural(text.split()[-1]):
            return f"the {name} {text!r} does not begin with an article"
    return None


def find_truth_problem(task: GoldTask, gold: Caption, negative: Negative) -> str | None:
    """Why a negative may be true of the region; None if nothing says so."""
    true, false = getattr(gold, negative.part), getattr(negative.caption, negative.part)
    if negative.part == "relation":
        if (normalize_predicate(true) or true) == (normalize_predicate(false) or false):
            return f"the relation {false!r} is another word for {true!r}"
        return None
    noun, other = _find_noun(true), _find_noun(false)
    if english.strip_article(true) == english.strip_article(false) or _means_same(noun, other, true, false):
        return f"{false!r} may be true where {true!r} is"
    if negative.part == "object" and noun != other and _is_in_box(task.evidence, task.region, other):
        return f"{false!r} may be seen in the box"
    if negative.part == "scene" and noun != other and _is_mentioned(task.evidence, other):
        return f"{false!r} may be in the photograph"
    return None


def _find_noun(phrase: str) -> str:
    """The last word of a phrase without its article, in singular, or its last two if they name a thing together."""
    words = english.strip_article(phrase).lower().split() or [""]
    return words[-1]


def _means_same(noun: str, other: str, true: str, false: str) -> bool:
    if noun == other:
        # the same thing with other attributes: it contradicts only if both say one
        return len(english.strip_article(true).split()) == 1 or len(english.strip_article(false).split()) == 1
    return is_interchangeable(noun, other) or is_related(noun, other) or is_confusable(noun, other)


def _is_in_box(evidence: PictureEvidence, region: Region, noun: str) -> bool:
    """Whether a thing that a noun may name lies in a region's box."""
    return any(
        other.id != region.id and other.box.intersection_area(region.box) >= _MIN_IN_BOX_SHARE * other.box.area
        for other in evidence.find_meant_regions(noun)
    )


def _is_mentioned(evidence: PictureEvidence, noun: str) -> bool:
    """Whether the annotations or people's captions name a thing."""
    if evidence.find_meant_regions(noun):
        return True
    return any(noun in caption.lower().split() for caption in evidence.picture.captions)
