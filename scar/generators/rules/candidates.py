"""Candidates for each part of a caption, from the word tables, the true captions of the corpus and the picture.

Vetoes decide later whether a candidate is false. A candidate has a higher weight if it is hard to tell from the true
part; the fit multiplies the weight by the weights of the candidate's features.
"""

from __future__ import annotations

from scar.generators.generator import GoldTask
from scar.generators.rules.object_candidates import propose_objects
from scar.generators.rules.records import CaptionPhrases, CaptionStats, WeightedSets
from scar.generators.rules.relation_candidates import propose_relations
from scar.generators.rules.scene_candidates import propose_scenes
from scar.sample import Part


def propose_candidates(part: Part, gold: CaptionPhrases, task: GoldTask, stats: CaptionStats) -> WeightedSets:
    """Propose candidates for one part of a gold caption.

    Args:
        part: the part that they replace.
        gold: true caption of the region.
        task: the region with its evidence.
        stats: statistics of the true captions of the corpus.
    """
    if part == "scene":
        return propose_scenes(gold, task, stats)
    return propose_relations(gold, task, stats) if part == "relation" else propose_objects(gold, task, stats)
