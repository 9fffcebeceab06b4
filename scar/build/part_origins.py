"""Count which objects and scenes of false captions a source says itself, and which come from elsewhere.

A source of few things or scenes has too few for three false ones each. The generator then takes words of its own, which
may not suit the world of the source: a reader of words alone may tell the gold caption by them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from scar.accounting import Tally
from scar.language import english
from scar.sample import Part, Sample

PARTS_WITH_NOUNS: tuple[Part, ...] = ("object", "scene")
"""The parts of a caption that are noun phrases."""

_ENOUGH_OWN = {"object": 30, "scene": 4}
"""Different parts of a source from which on their origin needs no line: as many objects as the rules want before they
leave the shipped table alone; a true scene and three false ones."""

_MIN_SHARE = 0.005
"""Least share of false parts from elsewhere that is said: less rounds to 0 %."""

_NAMED = 2
"""Most own parts that a line names; a source with more has some variety."""

_WAYS_OUT = {
    "object": "annotate more categories, or give --captions that name more things",
    "scene": "add images of other places, or name the places in --captions or in `scene` of the images",
}


def count_parts(sample: Sample, things: Iterable[str], tally: Tally) -> None:
    """Count the objects and scenes of a sample in a tally; ``things`` are the nouns of what its picture shows."""
    tally.true_parts.update(f"thing {noun}" for noun in things)
    for part in PARTS_WITH_NOUNS:
        tally.true_parts[f"{part} {getattr(sample.gold, part)}"] += 1
    for negative in sample.negatives:
        if negative.part in PARTS_WITH_NOUNS:
            tally.false_parts[f"{negative.part} {getattr(negative.caption, negative.part)}"] += 1


def summarize_parts(tally: Tally) -> dict[str, dict[str, Any]]:
    """Summarise the objects and the scenes of a source's captions, by part; empty without samples.

    Returns:
        By part: ``own``, how many different ones gold captions have; ``most``, the most frequent of them;
        ``from_elsewhere``, the share of false ones that neither a gold caption nor a picture of the source has. An
        object in another colour or number is the source's own.
    """
    things = {_strip(key.removeprefix("thing ")) for key in tally.true_parts if key.startswith("thing ")}
    found: dict[str, dict[str, Any]] = {}
    for part in PARTS_WITH_NOUNS:
        true, false = _select(tally.true_parts, part), _select(tally.false_parts, part)
        own = things | set(map(_strip, true))
        others = sum(count for text, count in false.items() if own.isdisjoint(_list_forms(text)))
        if false:
            most = sorted(true, key=lambda text: (-true[text], text))[:_NAMED]
            found[part] = {"own": len(true), "most": most, "from_elsewhere": round(others / false.total(), 4)}
    return found


def iter_part_lines(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each part of which a source has so few that false ones come from elsewhere."""
    for part, entry in parts.items():
        if entry["own"] >= _ENOUGH_OWN[part] or entry["from_elsewhere"] < _MIN_SHARE:
            continue
        count, what = entry["own"], part if entry["own"] == 1 else f"{part}s"
        named = f" ({', '.join(entry['most'])})" if count <= _NAMED else ""
        yield (
            f"negatives: {count} own {what}{named}; {entry['from_elsewhere']:.0%} of false {part}s come from the "
            f"shipped table: {_WAYS_OUT[part]}"
        )


def _select(counts: Counter[str], part: str) -> Counter[str]:
    prefix = f"{part} "
    return Counter({key.removeprefix(prefix): count for key, count in counts.items() if key.startswith(prefix)})


def _strip(phrase: str) -> str:
    """The phrase in the singular, without its article."""
    return english.to_singular(english.strip_article(phrase)).lower()


def _list_forms(phrase: str) -> set[str]:
    """The phrase, and what is left of it without a colour or a number."""
    words = _strip(phrase)
    return {words, words.partition(" ")[2] or words}
