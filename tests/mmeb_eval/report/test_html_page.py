"""The page stands alone, says all that the results say, and takes no text of theirs for HTML."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmeb_eval.adapters.baselines import Constant, Random, TextOnly
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.data.tasks import list_group_tasks
from mmeb_eval.report.report import write_report
from mmeb_eval.report.statistics import bootstrap_interval, find_hits
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.run.results import HEADLINE_METRIC, Result
from tests.mmeb_eval.report.toy import MINE, NASTY, QUERIES, make_full_results, write_page

Browse = Callable[..., str]


def test_the_page_stands_alone(toy_results: list[Result], toy_corpus: Path, tmp_path: Path) -> None:
    text, page = write_page(toy_results, [toy_corpus], tmp_path / "report.html")
    assert len(page.links) == 3
    assert all(link.startswith("data:image/jpeg;base64,") for link in page.links)
    assert not re.search(r"https?:|//[a-z]|url\(|@import", re.sub(r"base64,[^\"]*", "", text))
    assert not {"script", "iframe", "object", "embed", "link"} & set(page.tags)
    assert "default-src 'none'" in text


def test_no_text_of_the_results_becomes_html(toy_results: list[Result], toy_corpus: Path, tmp_path: Path) -> None:
    text, page = write_page(toy_results, [toy_corpus], tmp_path / "report.html")
    assert "<script" not in text
    assert NASTY in page.texts["mark"]
    assert f"star {NASTY}" in page.texts["h3"]
    assert MINE in page.texts["th"]
    assert NASTY in page.texts["td"]


def test_every_score_stands_with_its_interval_chance_level_queries_and_ties(
    toy_results: list[Result], toy_corpus: Path, tmp_path: Path
) -> None:
    other = dataclasses.replace(toy_results[1], task="VOC2007", chance=0.05, metrics={HEADLINE_METRIC: 0.5})
    _, page = write_page([*toy_results, other], [toy_corpus], tmp_path / "report.html")
    low, high = bootstrap_interval([find_hits(other.ranks)])
    assert page.texts["small"].count(f"{low:.3f} to {high:.3f}") == 2
    assert page.texts["td"].count("0.100") == page.texts["td"].count("0.050") == 1
    assert page.texts["small"].count("6 queries") == 2
    assert page.texts["small"].count("5 tied") == 2
    assert page.texts["small"].count("constant 0.000") == 1
    order_of_heads = [text for text in page.texts["th"] if text in ("task", "Toy", "VOC2007")]
    assert order_of_heads == ["task", "VOC2007", "Toy"]


def test_cut_texts_and_unchecked_vectors_stand_in_the_cell_of_their_score(
    toy_results: list[Result], toy_corpus: Path, tmp_path: Path
) -> None:
    def cut(result: Result, count: int, task: str, **settings: Any) -> Result:
        counts = {**result.counts, "texts_cut": count}
        return dataclasses.replace(result, counts=counts, task=task, settings={**result.settings, **settings})

    mine = toy_results[1]
    results = [cut(mine, 1234, "Toy"), cut(mine, 1, "VOC2007", trusted_vectors=3), cut(mine, 0, "GQA")]
    text, page = write_page(results, [], tmp_path / "report.html")
    small = page.texts["small"]
    assert [small.count(words) for words in ("1,234 texts cut", "1 text cut", "unchecked")] == [1, 1, 1]
    assert "Texts cut: " in text
    assert "Unchecked: " in text
    text, _ = write_page([cut(mine, 0, "Toy")], [], tmp_path / "plain.html")
    assert "cut" not in text.split('<h2 id="scores">')[1].split("<h2")[0]


def test_what_was_not_run_has_no_score(toy_results: list[Result], tmp_path: Path) -> None:
    other = dataclasses.replace(toy_results[1], model="another", task="VOC2007")
    _, page = write_page([*toy_results, other], [], tmp_path / "report.html")
    assert page.texts["td"].count("not run") == 5  # two tasks, each by the model that has the other, and three groups


def test_plots_say_in_words_what_they_draw(toy_results: list[Result], toy_corpus: Path, tmp_path: Path) -> None:
    _, page = write_page(toy_results, [toy_corpus], tmp_path / "report.html")
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
    toy_results: list[Result], toy_corpus: Path, tmp_path: Path
) -> None:
    text, page = write_page(toy_results, [toy_corpus], tmp_path / "report.html", count=2)
    assert [small for small in page.texts["small"] if "right candidate" in small] == [
        "right candidate at rank 7 of 10, 0.600 below the first",
        "right candidate at rank 4 of 10, 0.300 below the first",
    ]
    kinds = re.findall(r'<li class="(gold|scene|relation|object)"><span class="rank">(\d+)', text)
    assert [kind for kind, _ in kinds].index("gold") == 6
    assert [int(rank) for _, rank in kinds] == [*range(1, 11)] * 2
    first = toy_results[1].top[5]
    assert [kind for kind, _ in kinds[:10]] == [
        "gold" if place == 0 else ("scene", "relation", "object")[(place - 1) // 3] for place in first
    ]
    assert "first for constant" in text


def test_a_right_candidate_far_down_stands_below_a_gap(
    toy_results: list[Result], toy_corpus: Path, tmp_path: Path
) -> None:
    short = [dataclasses.replace(result, top=tuple(best[:3] for best in result.top)) for result in toy_results]
    text, _ = write_page(short, [toy_corpus], tmp_path / "report.html", count=1)
    ranks = re.findall(r'<li class="(\w+)"[^>]*><span class="rank">([^<]+)', text)
    assert [rank for _, rank in ranks] == ["1", "2", "3", "⋮", "7"]
    assert [kind for kind, _ in ranks[3:]] == ["gap", "gold"]


def test_floors_fail_by_design_and_are_shown_only_when_alone(
    toy_results: list[Result], toy_corpus: Path, tmp_path: Path
) -> None:
    both, _ = write_page(toy_results, [toy_corpus], tmp_path / "both.html")
    alone, _ = write_page(toy_results[:1], [toy_corpus], tmp_path / "alone.html")
    assert both.count("right candidate at rank") == 3
    assert alone.count("right candidate at rank") == QUERIES


def test_results_of_other_data_do_not_speak_about_these_samples(
    toy_results: list[Result], toy_corpus: Path, tmp_path: Path
) -> None:
    other = {"files": {"SCaR_eval_Toy.parquet": "0" * 64}, "layout": "plain"}
    _, page = write_page(
        [dataclasses.replace(r, settings=other) for r in toy_results], [toy_corpus], tmp_path / "report.html"
    )
    assert "failures" not in page.ids


def test_pictures_are_reduced_and_boxes_stay_in_original_pixels(
    toy_results: list[Result], toy_corpus: Path, tmp_path: Path
) -> None:
    text, page = write_page(toy_results, [toy_corpus], tmp_path / "report.html", count=1)
    with Image.open(io.BytesIO(base64.b64decode(page.links[0].split(",")[1]))) as image:
        assert image.size == (480, 240)
    assert 'viewBox="0 0 1000 500"' in text
    assert 'x="10.0" y="20.0" width="100.0" height="60.0"' in text


def test_without_data_there_is_no_gallery(toy_results: list[Result], tmp_path: Path) -> None:
    _, page = write_page(toy_results, [], tmp_path / "new" / "report.html")
    assert page.links == []
    assert "failures" not in page.ids


def test_published_rows_without_provenance_are_shown_unmarked(
    toy_results: list[Result], toy_corpus: Path, tmp_path: Path
) -> None:
    (toy_corpus / "provenance" / "SCaR_eval_Toy.parquet").unlink()
    text, page = write_page(toy_results, [toy_corpus], tmp_path / "report.html", count=1)
    assert "mark" not in page.texts
    assert text.count('<span class="kind">scene swapped') == 3


def test_groups_of_tasks_have_their_mean_only_when_complete(tmp_path: Path) -> None:
    names = list_group_tasks("grounding")
    _, page = write_page(
        [*make_full_results("a", 0.5, names), *make_full_results("b", 0.25, names[:3])], [], tmp_path / "report.html"
    )
    assert "a, mean of grounding: 0.500, interval 0.485 to 0.516, chance 0.100" in page.labels
    assert not [label for label in page.labels if label.startswith("b, mean")]
    assert page.texts["span"].count("incomplete 3/4") == 1


def test_published_scores_stand_beside_results_on_the_published_data_only(tmp_path: Path) -> None:
    ours = make_full_results("a", 0.5, list_group_tasks("grounding"))
    _, page = write_page(ours, [], tmp_path / "report.html")
    assert "published: VIRTUE-7B (MMEB-train), grounding: 0.873" in page.labels
    (lane,) = [label for label in page.labels if label.startswith("RefCOCO:")]
    assert lane.endswith("; best published 0.958, Qwen3-VL-Embedding-8B")
    fewer = [dataclasses.replace(own, counts={**own.counts, "queries": 999}) for own in ours]
    text, page = write_page(fewer, [], tmp_path / "fewer.html")
    assert not [label for label in page.labels if "published:" in label or "best published" in label]
    assert "the tasks above have other data" in " ".join(text.split())


def test_scores_at_chance_are_called_that_aloud(tmp_path: Path) -> None:
    low, high = make_full_results("weak", 0.12, ["VOC2007"]), make_full_results("strong", 0.5, ["VOC2007"])
    text, page = write_page([*low, *high], [], tmp_path / "report.html")
    assert "1 score is no better than chance" in text
    assert "weak: VOC2007" in page.texts["p"]
    assert page.texts["small"].count("no better than chance") == 1


def test_settings_that_all_tasks_share_are_said_once(tmp_path: Path) -> None:
    ours = make_full_results("a", 0.5, ["VOC2007", "GQA", "CIRR"])
    ours[1] = dataclasses.replace(ours[1], settings={"layout": "plain", "files": {"GQA.parquet": "abc"}})
    _, page = write_page(ours, [], tmp_path / "report.html")
    assert page.texts["caption"] == ["all tasks", "GQA"]
    assert page.texts["td"].count("plain") == 1


class Seeing(Random):
    """A model as far as the report knows: its name is no baseline's."""

    name = "seeing"


