"""Exchange a review with Label Studio: tasks with their decisions out, annotations in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scar.common.files import write_text
from scar.errors import InputError
from scar.formats.decisions import FAULTS, Decision, Fault, check_decision, digest_captions
from scar.sample import Sample

IMAGE_PREFIX = "/data/local-files/?d="
"""What stands before an image's path in a task: Label Studio serves local files below its document root so."""

LABELING_CONFIG = """<View>
  <Image name="image" value="$image"/>
  <Header value="$gold"/>
  <Text name="negatives" value="$negatives"/>
  <Choices name="verdict" toName="image" choice="single" required="true">
    <Choice value="accept"/><Choice value="reject"/>
  </Choices>
  <Choices name="fault" toName="image" choice="single" visibleWhen="choice-selected" whenTagName="verdict" \
whenChoiceValue="reject">
    {faults}
  </Choices>
  <TextArea name="note" toName="image" maxSubmissions="1"/>
</View>
"""
"""Labelling interface for the exported tasks, with a gap for the choices of `FAULTS`."""


def make_labeling_config() -> str:
    """The labelling interface that the exported tasks need."""
    return LABELING_CONFIG.format(faults="".join(f'<Choice value="{fault}"/>' for fault in FAULTS))


def write_tasks(
    samples: Sequence[Sample], decisions: Sequence[Decision], path: Path, prefix: str = IMAGE_PREFIX
) -> int:
    """Write samples as Label Studio tasks, with the accepting and rejecting decisions on them as annotations.

    Args:
        samples: the samples.
        decisions: decisions that count; edits, choices and decisions on other samples are left out.
        path: the JSON file.
        prefix: what stands before the image's path, so that Label Studio finds it.

    Returns:
        Number of decisions that were written.
    """
    by_sample: dict[str, list[Decision]] = {}
    for decision in decisions:
        if decision.verdict in ("accept", "reject"):
            by_sample.setdefault(decision.id, []).append(decision)
    tasks = [_make_task(sample, by_sample.get(sample.id, []), prefix) for sample in samples]
    write_text(json.dumps(tasks, ensure_ascii=False, indent=1), path)
    return sum(len(task["annotations"]) for task in tasks)


def read_annotations(path: Path) -> list[Decision]:
    """Read the decisions of a Label Studio export (JSON, not JSON_MIN) of tasks that `write_tasks` wrote.

    Raises:
        InputError: the file is no such export; the message names the task.
    """
    try:
        tasks = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no JSON of Label Studio ({error}).") from None
    if not isinstance(tasks, list):
        raise InputError(f"{path}: Label Studio's JSON is a list of tasks; export it as JSON.")
    decisions = [
        decision for number, task in enumerate(tasks) for decision in _read_task(task, f"{path}, task {number}")
    ]
    for decision in decisions:
        check_decision(decision)
    return decisions


def _make_task(sample: Sample, decisions: Sequence[Decision], prefix: str) -> dict[str, Any]:
    return {
        "data": {
            "image": f"{prefix}{sample.image}",
            "id": sample.id,
            "captions": digest_captions(sample),
            "box": list(sample.region.box.xywh),
            "gold": sample.gold.text,
            "negatives": "\n".join(f"{each.part}: {each.caption.text}" for each in sample.negatives),
        },
        "annotations": [_make_annotation(decision) for decision in decisions],
    }


def _make_annotation(decision: Decision) -> dict[str, Any]:
    results = [_make_choice("verdict", decision.verdict)]
    if decision.fault is not None:
        results.append(_make_choice("fault", decision.fault))
    if decision.note:
        results.append(
            {"from_name": "note", "to_name": "image", "type": "textarea", "value": {"text": [decision.note]}}
        )
    annotation: dict[str, Any] = {"completed_by": {"email": decision.reviewer}, "result": results}
    if decision.seconds is not None:
        annotation["lead_time"] = decision.seconds
    if decision.at is not None:
        annotation["created_at"] = decision.at
    return annotation


def _make_choice(name: str, value: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": "image", "type": "choices", "value": {"choices": [value]}}


def _read_task(task: Any, where: str) -> Iterator[Decision]:
    """The decisions of one task; cancelled annotations, and those without a verdict, are none."""
    try:
        data, annotations = task["data"], task.get("annotations", [])
        for annotation in annotations:
            values = {
                result["from_name"]: (result["value"].get("choices") or result["value"].get("text"))[0]
                for result in annotation["result"]
                if result["from_name"] in ("verdict", "fault", "note")
            }
            if annotation.get("was_cancelled") or "verdict" not in values:
                continue
            if values["verdict"] not in ("accept", "reject"):
                raise InputError(f"{where}: verdict {values['verdict']!r}; it is accept or reject.")
            is_reject = values["verdict"] == "reject"
            yield Decision(
                id=data["id"],
                reviewer=_find_reviewer(annotation.get("completed_by")),
                verdict=values["verdict"],
                fault=_find_fault(values.get("fault", "other"), where) if is_reject else None,
                captions=data.get("captions"),
                note=values.get("note", ""),
                seconds=annotation.get("lead_time"),
                at=annotation.get("created_at"),
            )
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{where}: no task of `scar review --export-label-studio` ({error!r}).") from None


def _find_fault(value: str, where: str) -> Fault:
    for fault in FAULTS:
        if fault == value:
            return fault
    raise InputError(f"{where}: fault {value!r}; it is one of {', '.join(FAULTS)}.")


def _find_reviewer(completed_by: Any) -> str:
    """The name of who annotated: Label Studio gives a number or an object."""
    if isinstance(completed_by, dict):
        return str(completed_by.get("email") or completed_by.get("username") or completed_by["id"])
    return f"user {completed_by}"
