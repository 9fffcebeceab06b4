"""The time that is left counts all tasks, texts and images at their own rates; a log gets lines while a batch lasts."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from mmeb_eval.item import Item
from mmeb_eval.run import progress as module
from mmeb_eval.run.cost import EmbedClock
from mmeb_eval.run.progress import RunProgress, Workload, count_items

TEXT, IMAGE = Item(text="a"), Item(image=Path("a.jpg"))


def test_texts_and_images_take_their_own_time() -> None:
    clock = EmbedClock()
    assert clock.estimate_seconds(1, 0) is None
    clock.add_call([TEXT] * 10, 1.0)
    assert clock.estimate_seconds(20, 0) == pytest.approx(2.0)
    assert clock.estimate_seconds(20, 1) is None
    clock.add_call([IMAGE] * 5, 10.0)
    assert clock.estimate_seconds(20, 3) == pytest.approx(8.0)
    cost = clock.make_cost(64)
    assert cost is not None
    assert (cost.items, cost.seconds, cost.items_per_second, cost.batch_size) == (15, 11.0, 1.364, 10)
    assert cost.peak_memory is None or cost.peak_memory > 10_000_000


def test_a_run_that_embeds_nothing_has_no_cost() -> None:
    assert EmbedClock().make_cost(64) is None


def test_a_log_has_a_line_while_a_batch_lasts_and_counts_the_tasks_behind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 0.05)
    run, clock = RunProgress("m"), EmbedClock()
    run.pending = [Workload(60, 0), Workload(20, 0)]
    clock.add_call([TEXT] * 20, 10.0)
    with run.watch("VOC2007", 100, Workload(40, 0), clock):
        time.sleep(0.15)
    lines = capsys.readouterr().err.splitlines()
    assert 1 <= len(lines) <= 3
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d m: VOC2007: 80 of 100 items, 2.0 items/s; all tasks: about 50 s left", lines[0]
    )


def test_what_is_not_shown_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with RunProgress("m", shown=False).watch("t", 1, count_items([TEXT, IMAGE]), EmbedClock()) as show:
        show()
    assert capsys.readouterr() == ("", "")
    assert count_items([TEXT, IMAGE, IMAGE]) == Workload(1, 2)
