"""The page stands alone, says all that the results say, and takes no text of theirs for HTML."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.data.tasks import list_group_tasks, tasks
from mmeb_eval.report.report import write_report
from mmeb_eval.report.statistics import bootstrap_interval, find_hits
from mmeb_eval.report.strategy_table import REGION_STRATEGIES, Stage, StrategyScore
from mmeb_eval.run.results import HEADLINE_METRIC, Result
from scar.common.files import hash_file
from scar.errors import DataError, EvalError, ScarError, UnknownName
from scar.formats.schema import Origin
from scar.formats.writer import write_samples
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


def sample(number: int) -> Sample:
    gold = Caption(f"a red star {number}", "above", "a beach")
    swaps = {"scene": ("a farm", "a street", NASTY), "relation": ("below", "behind", "under")}
    negatives = [
        *(Negative("scene", gold.swap("scene", value)) for value in swaps["scene"]),
        *(Negative("relation", gold.swap("relation", value)) for value in swaps["relation"]),
        *(Negative("object", gold.swap("object", f"{value} {number}")) for value in ("a cat", "a dog", "a cow")),
    ]
    region = Region(number, Box(10, 20, 110, 80), f"star {NASTY}")
    return Sample(f"Toy/eval/{number}", "Toy", "eval", f"images/{number}.png", number, region, gold, tuple(negatives))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    for name in ("SCaR-eval", "provenance", "images"):
        (folder / name).mkdir(parents=True)
    for number in range(QUERIES):
        Image.new("RGB", (1000, 500), (0, 40 * number, 90)).save(folder / "images" / f"{number}.png")
    file = "SCaR_eval_Toy.parquet"
    samples = [sample(number) for number in range(QUERIES)]
    write_samples(
        samples, "eval", Origin("rules", "1", None, 0), folder / "SCaR-eval" / file, folder / "provenance" / file
    )
    return folder


@pytest.fixture
def results(corpus: Path) -> list[Result]:
    file = corpus / "SCaR-eval" / "SCaR_eval_Toy.parquet"
    ranks = {"constant": (10,) * QUERIES, MINE: (1, 1, 4, 1, 2, 7)}
    first = {"constant": (1,) * QUERIES, MINE: (0, 0, 5, 0, 8, 3)}
    settings = {"files": {file.name: hash_file(file)}, "layout": "plain", "note": NASTY, "embedder": {"seed": 3}}
    return [
        Result(
            model=model,
            task="Toy",
            metrics={HEADLINE_METRIC: ranks[model].count(1) / QUERIES, "mrr": 0.5},
            counts={"queries": QUERIES, "candidates": 10 * QUERIES, "items": 60, "ties": 5},
            chance=0.1,
            settings=settings,
            ranks=ranks[model],
            top=tuple(order(best, rank) for best, rank in zip(first[model], ranks[model], strict=True)),
            margins=tuple((1 - rank) / 10 for rank in ranks[model]),
        )
        for model in ranks
    ]


def order(best: int, rank: int) -> tuple[int, ...]:
    """Ten candidates with one of them first and the right one at a rank."""
    wrong = [best] * (best > 0) + [place for place in range(1, 10) if place != best]
    return (*wrong[: rank - 1], 0, *wrong[rank - 1 :])


def full(model: str, share: float, only: Sequence[str] = ()) -> list[Result]:
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


def page_of(results: Sequence[Result], corpora: Sequence[Path], out: Path, count: int = 24) -> tuple[str, Page]:
    data = [files for corpus in corpora for files in find_scar_tasks(corpus)]
    write_report(results, out, data=data, max_failures=count)
    text = out.read_text(encoding="utf-8")
    return text, Page(text)


def test_the_page_stands_alone(results: list[Result], corpus: Path, tmp_path: Path) -> None:
    text, page = page_of(results, [corpus], tmp_path / "report.html")
    assert len(page.links) == 3
    assert all(link.startswith("data:image/jpeg;base64,") for link in page.links)
    assert not re.search(r"https?:|//[a-z]|url\(|@import", re.sub(r"base64,[^\"]*", "", text))
    assert not {"script", "iframe", "object", "embed", "link"} & set(page.tags)
    assert "default-src 'none'" in text


def test_no_text_of_the_results_becomes_html(results: list[Result], corpus: Path, tmp_path: Path) -> None:
    text, page = page_of(results, [corpus], tmp_path / "report.html")
    assert "<script" not in text
    assert NASTY in page.texts["mark"]
    assert f"star {NASTY}" in page.texts["h3"]
    assert MINE in page.texts["th"]
    assert NASTY in page.texts["td"]


def test_every_score_stands_with_its_interval_chance_level_queries_and_ties(
    results: list[Result], corpus: Path, tmp_path: Path
) -> None:
    other = dataclasses.replace(results[1], task="VOC2007", chance=0.05, metrics={HEADLINE_METRIC: 0.5})
    _, page = page_of([*results, other], [corpus], tmp_path / "report.html")
    low, high = bootstrap_interval([find_hits(other.ranks)])
    assert page.texts["small"].count(f"{low:.3f} to {high:.3f}") == 2
    assert page.texts["td"].count("0.100") == page.texts["td"].count("0.050") == 1
    assert page.texts["small"].count("6 queries") == 2
    assert page.texts["small"].count("5 tied") == 2
    assert page.texts["small"].count("constant 0.000") == 1
    order_of_heads = [text for text in page.texts["th"] if text in ("task", "Toy", "VOC2007")]
    assert order_of_heads == ["task", "VOC2007", "Toy"]


def test_what_was_not_run_has_no_score(results: list[Result], tmp_path: Path) -> None:
    other = dataclasses.replace(results[1], model="another", task="VOC2007")
    _, page = page_of([*results, other], [], tmp_path / "report.html")
    assert page.texts["td"].count("not run") == 5  # two tasks, each by the model that has the other, and three groups


def test_plots_say_in_words_what_they_draw(results: list[Result], corpus: Path, tmp_path: Path) -> None:
    _, page = page_of(results, [corpus], tmp_path / "report.html")
    (lane,) = [label for label in page.labels if label.startswith("Toy:")]
    assert f"{MINE} 0.500, interval 0.167 to 0.833;" in lane
    assert "constant 0.000" in lane
    assert lane.endswith("chance 0.100")
    assert (
        f"{MINE} on Toy: right 0.500, scene swapped 0.167, relation swapped 0.167, object swapped 0.167" in page.labels
    )
    pictures = [label for label in page.labels if "picture with a box" in label]
    assert pictures == [f"Toy, query {number}: picture with a box around: star {NASTY}" for number in (5, 2, 4)]


def test_failures_are_the_worst_first_in_the_order_in_which_the_model_ranked(
    results: list[Result], corpus: Path, tmp_path: Path
) -> None:
    text, page = page_of(results, [corpus], tmp_path / "report.html", count=2)
    assert [small for small in page.texts["small"] if "right candidate" in small] == [
        "right candidate at rank 7 of 10, 0.600 below the first",
        "right candidate at rank 4 of 10, 0.300 below the first",
    ]
    kinds = re.findall(r'<li class="(gold|scene|relation|object)"><span class="rank">(\d+)', text)
    assert [kind for kind, _ in kinds].index("gold") == 6
    assert [int(rank) for _, rank in kinds] == [*range(1, 11)] * 2
    first = results[1].top[5]
    assert [kind for kind, _ in kinds[:10]] == [
        "gold" if place == 0 else ("scene", "relation", "object")[(place - 1) // 3] for place in first
    ]
    assert "first for constant" in text


def test_a_right_candidate_far_down_stands_below_a_gap(results: list[Result], corpus: Path, tmp_path: Path) -> None:
    short = [dataclasses.replace(result, top=tuple(best[:3] for best in result.top)) for result in results]
    text, _ = page_of(short, [corpus], tmp_path / "report.html", count=1)
    ranks = re.findall(r'<li class="(\w+)"[^>]*><span class="rank">([^<]+)', text)
    assert [rank for _, rank in ranks] == ["1", "2", "3", "⋮", "7"]
    assert [kind for kind, _ in ranks[3:]] == ["gap", "gold"]


def test_floors_fail_by_design_and_are_shown_only_when_alone(
    results: list[Result], corpus: Path, tmp_path: Path
) -> None:
    both, _ = page_of(results, [corpus], tmp_path / "both.html")
    alone, _ = page_of(results[:1], [corpus], tmp_path / "alone.html")
    assert both.count("right candidate at rank") == 3
    assert alone.count("right candidate at rank") == QUERIES


def test_results_of_other_data_do_not_speak_about_these_samples(
    results: list[Result], corpus: Path, tmp_path: Path
) -> None:
    other = {"files": {"SCaR_eval_Toy.parquet": "0" * 64}, "layout": "plain"}
    _, page = page_of([dataclasses.replace(r, settings=other) for r in results], [corpus], tmp_path / "report.html")
    assert "failures" not in page.ids


def test_pictures_are_reduced_and_boxes_stay_in_original_pixels(
    results: list[Result], corpus: Path, tmp_path: Path
) -> None:
    text, page = page_of(results, [corpus], tmp_path / "report.html", count=1)
    with Image.open(io.BytesIO(base64.b64decode(page.links[0].split(",")[1]))) as image:
        assert image.size == (480, 240)
    assert 'viewBox="0 0 1000 500"' in text
    assert 'x="10.0" y="20.0" width="100.0" height="60.0"' in text


@pytest.mark.parametrize("suffix", [".html", ".md", ".json"])
def test_the_bytes_are_the_same_each_time(results: list[Result], corpus: Path, tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        write_report(results, (tmp_path / name).with_suffix(suffix), data=find_scar_tasks(corpus))
    assert (tmp_path / "a").with_suffix(suffix).read_bytes() == (tmp_path / "b").with_suffix(suffix).read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_without_data_there_is_no_gallery(results: list[Result], tmp_path: Path) -> None:
    _, page = page_of(results, [], tmp_path / "new" / "report.html")
    assert page.links == []
    assert "failures" not in page.ids


def test_published_rows_without_provenance_are_shown_unmarked(
    results: list[Result], corpus: Path, tmp_path: Path
) -> None:
    (corpus / "provenance" / "SCaR_eval_Toy.parquet").unlink()
    text, page = page_of(results, [corpus], tmp_path / "report.html", count=1)
    assert "mark" not in page.texts
    assert text.count('<span class="kind">scene swapped') == 3


def test_groups_of_tasks_have_their_mean_only_when_complete(tmp_path: Path) -> None:
    names = list_group_tasks("grounding")
    _, page = page_of([*full("a", 0.5, names), *full("b", 0.25, names[:3])], [], tmp_path / "report.html")
    assert "a, mean of grounding: 0.500, interval 0.485 to 0.516, chance 0.100" in page.labels
    assert not [label for label in page.labels if label.startswith("b, mean")]
    assert page.texts["span"].count("incomplete 3/4") == 1


def test_published_scores_stand_beside_results_on_the_published_data_only(tmp_path: Path) -> None:
    ours = full("a", 0.5, list_group_tasks("grounding"))
    _, page = page_of(ours, [], tmp_path / "report.html")
    assert "published: VIRTUE-7B (MMEB-train), grounding: 0.873" in page.labels
    (lane,) = [label for label in page.labels if label.startswith("RefCOCO:")]
    assert lane.endswith("; best published 0.887, VLM2Vec (MMEB-train)")
    fewer = [dataclasses.replace(own, counts={**own.counts, "queries": 999}) for own in ours]
    text, page = page_of(fewer, [], tmp_path / "fewer.html")
    assert not [label for label in page.labels if "published:" in label or "best published" in label]
    assert "the tasks above have other data" in " ".join(text.split())


def test_scores_at_chance_are_called_that_aloud(tmp_path: Path) -> None:
    low, high = full("weak", 0.12, ["VOC2007"]), full("strong", 0.5, ["VOC2007"])
    text, page = page_of([*low, *high], [], tmp_path / "report.html")
    assert "1 score is no better than chance" in text
    assert "weak: VOC2007" in page.texts["p"]
    assert page.texts["small"].count("no better than chance") == 1


def test_settings_that_all_tasks_share_are_said_once(tmp_path: Path) -> None:
    ours = full("a", 0.5, ["VOC2007", "GQA", "CIRR"])
    ours[1] = dataclasses.replace(ours[1], settings={"layout": "plain", "files": {"GQA.parquet": "abc"}})
    _, page = page_of(ours, [], tmp_path / "report.html")
    assert page.texts["caption"] == ["all tasks", "GQA"]
    assert page.texts["td"].count("plain") == 1


def test_markdown_has_a_row_a_task_and_takes_no_name_for_markup(results: list[Result], tmp_path: Path) -> None:
    ours = full("a|b_*c*", 0.5, list_group_tasks("grounding"))
    write_report([*ours, *results], tmp_path / "report.md")
    lines = (tmp_path / "report.md").read_text(encoding="utf-8").splitlines()
    assert (
        '|  | chance | a\\|b\\_\\*c\\* | constant | mine \\<script>alert("1")\\</script> & \\<b> | best published |'
        in lines
    )
    (row,) = [line for line in lines if line.startswith("| RefCOCO |")]
    assert row == "| RefCOCO | 0.100 | 0.500 [0.470, 0.531] | not run | not run | 0.887 VLM2Vec (MMEB-train) |"
    assert "- vlm2vec-paper: VLM2Vec, results per task, arXiv:2410.05160, precision@1 in percent" in lines
    assert len({line.count(" | ") for line in lines if line.startswith("| ") and "RefCOCO" in line}) == 1


def test_json_has_every_number_with_its_unit(results: list[Result], tmp_path: Path) -> None:
    write_report([*results, *full("a", 0.5, list_group_tasks("grounding"))], tmp_path / "report.json")
    content = json.loads((tmp_path / "report.json").read_text())
    mine = [row for row in content["tasks"] if row["model"] == MINE]
    assert [(row["task"], row["hit"], row["chance"], row["queries"]) for row in mine] == [("Toy", 0.5, 0.1, QUERIES)]
    assert mine[0]["metrics"] == results[1].metrics
    means = {row["group"]: row for row in content["groups"] if row["model"] == "a"}
    assert (means["grounding"]["hit"], means["MMEB"]["missing"]) == (0.5, "incomplete 4/36")
    assert {row["name"] for row in content["published"]} == {"grounding", *list_group_tasks("grounding")}
    by_unit = {row["unit"]: row for row in content["published"]}
    assert by_unit["percent"]["share"] == by_unit["percent"]["score"] / 100
    assert by_unit["fraction"]["score"] == by_unit["fraction"]["share"]


def test_the_table_in_small_stands_in_every_format(results: list[Result], tmp_path: Path) -> None:
    own: dict[Stage, tuple[float, float]] = {"before": (0.125, 0.25), "after": (0.5, 0.75)}
    measured = [
        StrategyScore(way, stage, 7, draw, hit, 1000, 0.1, "m")
        for way in REGION_STRATEGIES
        for stage, hits in own.items()
        for draw, hit in enumerate(hits)
    ]
    for suffix in ("html", "md", "json"):
        write_report(results, tmp_path / f"report.{suffix}", strategy_scores=measured)
    page = Page((tmp_path / "report.html").read_text())
    assert page.texts["b"].count("0.188") == page.texts["b"].count("0.625") == len(REGION_STRATEGIES)
    assert {"before the SCaR stage, seed 7", "paper, after SCaR-train"} <= set(page.texts["th"])
    row = "| box as prompt and in words | 0.188 ± 0.088 | 0.625 ± 0.177 | 0.304 (VIRTUE-2B) | 0.562 (VIRTUE-2B) |"
    assert row in (tmp_path / "report.md").read_text().splitlines()
    assert len(json.loads((tmp_path / "report.json").read_text())["ways"]) == len(measured)


def test_no_results_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no results to show; `mmeb-eval --model NAME --tasks DIR` makes some"):
        write_report([], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_a_suffix_that_is_no_format_is_an_error(results: list[Result], tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"unknown report format '\.htm': did you mean \.html\?"):
        write_report(results, tmp_path / "report.htm")


@pytest.mark.parametrize("damage", ["missing picture", "broken picture", "broken rows"])
def test_a_corpus_that_cannot_be_shown_is_named(
    results: list[Result], corpus: Path, tmp_path: Path, damage: str
) -> None:
    rows = corpus / "SCaR-eval" / "SCaR_eval_Toy.parquet"
    if damage == "missing picture":
        (corpus / "images" / "5.png").unlink()
    if damage == "broken picture":
        (corpus / "images" / "5.png").write_bytes(b"no image")
    if damage == "broken rows":
        rows.write_bytes(b"PAR1")
        files = {"files": {rows.name: hash_file(rows)}}
        results = [dataclasses.replace(own, settings={**own.settings, **files}) for own in results]
    (tmp_path / "report.html").write_text("old")
    with pytest.raises(ScarError, match=r"5\.png|SCaR_eval_Toy"):
        write_report(results, tmp_path / "report.html", data=find_scar_tasks(corpus))
    assert (tmp_path / "report.html").read_text() == "old"


def test_a_folder_in_the_way_is_an_error(results: list[Result], tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(EvalError, match=r"report\.html: a folder; give --out FILE"):
        write_report(results, tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir() if "report" in path.name] == ["report.html"]
