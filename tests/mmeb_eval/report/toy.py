"""Toy results on a toy corpus for tests of reports, and a reader of HTML pages."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.data.tasks import tasks
from mmeb_eval.regions.robustness import PROBES
from mmeb_eval.report.report import write_report
from mmeb_eval.run.results import HEADLINE_METRIC, Result
from scar.sample import Box, Caption, Negative, Region, Sample

NASTY = '<script>alert("1")</script> & <b>'

MINE = f"mine {NASTY}"

QUERIES = 6

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """What a page refers to, its texts by element, and whether its elements close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.labels: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("href", "src", "xlink:href", "srcset", "action", "poster") and not (value or "").startswith(
                "#"
            ):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            if name == "aria-label":
                self.labels.append(value or "")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and data.strip():
            self.texts.setdefault(self._open[-1], []).append(data.strip())


def make_sample(number: int) -> Sample:
    gold = Caption(f"a red star {number}", "above", "a beach")
    swaps = {"scene": ("a farm", "a street", NASTY), "relation": ("below", "behind", "under")}
    negatives = [
        *(Negative("scene", gold.swap("scene", value)) for value in swaps["scene"]),
        *(Negative("relation", gold.swap("relation", value)) for value in swaps["relation"]),
        *(Negative("object", gold.swap("object", f"{value} {number}")) for value in ("a cat", "a dog", "a cow")),
    ]
    region = Region(number, Box(10, 20, 110, 80), f"star {NASTY}")
    return Sample(f"Toy/eval/{number}", "Toy", "eval", f"images/{number}.png", number, region, gold, tuple(negatives))


def order_candidates(best: int, rank: int) -> tuple[int, ...]:
    """Ten candidates with one of them first and the right one at a rank."""
    wrong = [best] * (best > 0) + [place for place in range(1, 10) if place != best]
    return (*wrong[: rank - 1], 0, *wrong[rank - 1 :])


def make_full_results(model: str, share: float, only: Sequence[str] = ()) -> list[Result]:
    """Results of a model with as many queries as the published data have."""
    found = []
    for name in only or tasks():
        queries = tasks()[name].queries
        right = round(share * queries)
        ranks = (1,) * right + (2,) * (queries - right)
        counts = {"queries": queries, "candidates": 10 * queries, "items": 9, "ties": 0}
        top = tuple((0, 1) if rank == 1 else (1, 0) for rank in ranks)
        metrics = {HEADLINE_METRIC: right / queries}
        margins = tuple(0.1 if rank == 1 else -0.1 for rank in ranks)
        found.append(Result(model, name, metrics, counts, 0.1, {"layout": "plain"}, ranks, top, margins))
    return found


def write_page(results: Sequence[Result], corpora: Sequence[Path], out: Path, count: int = 24) -> tuple[str, Page]:
    data = [files for corpus in corpora for files in find_scar_tasks(corpus)]
    write_report(results, out, data=data, max_failures=count)
    text = out.read_text(encoding="utf-8")
    return text, Page(text)


def make_result(ranks: Sequence[int] = (1,) * 20, **settings: Any) -> Result:
    """A result of the model looks@1 on the task Toy."""
    queries = len(ranks)
    return Result(
        model="looks@1",
        task="Toy",
        metrics={HEADLINE_METRIC: list(ranks).count(1) / queries},
        counts={"queries": queries, "candidates": 10 * queries, "items": 1, "ties": 0},
        chance=0.1,
        settings={"layout": "plain", "files": {"a.parquet": "00"}, "ties": "against", **settings},
        ranks=tuple(ranks),
        top=tuple((0, 1) if rank == 1 else (1, 0) for rank in ranks),
        margins=tuple(0.1 if rank == 1 else -0.1 for rank in ranks),
    )


def make_probe_results() -> list[Result]:
    """Results at every level: hits at the three mildest ones, misses at the others."""
    return [
        make_result((1 if index < 3 else 2,) * 20, probe={"name": name, "level": level, "seed": 0, "left_out": []})
        for name, probe in PROBES.items()
        for index, level in enumerate(probe.levels)
    ]
