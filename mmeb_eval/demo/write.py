"""Write the demo data of all tasks."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmeb_eval.data.tasks import Task, tasks
from mmeb_eval.demo.pictures import DemoImage, draw_pictures, draw_portraits, paint_image
from mmeb_eval.demo.question import DemoQuestion, DemoWorld
from mmeb_eval.demo.task_questions import make_questions
from scar import build
from scar.common.files import write_bytes, write_table
from scar.common.progress import Track, track_silently
from scar.demo.corpus import DEMO_LICENCE, make_demo_source
from scar.demo.world import draw_world
from scar.recipe import Recipe

MIN_PICTURES, MIN_PORTRAITS = 36, 24
"""Least number of pictures and of portraits; there are more if there are more queries. Fewer would repeat too often."""

SCAR_IMAGES = 8
"""Number of pictures drawn for each SCaR source; each picture gives about four samples."""


def write_demo(out: Path, *, queries: int = 24, seed: int = 0, track: Track = track_silently) -> dict[str, int]:
    """Draw small data sets in the published formats for all tasks.

    ``<task>/test-00000-of-00001.parquet`` holds the rows of an MMEB task and ``image-tasks/<task>`` its images, as in
    the official releases. `scar.build` makes ``SCaR-eval`` and ``images`` from drawn worlds. The same arguments give
    the same bytes.

    Args:
        out: output folder; files of an earlier call are replaced.
        queries: largest number of queries of an MMEB task; a task whose pictures allow no more has fewer. SCaR tasks do
            not depend on it.
        seed: seed of pictures, questions and samples.
        track: shows progress.

    Returns:
        ``tasks``: number of all tasks. ``queries``: number of their queries. ``images``: number of different images of
        the MMEB tasks.

    Raises:
        EvalError: a file of an MMEB task cannot be written.
        ScarError: `scar.build` raised the error.
    """
    world = DemoWorld(
        draw_pictures(max(MIN_PICTURES, queries), seed), draw_portraits(max(MIN_PORTRAITS, queries), seed)
    )
    mmeb = [task for task in tasks().values() if task.benchmark == "MMEB"]
    drawn: dict[DemoImage, bytes] = {}
    question_count = 0
    for task in track(mmeb, "drawing the MMEB tasks", len(mmeb)):
        questions = make_questions(task.name, world, queries, seed)
        question_count += len(questions)
        _write_task(out, task, questions, drawn)
    report = _write_scar(out, [task for task in tasks().values() if task.benchmark == "SCaR"], seed, track)
    samples = sum(source["samples"] for source in report.values())
    return {"tasks": len(tasks()), "queries": question_count + samples, "images": len(set(drawn.values()))}


def _write_task(out: Path, task: Task, questions: Sequence[DemoQuestion], drawn: dict[DemoImage, bytes]) -> None:
    """Write rows and images of one task; ``drawn`` holds the PNG files that earlier tasks have drawn."""
    import pyarrow as pa

    folder = out / task.images / task.name
    shutil.rmtree(folder, ignore_errors=True)
    files: dict[DemoImage, str] = {}

    def write_image(image: DemoImage | None) -> str:
        if image is None:
            return ""
        if image not in drawn:
            drawn[image] = _encode_png(image)
        if image not in files:
            name = f"{hashlib.sha256(drawn[image]).hexdigest()[:12]}.png"
            write_bytes(drawn[image], folder / name)
            files[image] = f"{task.name}/{name}"
        return files[image]

    rows = [
        {
            "qry_inst": question.instruction,
            "qry_text": question.text,
            "qry_img_path": write_image(question.image),
            "tgt_inst": question.candidate_instruction,
            "tgt_text": [text for text, _ in question.candidates],
            "tgt_img_path": [write_image(image) for _, image in question.candidates],
        }
        for question in questions
    ]
    columns: dict[str, Any] = {"qry_inst": pa.string(), "qry_text": pa.string(), "qry_img_path": pa.string()}
    columns |= {"tgt_inst": pa.string(), "tgt_text": pa.list_(pa.string()), "tgt_img_path": pa.list_(pa.string())}
    table = pa.Table.from_pylist(rows, schema=pa.schema(list(columns.items())))
    write_table(table, out / task.name / "test-00000-of-00001.parquet")


def _encode_png(image: DemoImage) -> bytes:
    buffer = io.BytesIO()
    paint_image(image).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _write_scar(out: Path, scar_tasks: Sequence[Task], seed: int, track: Track) -> dict[str, Any]:
    """Build the SCaR tasks and return the report of the build."""
    drawings = out / ".drawing"
    shutil.rmtree(drawings, ignore_errors=True)
    try:
        sources = []
        for number, task in enumerate(scar_tasks):
            world = drawings / task.source
            draw_world(world, SCAR_IMAGES, seed * len(scar_tasks) + number, "eval", track=track)
            sources.append(make_demo_source(world, "eval", name=task.source, licence=DEMO_LICENCE))
        return build(Recipe(sources=tuple(sources), seed=seed), out, force=True, track=track)
    finally:
        shutil.rmtree(drawings, ignore_errors=True)
