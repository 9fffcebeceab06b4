"""A review: which sample a reviewer is asked about next, and what becomes of the answer. It knows no network."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any

import msgspec

from scar.audit.agreement import krippendorff_alpha, measure_choices
from scar.common.html import split_caption, trace_outline
from scar.common.images import locate_image
from scar.errors import InputError
from scar.formats.decisions import (
    CANNOT_TELL,
    CAPTIONS,
    Decision,
    Edit,
    Fault,
    Mode,
    Verdict,
    digest_captions,
    list_current,
    read_decisions,
    write_decisions,
)
from scar.review.draw import Question
from scar.review.edits import find_edit_problems
from scar.review.label_studio import read_annotations, write_tasks
from scar.review.store import DecisionStore

CLAIM_S = 600.0
"""Seconds for which a sample that one reviewer looks at is asked of no other, unless it is shared."""

MAX_NAME = 60
"""Longest name of a reviewer in characters."""

OUTLINE_SIDE_PX = 1200
"""Longest side in pixels at which masks are traced."""


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the page sends.

    Attributes:
        question: index of the sample.
        seen: what `ReviewSession.show` gave under this name.
        position: place of the chosen caption as it was shown, from 0, or `CANNOT_TELL`; None if none was asked for.

    The other attributes are those of `scar.formats.decisions.Decision`.
    """

    question: int
    seen: int
    reviewer: str
    verdict: Verdict
    fault: Fault | None = None
    caption: int | None = None
    edits: tuple[Edit, ...] = ()
    position: int | None = None
    note: str = ""
    seconds: float | None = None


