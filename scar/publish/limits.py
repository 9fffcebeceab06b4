"""What a corpus cannot tell or guarantee, as sentences for its card and its Croissant file."""

from __future__ import annotations

from scar.demo.corpus import DEMO_NAME as DEMO
from scar.publish.corpus_summary import CorpusSummary

_FEW_SAMPLES = 1_000
"""A card of a corpus with fewer eval samples states how uncertain a score is."""

_EARLY_LIMIT = (
    "The generator `rules` says what boxes, categories and image captions tell; many true captions only say where in "
    "the picture a thing is."
)
_RULES_LIMITS = {
    **dict.fromkeys("123", _EARLY_LIMIT),
    "4": "The generator `rules` says what people wrote and what annotations, masks and boxes show; without people's "
    "texts, many true captions are not what a person would have said.",
}
"""Version of the generator `rules` -> what its captions lack."""


def list_limits(summary: CorpusSummary) -> list[str]:
    """What the corpus cannot tell or guarantee, as sentences for the card."""
    lines = ["Captions are in English and were written by a program, from annotations; they are as wrong as these are."]
    settings = [source.report["settings"] for source in summary.sources if source.report]
    versions = {each["generator_version"] for each in settings if each["generator"] == "rules"}
    lines += [_RULES_LIMITS.get(version, _RULES_LIMITS["4"]) for version in sorted(versions)]
    if any(source.name == DEMO for source in summary.sources):
        lines.append(f"{DEMO} is drawn: scores on it say whether a tool works, not how good a model is at photographs.")
    if summary.audit is None:
        lines.append("What captions give away without the image has not been measured.")
    lines.append("No person has looked at every sample; a negative may be true of the thing in the box.")
    eval_samples = sum(source.samples for source in summary.sources if source.split == "eval")
    if 0 < eval_samples < _FEW_SAMPLES:
        reach = 100 * 1.96 * (0.1 * 0.9 / eval_samples) ** 0.5
        lines.append(
            f"{eval_samples:,} eval samples: at chance the 95 % interval of a score reaches {reach:.1f} points to each "
            "side."
        )
    return lines
