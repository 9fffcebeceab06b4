"""The default generator: its rules need neither a model nor a network."""

from __future__ import annotations

from scar.generators.generator import Generator


def make_rules_generator() -> Generator:
    """Make the default generator."""
    from scar.generators.rules.fit import (
        fit_generator,  # here, since commands that build nothing start without the rules
    )
    from scar.generators.rules.golds import write_golds
    from scar.generators.rules.negatives import write_negatives

    return Generator("rules", "4", write_golds, write_negatives, fit_generator, reads_texts=True)
