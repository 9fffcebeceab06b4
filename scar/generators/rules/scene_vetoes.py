"""Vetoes of false scenes alone: each is a table of golds and candidates, true where it refuses.

Their ``places``, (T, M), says whether a candidate is the place of the picture after the last preposition of a gold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scar.generators.rules import noun_vetoes
from scar.generators.rules.draws import Bools
from scar.generators.rules.holding import find_denial, may_hold
from scar.generators.rules.noun_table import Numbers
from scar.generators.rules.noun_vetoes import NounSwap
from scar.generators.rules.phrases import names_landmark
from scar.language.exclusion import find_preposition_class
from scar.language.lexicon import resolve_scene

_BEARERS = frozenset({"furniture", "fixture", "vehicle", "ridden", "train", "afloat", "animal"})
"""Kinds of things so large that what is on or in one is on or in no other."""


def echo(swap: NounSwap) -> Bools:
    """Refuse a scene with which the caption names a thing twice, or that is a kind of the region's thing."""
    batch, same = swap.batch, swap.batch.nouns.same
    has_landmark = batch.test(names_landmark)
    refused = swap.look_up(same, batch.objects) | swap.look_up(batch.nouns.related, batch.names)
    refused |= swap.look_up(same, batch.landmarks) & has_landmark[:, None]
    return (refused & ~swap.groups) | (same[batch.objects, batch.landmarks] & has_landmark)[:, None]


def fits_place(swap: NounSwap, places: Bools) -> Bools:
    """Refuse a place where the picture may have been taken: no place is known, or a known one is compatible."""
    scenes = [resolve_scene(phrase.noun) for phrase in swap.phrases]
    rows = Numbers()
    known = [[rows[scene] for scene in several if scene.side] for several in swap.batch.true_scenes]
    table = np.array([[not scene.is_incompatible_with(true) for scene in scenes] for true in rows], bool)
    table = table.reshape(len(rows), len(scenes))
    found = np.array([table[numbers].any(axis=0) if numbers else np.ones(len(scenes), bool) for numbers in known])
    return found.reshape(places.shape) & places & ~swap.contrasts


def holds_elsewhere(swap: NounSwap, places: Bools, prepositions: Sequence[str]) -> Bools:
    """Refuse a thing of the picture to which, by boxes and masks, the region may stand in the last relation."""
    batch = swap.batch
    found = np.zeros(places.shape, bool)
    for row, (task, gold, preposition) in enumerate(zip(batch.tasks, batch.golds, prepositions, strict=True)):
        denial = find_denial(preposition)
        names = [
            name
            for name, regions in task.evidence.regions_by_name.items()
            if any(may_hold(task.evidence, denial, task.region, region) for region in regions)
        ]
        found[row] = batch.nouns.related[np.ix_(batch.nouns.find(names), swap.nouns)].any(axis=0)
        if swap.contrasts[row].any():
            found[row, swap.contrasts[row]] = len(task.evidence.find_meant_regions(gold.scene.noun)) > 1
    return found & ~places & ~swap.groups


def unannotated(swap: NounSwap, places: Bools, prepositions: Sequence[str]) -> Bools:
    """Refuse a thing that may be in the picture unannotated, as the source never annotates such things.

    After "on" and "in", a false bearer such as a table passes if the true thing is a bearer too: what rests on one is
    on no other. A true thing that is no bearer, such as a plate, may itself be on a table that nobody annotated.
    """
    things = swap.batch.nouns.things
    bears = np.array([thing.kind in _BEARERS for thing in things], bool)
    is_bearing = np.array([find_preposition_class(each) in ("on", "in") for each in prepositions], bool)[:, None]
    absent = noun_vetoes.unannotated(swap) & ~places
    unshown = swap.plain & ~swap.batch.shown[:, swap.nouns] & ~places
    bearing = is_bearing & bears[swap.nouns]
    return np.where(bearing, unshown & ~bears[swap.batch.scenes][:, None], absent)


def fits_captions(swap: NounSwap, places: Bools) -> Bools:
    """Refuse a place or thing that human texts mention, unless an annotated thing explains the mention."""
    names = [resolve_scene(phrase.noun).name for phrase in swap.phrases]
    named = np.array([[name in several for name in names] for several in swap.batch.named_scenes], bool)
    refused = noun_vetoes.fits_captions(swap)
    return np.where(places, named.reshape(places.shape) | (refused & swap.contrasts), refused)
