"""Apply what people decided about the samples of an earlier build: rejected ones are left out, edited ones changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec

from scar.accounting import Tally
from scar.errors import InputError
from scar.formats.decisions import Decision, Edit, digest_captions, list_current, read_decisions
from scar.sample import Negative, Sample

DecisionsById: TypeAlias = Mapping[str, tuple[Decision, ...]]
"""The inspecting decisions that count, by id of the sample."""

REVIEWED = "reviewed"
"""The reason of a region whose sample people reject."""


def read_by_sample(path: Path | None) -> DecisionsById:
    """Read a file of decisions; empty without a file. Choices of the fitting caption decide nothing.

    Raises:
        InputError: see `scar.formats.decisions.read_decisions`.
    """
    found: dict[str, tuple[Decision, ...]] = {}
    for decision in list_current(read_decisions(path)) if path is not None else ():
        if decision.mode == "inspect":
            found[decision.id] = (*found.get(decision.id, ()), decision)
    return found


def select_decisions(decisions: DecisionsById, key: str) -> DecisionsById:
    """The decisions on the samples of a source; ``key`` is its ``<name>/<split>``."""
    return {id_: own for id_, own in decisions.items() if id_.startswith(f"{key}/")}


def digest_decisions(decisions: DecisionsById) -> str:
    """SHA-256, in hexadecimal digits, of decisions."""
    return hashlib.sha256(msgspec.json.encode(sorted(decisions.items()))).hexdigest()


def apply_decisions(samples: Iterable[Sample], decisions: DecisionsById, tally: Tally) -> Iterator[Sample]:
    """Yield the samples that people do not reject, with their edits.

    A sample is rejected if at least half of its reviewers reject it. Otherwise the last edit is applied. Decisions on
    other captions than the sample's are not applied.

    Args:
        samples: the samples, which `tally` counts already.
        decisions: the decisions; see `read_by_sample`.
        tally: counts in ``reviewed`` samples by what became of them, and in ``rejected`` those that are left out.

    Raises:
        InputError: an edit makes two captions equal, or one empty.
    """
    for sample in samples:
        given = decisions.get(sample.id, ())
        own = [each for each in given if each.captions in (None, digest_captions(sample))] if given else ()
        if given and not own:
            tally.reviewed["of other captions"] += 1
        if not own:
            yield sample
            continue
        if 2 * sum(each.verdict == "reject" for each in own) >= len(own):
            tally.reviewed["rejected"] += 1
            tally.samples -= 1
            tally.reasons[sample.reason or ""] -= 1
            tally.rejected[REVIEWED] += 1
            continue
        edits = next((each.edits for each in reversed(own) if each.edits), ())
        tally.reviewed["edited" if edits else "accepted"] += 1
        yield _check_edited(apply_edits(sample, edits)) if edits else sample


def apply_edits(sample: Sample, edits: Sequence[Edit]) -> Sample:
    """The sample with new texts; negatives share the parts that they do not replace with an edited gold caption."""
    gold, negatives = sample.gold, list(sample.negatives)
    for edit in sorted(edits, key=lambda edit: edit.caption):
        if edit.caption == 0:
            negatives = [
                Negative(each.part, edit.text.swap(each.part, getattr(each.caption, each.part))) for each in negatives
            ]
            gold = edit.text
        else:
            part = negatives[edit.caption - 1].part
            negatives[edit.caption - 1] = Negative(part, gold.swap(part, getattr(edit.text, part)))
    return msgspec.structs.replace(sample, gold=gold, negatives=tuple(negatives))


def _check_edited(sample: Sample) -> Sample:
    texts = sample.captions
    if len(set(texts)) < len(texts) or not all(texts):
        raise InputError(f"decision on {sample.id}: its edit leaves captions that are equal or empty: {texts}.")
    return sample
