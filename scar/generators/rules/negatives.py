"""Nine negatives for a gold caption, drawn from the candidates that no veto refuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from scar.generators.generator import GoldOfTask, GoldTask, NineNegatives, Rejected
from scar.generators.rules.block import CandidateBlock
from scar.generators.rules.caption_stats import CaptionStats
from scar.generators.rules.draws import draw_first, hash_texts, make_clocks
from scar.generators.rules.feature_weights import FeatureWeights
from scar.generators.rules.gold_batch import GoldBatch, Golds
from scar.generators.rules.noun_table import NounTable
from scar.generators.rules.objects import list_objects, make_object_block
from scar.generators.rules.places import choose_places
from scar.generators.rules.records import CaptionPhrases, RulesGold
from scar.generators.rules.relations import count_false_relations, make_relation_block
from scar.generators.rules.scenes import list_scenes, make_scene_block
from scar.generators.rules.word_score import score_parts
from scar.sample import NEGATIVES_PER_PART, PARTS, Negative, Part

UNFITTED = CaptionStats()
"""The word tables alone, without a fit to the true captions of a corpus."""

FEW_NEGATIVES = "few_negatives"
"""Reason to reject a region: the rules find fewer than three clearly false candidates for a part."""

RESERVE = 3 * NEGATIVES_PER_PART
"""Candidates of each part that are drawn for the three that are kept: enough above and below the gold caption."""

_ROWS = 256
"""Golds whose tables are in memory at once."""


def write_negatives(
    golds: Sequence[GoldOfTask],
    veto_counts: Counter[str],
    stats: CaptionStats = UNFITTED,
) -> list[NineNegatives | Rejected]:
    """Write nine negatives for each gold: three for each part, in the order of `PARTS`. The ten texts are distinct.

    Args:
        golds: the true captions, `RulesGold`s, with their tasks.
        veto_counts: the refused candidates are added to these counts, by the reason of the veto.
        stats: what a fit has learned about the true captions of the corpus.

    Raises:
        InputError: a gold is another generator's.
    """
    several = [(task, RulesGold.of(gold).phrases) for task, gold in golds]
    found: list[NineNegatives | Rejected] = []
    for first in range(0, len(several), _ROWS):
        found += _write_some(several[first : first + _ROWS], veto_counts, stats)
    return found


def have_false_relations(golds: Golds, nouns: NounTable) -> list[bool]:
    """Whether each true caption gets three false relations from the words of the tables, without a fit to a corpus.

    Args:
        golds: the true captions with their tasks.
        nouns: a table with the nouns of `list_nouns`, and any others.
    """
    found: list[bool] = []
    for first in range(0, len(golds), _ROWS):
        batch = GoldBatch(golds[first : first + _ROWS], nouns, frozenset())
        found += (count_false_relations(batch, UNFITTED) >= NEGATIVES_PER_PART).tolist()
    return found


def list_nouns(task: GoldTask, captions: Iterable[CaptionPhrases]) -> dict[str, None]:
    """The nouns of a picture and of captions of one of its regions."""
    found = dict.fromkeys(task.evidence.things)
    found |= dict.fromkeys(task.evidence.regions_by_name)
    for caption in captions:
        found |= dict.fromkeys((caption.object.noun, caption.landmark.noun, caption.scene.noun))
    return found


def make_blocks(golds: Golds, stats: CaptionStats) -> dict[Part, CandidateBlock]:
    """Make the candidates of each part of some golds."""
    objects, scenes = list_objects([gold for _, gold in golds], stats), list_scenes(golds, stats)
    shown = (category for task, _ in golds for category in task.evidence.things)
    phrases = (*objects, *scenes, *(landmark for _, landmark in stats.relations))
    nouns = (*(phrase.noun for phrase in phrases), *shown)
    batch = GoldBatch(golds, nouns, stats.annotated)
    return {
        "scene": make_scene_block(batch, scenes, stats),
        "relation": make_relation_block(batch, stats),
        "object": make_object_block(batch, objects, stats),
    }


def draw_swaps(
    golds: Golds, blocks: Mapping[Part, CandidateBlock], stats: CaptionStats, veto_counts: Counter[str]
) -> dict[Part, list[list[CaptionPhrases]]]:
    """For each part and gold, draw at most `RESERVE` false captions with different texts, in their drawn order.

    Args:
        golds: the true captions with their tasks.
        blocks: the candidates of each part, see `make_blocks`.
        stats: what a fit has learnt; only its weights of features are used here.
        veto_counts: the number of candidates that each veto refused is added to it.
    """
    records = hash_texts(map(find_record, (task for task, _ in golds)))
    found: dict[Part, list[list[CaptionPhrases]]] = {}
    for part, block in blocks.items():
        weights = block.weigh(stats.weights.get(part, FeatureWeights()))
        clocks = make_clocks(records, block.words, weights)
        drawn = draw_first(clocks, block.refused, RESERVE)
        veto_counts.update(block.count_refused(clocks, NEGATIVES_PER_PART))
        found[part] = []
        for row, (columns, (_, gold)) in enumerate(zip(drawn.tolist(), golds, strict=True)):
            swaps = (gold.swap(part, block.make(row, column)) for column in columns if column >= 0)
            distinct = {swap.caption.text.lower(): swap for swap in reversed(list(swaps))}
            distinct.pop(gold.caption.text.lower(), None)
            found[part].append(list(distinct.values())[::-1])
    return found


def find_record(task: GoldTask) -> str:
    """The seed of a task's draws. Samples of one picture share it: what they have in common then betrays no gold."""
    return f"{task.key.rpartition('/')[0]}/{task.evidence.picture.file}"


def _write_some(golds: Golds, veto_counts: Counter[str], stats: CaptionStats) -> list[NineNegatives | Rejected]:
    swaps = draw_swaps(golds, make_blocks(golds, stats), stats, veto_counts)
    results: list[NineNegatives | Rejected] = []
    for row, (task, gold) in enumerate(golds):
        own = {part: swaps[part][row] for part in PARTS}
        if any(len(several) < NEGATIVES_PER_PART for several in own.values()):
            results.append(Rejected(FEW_NEGATIVES))
            continue
        above = score_parts(gold, own, task.evidence.picture.file, stats.word_counts)
        kept = choose_places(above, stats.count_weights, f"{task.key}/place")
        nine = [Negative(part, own[part][index].caption) for part in PARTS for index in kept[part]]
        is_distinct = len({negative.caption.text.lower() for negative in nine}) == len(nine)
        results.append(tuple(nine) if is_distinct else Rejected(FEW_NEGATIVES))
    return results