@pytest.fixture
def page(corpus: Path, tmp_path: Path) -> Path:
    """A report with every section."""
    (files,) = find_scar_tasks(corpus)
    results = [evaluate(embedder, files) for embedder in (Seeing(1), Constant(), Random(), TextOnly())]
    write_report(results, tmp_path / "report.html", data=[files], max_failures=6)
    return tmp_path / "report.html"


def test_the_page_is_whole_in_the_browser(browse: Browse, page: Path) -> None:
    dom = browse(page, "--dump-dom", "--enable-logging=stderr", "--v=0")
    ids = re.findall(r'<section aria-labelledby="(\w+)"', dom)
    assert ids == ["tasks", "scores", "first", "failures", "published", "costs", "settings"]
    assert dom.count('<li class="entry card">') == 6
    assert dom.count("</table>") >= 3
    assert dom.rstrip().endswith("</html>")
    complaints = [line for line in (page.parent / "stderr.txt").read_text().splitlines() if "CONSOLE" in line]
    assert complaints == []


def test_nothing_is_loaded_but_the_page_itself(browse: Browse, page: Path) -> None:
    log = page.parent / "net.json"
    browse(page, "--dump-dom", f"--log-net-log={log}")
    text = log.read_text().rstrip().rstrip(",")
    events = json.loads(text if text.endswith("}") else text + "]}")["events"]
    asked = {event["params"]["url"] for event in events if "url" in event.get("params", {})}
    assert not {url for url in asked if not url.startswith(("file:", "data:"))} - browser_own(asked)


def browser_own(asked: set[str]) -> set[str]:
    """What the browser asks its maker, whatever the page is."""
    return {url for url in asked if re.match(r"https?://([\w.-]+\.)?(google(apis)?\.com|gvt1\.com)/", url)}


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (1200, True), (400, False)])
def test_it_is_light_or_dark_as_the_reader_has_it_and_fits_a_phone(
    browse: Browse, page: Path, width: int, dark: bool
) -> None:
    shot = page.parent / "shot.png"
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    browse(page, f"--screenshot={shot}", f"--window-size={width},3000", scheme)
    with Image.open(shot) as image:
        assert image.size == (width, 3000)
        pixels = image.convert("RGB")
    corner = pixels.getpixel((2, 2))
    assert corner == ((19, 21, 25) if dark else (246, 246, 243))
    right = {pixels.getpixel((width - 2, y)) for y in range(0, 3000, 7)}
    assert right == {corner}  # nothing runs over the edge
    assert len(set(pixels.resize((100, 250)).get_flattened_data())) > 50  # and the page is not empty
