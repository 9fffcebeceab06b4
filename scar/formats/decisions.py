"""Files of what people decided about samples: ``review.jsonl``, a JSON object a line.

A line of `scar review` has the fields of `Decision`. A line of another tool may be as short as this::

    {"id": "Mine/eval/42", "reviewer": "ada", "accept": true}

A reviewer accepts a sample if the gold caption is true of the thing in the box and all other captions are false.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import msgspec

from scar.common.files import write_text
from scar.errors import InputError
from scar.sample import NEGATIVES_PER_PART, PARTS, Caption, Sample

REVIEW_FILE = "review.jsonl"
"""File of decisions in the folder of a corpus; the audit reads it."""

Mode: TypeAlias = Literal["inspect", "choose"]
"""How a sample is shown: with its gold caption marked, or as ten captions of which one has to be chosen."""

Verdict: TypeAlias = Literal["accept", "reject", "edit", "choice", "withdrawn"]
"""What was decided. ``withdrawn`` undoes the decision before it of the same reviewer on the same sample."""

Fault: TypeAlias = Literal[
    "gold_false", "gold_unnatural", "gold_fits_another", "negative_true", "text", "image", "other"
]
"""Why a sample is rejected: the gold is false, nobody would say it, or it fits another thing of the image as well; a
negative is true; a caption is no English; image, box or mask is wrong; something else."""
FAULTS: tuple[Fault, ...] = get_args(Fault)

CAPTIONS = 1 + NEGATIVES_PER_PART * len(PARTS)
"""Number of captions of a sample."""

CANNOT_TELL = -1
"""The choice of a reviewer who cannot tell which caption fits."""


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new text for one caption of a sample; ``caption`` is its index in `Sample.captions`, 0 for the gold."""

    caption: int
    text: Caption


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One answer of a reviewer about a sample.

    Attributes:
        id: id of the sample, ``<source>/<split>/<region id>``.
        reviewer: name of the reviewer.
        verdict: what was decided.
        mode: how the sample was shown.
        fault: why a sample is rejected; None unless it is.
        caption: index in `Sample.captions` of the caption that has the fault; None if it is not said.
        edits: the new texts, if the verdict is ``edit``.
        choice: the chosen index in `Sample.captions`, or `CANNOT_TELL`; None unless the verdict is ``choice``.
        captions: digest of the captions that the reviewer saw, see `digest_captions`; None if it is not known.
        note: what the reviewer adds in own words.
        seconds: time from showing the sample to the answer; None if it is not known.
        at: when, as ISO 8601 text; None if it is not known.
    """

    id: str
    reviewer: str
    verdict: Verdict
    mode: Mode = "inspect"
    fault: Fault | None = None
    caption: int | None = None
    edits: tuple[Edit, ...] = ()
    choice: int | None = None
    captions: str | None = None
    note: str = ""
    seconds: float | None = None
    at: str | None = None

    @property
    def key(self) -> tuple[str, str, Mode]:
        """Sample, reviewer and mode: of decisions with one key, the last one counts."""
        return self.id, self.reviewer, self.mode


def digest_captions(sample: Sample) -> str:
    """SHA-256, in hexadecimal digits, of a sample's captions in their order: a decision is about what was seen."""
    captions = [sample.gold, *(negative.caption for negative in sample.negatives)]
    text = "\x1e".join("\x1f".join((caption.object, caption.relation, caption.scene)) for caption in captions)
    return hashlib.sha256(text.encode()).hexdigest()


def check_decision(decision: Decision) -> None:
    """Check that the fields of a decision go together.

    Raises:
        InputError: a field is missing, belongs to another verdict, or has an impossible value.
    """
    where = f"decision of {decision.reviewer!r} on {decision.id}"
    if not decision.reviewer.strip():
        raise InputError(f"decision on {decision.id}: it names no reviewer; give a name.")
    owners = {"fault": "reject", "edits": "edit", "choice": "choice"}
    for field, verdict in owners.items():
        value = getattr(decision, field)
        if (value is not None and value != ()) != (decision.verdict == verdict):
            raise InputError(
                f"{where}: {decision.verdict} with {field} {value!r}; {verdict}, and only it, has {field}."
            )
    if decision.verdict != "withdrawn" and (decision.mode == "choose") != (decision.verdict == "choice"):
        raise InputError(f"{where}: {decision.verdict} in mode {decision.mode}; choices are made in mode choose.")
    if decision.choice is not None and not CANNOT_TELL <= decision.choice < CAPTIONS:
        raise InputError(f"{where}: choice {decision.choice}; give 0 to {CAPTIONS - 1}, or -1 if none can be told.")
    numbers = [edit.caption for edit in decision.edits] + ([] if decision.caption is None else [decision.caption])
    if any(not 0 <= number < CAPTIONS for number in numbers):
        raise InputError(f"{where}: captions {numbers}; a sample has captions 0 to {CAPTIONS - 1}.")
    if len({edit.caption for edit in decision.edits}) < len(decision.edits):
        raise InputError(f"{where}: two edits of one caption; give one.")


def list_current(decisions: Iterable[Decision]) -> list[Decision]:
    """The decisions that count: the last of each `Decision.key`, in the order of the first, without withdrawn ones."""
    last = {decision.key: decision for decision in decisions}
    return [decision for decision in last.values() if decision.verdict != "withdrawn"]


def read_decisions(path: Path) -> list[Decision]:
    """Read a file of decisions.

    Raises:
        InputError: the file cannot be read, a line is no decision, or a reviewer decides twice on a sample in one mode;
            the message names the line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `scar review DIR --export FILE` writes one.") from None
    decisions: dict[tuple[str, str, str], Decision] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            decision = _parse_line(line)
            check_decision(decision)
        except (ValueError, TypeError, InputError) as error:
            problem = str(error).rstrip(".")
            raise InputError(
                f"{path}, line {number}: no decision ({problem}); it has id, reviewer and accept."
            ) from None
        if decision.key in decisions:
            raise InputError(f"{path}, line {number}: {decision.reviewer} decides on {decision.id} twice; keep one.")
        decisions[decision.key] = decision
    return list(decisions.values())


def _parse_line(line: bytes) -> Decision:
    """Parse a line, in the long or in the short form.

    Raises:
        ValueError, TypeError: it is neither.
    """
    row: Any = json.loads(line.decode("utf-8-sig"))
    if isinstance(row, dict) and "accept" in row:
        accept = row.pop("accept")
        if not isinstance(accept, bool):
            raise ValueError(f"accept is true or false, not {accept!r}")
        row |= {"verdict": "accept"} if accept else {"verdict": "reject", "fault": "other"}
    return msgspec.convert(row, Decision)


def write_decisions(decisions: Sequence[Decision], path: Path) -> None:
    """Write decisions as JSON lines, in their order."""
    encoder = msgspec.json.Encoder()
    write_text("".join(f"{encoder.encode(decision).decode()}\n" for decision in decisions), path)