@dataclass(slots=True)
class ReviewSession:
    """A review of drawn samples.

    Attributes:
        questions: the samples, in the order in which they are asked.
        store: keeps the decisions.
        mode: how samples are shown.
        seed: seed of the order of captions in mode choose.
        images: folder that image paths are relative to.
    """

    questions: Sequence[Question]
    store: DecisionStore
    mode: Mode
    seed: int
    images: Path
    _numbers: dict[str, int] = field(init=False)
    _decided: dict[tuple[str, str], Decision] = field(init=False)
    _deciders: dict[str, set[str]] = field(init=False)
    _claims: dict[int, tuple[str, float]] = field(init=False, default_factory=dict)
    _lock: Lock = field(init=False, default_factory=Lock)

    def __post_init__(self) -> None:
        self._numbers = {question.sample.id: number for number, question in enumerate(self.questions)}
        self._read_decided()

    def ask(self, reviewer: str, after: int = -1) -> dict[str, Any]:
        """The next sample for a reviewer: a shared one, or one that nobody decided on or looks at.

        Args:
            reviewer: name of the reviewer.
            after: index of the sample that the reviewer passes over; -1 passes over none.

        Returns:
            See `show`; only ``progress`` if nothing is left.

        Raises:
            InputError: the name is empty or too long.
        """
        name = check_name(reviewer)
        with self._lock:
            order = [*range(after + 1, len(self.questions)), *range(after + 1)]
            number = next((each for each in order if self._is_open(each, name)), None)
            if number is not None and not self.questions[number].shared:
                self._claims[number] = (name, time.monotonic())
        return {"progress": self.count(name)} if number is None else self.show(number, name)

    def show(self, number: int, reviewer: str) -> dict[str, Any]:
        """What the page shows of a sample.

        Returns:
            ``question``: its index; ``seen``: number of the reviewer's last decision on it; ``id``; ``source``;
            ``category`` and ``reason``, not in mode choose; ``box`` as x0, y0, x1, y1 and ``outline`` as SVG path data,
            in pixels of the image; ``captions``: each with ``text``, ``pieces`` and ``part``, in mode choose shuffled,
            with the text alone; ``decision``: the one that counts, or None; ``progress``: see `count`.
        """
        sample = self._get(number).sample
        name = check_name(reviewer)
        seen, last = self.store.find_last(sample.id, name, self.mode)
        box = sample.region.box
        shown: dict[str, Any] = {
            "question": number,
            "seen": seen,
            "id": sample.id,
            "source": sample.source,
            "box": [box.x0, box.y0, box.x1, box.y1],
            "outline": trace_outline(sample.region.mask, OUTLINE_SIDE_PX) if sample.region.mask else "",
            "decision": msgspec.to_builtins(last) if last and last.verdict != "withdrawn" else None,
            "progress": self.count(name),
        }
        if self.mode == "choose":
            order = self._shuffle(number, name)
            return shown | {"captions": [{"text": sample.captions[index]} for index in order]}
        captions = [("gold", sample.gold, None), *((each.part, each.caption, each.part) for each in sample.negatives)]
        return shown | {
            "category": sample.region.category,
            "reason": sample.reason or "",
            "captions": [
                {
                    "part": part,
                    "text": caption.text,
                    "pieces": split_caption(caption, replaced),
                    "elements": msgspec.to_builtins(caption),
                }
                for part, caption, replaced in captions
            ],
        }

    def answer(self, answer: Answer) -> dict[str, Any]:
        """Keep an answer; returns the reviewer's `count`.

        Raises:
            InputError: the answer does not fit the sample, or an edit is refused; the message says why.
            StaleDecision: see `scar.review.store.DecisionStore.add`.
        """
        question, name = self._get(answer.question), check_name(answer.reviewer)
        if answer.edits and (problems := find_edit_problems(question.sample, answer.edits)):
            raise InputError("; ".join(problems))
        decision = Decision(
            id=question.sample.id,
            reviewer=name,
            verdict=answer.verdict,
            mode=self.mode,
            fault=answer.fault,
            caption=answer.caption,
            edits=answer.edits,
            choice=self._find_choice(answer, name),
            captions=digest_captions(question.sample),
            note=answer.note.strip()[:2000],
            seconds=None if answer.seconds is None else round(max(answer.seconds, 0.0), 1),
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        with self._lock:
            self.store.add(decision, answer.seen)
            self._note(decision)
            self._claims.pop(answer.question, None)
        return self.count(name)

    def check_edits(self, number: int, edits: Sequence[Edit]) -> list[str]:
        """What is wrong with edits of a sample; see `scar.review.edits.find_edit_problems`."""
        return find_edit_problems(self._get(number).sample, edits)

    def count(self, reviewer: str) -> dict[str, Any]:
        """How far a reviewer and all of them are.

        Returns:
            ``own``: number of samples that the reviewer decided on; ``decided``: that anyone decided on; ``all``:
            number of samples; ``open``: number that the reviewer may still be asked about; ``last``: index of the
            reviewer's last decision, to undo it, or None.
        """
        own = [self._numbers[id_] for id_, name in self._decided if name == reviewer]
        decided = sum(bool(names) for names in self._deciders.values())
        left = sum(self._is_open(number, reviewer) for number in range(len(self.questions)))
        return {
            "own": len(own),
            "decided": decided,
            "all": len(self.questions),
            "open": left,
            "last": own[-1] if own else None,
        }

    def measure(self) -> dict[str, Any]:
        """Figures of this review so far: ``samples``, ``accepted``, ``alpha``, and ``choices`` in mode choose."""
        current = [each for each in list_current(self.store.read_all()) if each.id in self._numbers]
        units: dict[str, list[bool]] = {}
        for decision in current:
            if decision.mode == "inspect":
                units.setdefault(decision.id, []).append(decision.verdict != "reject")
        images = {question.sample.id: question.sample.image for question in self.questions}
        accepted = sum(2 * sum(unit) > len(unit) for unit in units.values())
        return {
            "samples": len(units),
            "accepted": accepted,
            "alpha": krippendorff_alpha(list(units.values())),
            "choices": measure_choices(current, images),
        }

    def find_image(self, number: int) -> Path:
        """The image file of a sample.

        Raises:
            BadRecord: it is missing, or its path leaves the folder of images.
        """
        sample = self._get(number).sample
        return locate_image(self.images, sample.image, sample.id, resolve_links=False)

    def export(self, path: Path) -> int:
        """Write the decisions that count as JSON lines, or with the ending .json as tasks of Label Studio.

        Returns:
            Number of decisions that were written; tasks take accepting and rejecting ones.
        """
        current = list_current(self.store.read_all())
        if path.suffix.lower() == ".json":
            return write_tasks([question.sample for question in self.questions], current, path)
        write_decisions(current, path)
        return len(current)

    def bring_in(self, path: Path) -> int:
        """Take in decisions from a file that `export` wrote, or from Label Studio's export of such tasks.

        Returns:
            Number of decisions that differ from those that count already.

        Raises:
            InputError: the file holds no decisions; nothing of it is taken in.
        """
        is_tasks = path.suffix.lower() == ".json"
        added = self.store.add_all(read_annotations(path) if is_tasks else read_decisions(path))
        self._read_decided()
        return added

    def _read_decided(self) -> None:
        self._decided = {}
        self._deciders = {question.sample.id: set() for question in self.questions}
        for decision in self.store.read_all():
            self._note(decision)

    def _note(self, decision: Decision) -> None:
        """Remember a decision, the last one last."""
        if decision.mode != self.mode or decision.id not in self._numbers:
            return
        self._decided.pop((decision.id, decision.reviewer), None)
        if decision.verdict == "withdrawn":
            self._deciders[decision.id].discard(decision.reviewer)
        else:
            self._decided[decision.id, decision.reviewer] = decision
            self._deciders[decision.id].add(decision.reviewer)

    def _get(self, number: int) -> Question:
        if not 0 <= number < len(self.questions):
            raise InputError(f"sample {number}: there are 0 to {len(self.questions) - 1}.")
        return self.questions[number]

    def _is_open(self, number: int, reviewer: str) -> bool:
        """Whether a reviewer may be asked about a sample now."""
        question = self.questions[number]
        deciders = self._deciders[question.sample.id]
        if reviewer in deciders:
            return False
        if question.shared:
            return True
        holder, since = self._claims.get(number, (reviewer, 0.0))
        return not deciders and (holder == reviewer or time.monotonic() - since > CLAIM_S)

    def _shuffle(self, number: int, reviewer: str) -> list[int]:
        """The order in which a reviewer sees the captions of a sample; the same at each time."""
        key = hashlib.sha256(f"{self.seed}/{reviewer}/{self.questions[number].sample.id}".encode()).digest()
        order = list(range(CAPTIONS))
        Random(key).shuffle(order)  # noqa: S311 - a draw, not a secret
        return order

    def _find_choice(self, answer: Answer, reviewer: str) -> int | None:
        """The index in `Sample.captions` of the chosen caption."""
        if answer.position is None or answer.position == CANNOT_TELL:
            return answer.position
        if not 0 <= answer.position < CAPTIONS:
            raise InputError(f"position {answer.position}: there are 0 to {CAPTIONS - 1}.")
        return self._shuffle(answer.question, reviewer)[answer.position]


def check_name(reviewer: str) -> str:
    """The name of a reviewer without outer spaces.

    Raises:
        InputError: it is empty, too long, or holds characters that cannot be seen.
    """
    name = " ".join(reviewer.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InputError(f"reviewer {reviewer[:MAX_NAME]!r}: give a name of 1 to {MAX_NAME} visible characters.")
    return name
