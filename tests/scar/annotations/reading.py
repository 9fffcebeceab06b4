"""Read all pictures of a source, as tests of every format do."""

from __future__ import annotations

from scar.accounting import Tally
from scar.annotations import open_index
from scar.recipe import Source
from scar.sample import Picture


def read_pictures(source: Source, tally: Tally) -> list[Picture]:
    """Every picture of a source; there are as many as its index says."""
    index = open_index(source, tally)
    pictures = [ref.read_picture(tally) for ref in index]
    assert len(pictures) == len(index)
    return pictures
