"""The interface between the build and the functions that write captions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from scar.sample import Caption, Negative, Picture, Region

WriteNegatives: TypeAlias = Callable[..., tuple[Negative, ...] | None]
"""Takes a gold caption, its picture, its region, a random stream and a counter of vetoes by reason.

Returns nine negatives, or None if it finds too few.
"""

GoldCaption: TypeAlias = tuple[Caption, Picture, Region]
"""A true caption with its picture and its region."""


@dataclass(frozen=True, slots=True)
class Generator:
    """The functions that write the ten captions of a region: one true caption and nine false ones.

    Attributes:
        name: name of the generator in the provenance of a corpus.
        version: version of the generator in the provenance; it changes when the same input gives other captions.
        write_gold: writes the true caption of a region; None if the evidence is not enough.
        write_negatives: writes the nine false captions: three for each part, in the order of `PARTS`; None if it finds
            fewer. It counts the candidates that each veto refused.
        fit: makes a `write_negatives` for one source from true captions of the source. The last argument is True if
            these are all its true captions, False if they are a sample. None if all sources share `write_negatives`.
        refinable: whether `write_negatives` takes the argument ``find_judge``, which `scar.build.refine` needs.
    """

    name: str
    version: str
    write_gold: Callable[[Picture, Region, Random], Caption | None]
    write_negatives: WriteNegatives
    fit: Callable[[Sequence[GoldCaption], Random, bool], WriteNegatives] | None = None
    refinable: bool = False


def make_rules_generator() -> Generator:
    """Make the default generator, which needs neither a model nor a network."""
    from scar.generators.rules.negatives import fit_negative_writer, write_negatives
    from scar.generators.rules.true_caption import write_gold

    return Generator("rules", "3", write_gold, write_negatives, fit_negative_writer, refinable=True)
