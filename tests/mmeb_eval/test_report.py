"""The page stands alone, says all that the results say, and takes no text of theirs for HTML."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from mmeb_eval.data import sha256
from mmeb_eval.errors import DataError, EvalError
from mmeb_eval.report import score_of, wilson, write_report
from mmeb_eval.results import Result
from scar.errors import ScarError
from scar.parquet import Origin, write
from scar.sample import Box, Caption, Negative, Region, Sample

NASTY = '<script>alert("1")</script> & <b>'
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
            if name in ("href", "src", "xlink:href", "srcset", "action", "poster"):
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
    write(samples, "eval", Origin("rules", "1", None, 0), folder / "SCaR-eval" / file, folder / "provenance" / file)
    return folder


@pytest.fixture
def results(corpus: Path) -> list[Result]:
    file = corpus / "SCaR-eval" / "SCaR_eval_Toy.parquet"
    ranks = {"constant": (10,) * QUERIES, f"mine {NASTY}": (1, 1, 4, 1, 2, 7)}
    top = {"constant": (1,) * QUERIES, f"mine {NASTY}": (0, 0, 5, 0, 8, 3)}
    settings = {"files": {file.name: sha256(file)}, "layout": NASTY, "batch_size": 32, "embedder": {"seed": 3}}
    return [
        Result(
            model=model,
            task="Toy",
            metrics={"hit@1": ranks[model].count(1) / QUERIES, "mrr": 0.5},
            counts={"queries": QUERIES, "candidates": 10 * QUERIES, "items": 60, "ties": 5},
            chance=0.1,
            settings=settings,
            ranks=ranks[model],
            top=tuple((best,) for best in top[model]),
            margins=(0.0,) * QUERIES,
        )
        for model in ranks
    ]


def page_of(results: Sequence[Result], corpora: Sequence[Path], out: Path, samples: int = 24) -> tuple[str, Page]:
    write_report(results, corpora, out, samples=samples)
    text = out.read_text(encoding="utf-8")
    return text, Page(text)


def test_the_page_stands_alone(results: list[Result], corpus: Path, tmp_path: Path) -> None:
    text, page = page_of(results, [corpus], tmp_path / "report.html")
    assert len(page.links) == QUERIES
    assert all(link.startswith("data:image/jpeg;base64,") for link in page.links)
    assert not re.search(r"https?:|//[a-z]|url\(|@import", re.sub(r"base64,[^\"]*", "", text))
    assert not {"script", "iframe", "object", "embed", "link"} & set(page.tags)
    assert "default-src 'none'" in text


def test_no_text_of_the_results_becomes_html(results: list[Result], corpus: Path, tmp_path: Path) -> None:
    text, page = page_of(results, [corpus], tmp_path / "report.html")
    assert "<script" not in text
    assert NASTY in page.texts["mark"]
    assert f"star {NASTY}" in page.texts["h3"]
    assert f"mine {NASTY}" in page.texts["th"]
    assert NASTY in page.texts["td"]


def test_every_score_stands_with_its_chance_level_queries_and_ties(
    results: list[Result], corpus: Path, tmp_path: Path
) -> None:
    other = dataclasses.replace(results[1], task="VOC2007", chance=0.05, metrics={"hit@1": 0.5})
    _, page = page_of([*results, other], [corpus], tmp_path / "report.html")
    heads = [text for text in page.texts["th"] if text in ("model", "Toy", "VOC2007")]
    assert heads == ["model", "Toy", "VOC2007"]
    assert page.texts["b"][:3] == ["0.000", "0.500", "0.500"]
    assert page.texts["small"].count("chance 0.100") == 2
    assert page.texts["small"].count("chance 0.050") == 1
    assert page.texts["small"].count("6 queries") == 3
    assert page.texts["small"].count("5 tied") == 3
    assert "not run" in page.texts["td"]


def test_plots_say_in_words_what_they_draw(results: list[Result], corpus: Path, tmp_path: Path) -> None:
    _, page = page_of(results, [corpus], tmp_path / "report.html")
    assert "constant on Toy: 0.000, 95 % interval 0.000 to 0.390, chance 0.100" in page.labels
    assert f"mine {NASTY} on Toy: true 0.500, scene swapped 0.167, relation swapped 0.167, object swapped 0.167" in (
        page.labels
    )
    assert page.tags.count("svg") == len(results) + QUERIES
    assert len([label for label in page.labels if "picture with a box" in label]) == QUERIES


def test_the_gallery_shows_ten_captions_and_marks_what_was_replaced(
    results: list[Result], corpus: Path, tmp_path: Path
) -> None:
    text, page = page_of(results, [corpus], tmp_path / "report.html", samples=2)
    marks = page.texts["mark"]
    assert len(marks) == 18
    assert marks[:6] == ["a farm", "a street", NASTY, "below", "behind", "under"]
    assert [re.sub(r" \d+$", "", mark) for mark in marks[6:9]] == ["a cat", "a dog", "a cow"]
    assert page.texts["span"].count("true") == 2
    assert text.count('class="relation') == 6


def test_the_gallery_shows_what_each_model_put_first(results: list[Result], corpus: Path, tmp_path: Path) -> None:
    text, _ = page_of(results, [corpus], tmp_path / "report.html")
    blocks = re.findall(r'<li class="(\w+)(?: opens)?">(.*)</li>', text)
    chosen = [(kind, "constant" in line, "mine" in line) for kind, line in blocks if "chip" in line]
    assert [kind for kind, constant, _ in chosen if constant] == ["scene"] * QUERIES
    mine = [kind for kind, _, mine in chosen if mine]
    assert mine == ["gold", "gold", "relation", "gold", "object", "scene"]


def test_results_of_other_data_do_not_speak_about_these_samples(
    results: list[Result], corpus: Path, tmp_path: Path
) -> None:
    old = [dataclasses.replace(result, settings={"files": {"SCaR_eval_Toy.parquet": "0" * 64}}) for result in results]
    text, _ = page_of(old, [corpus], tmp_path / "report.html")
    assert 'class="chip"' not in text
    assert 'class="ranks"' not in text


def test_pictures_are_reduced_and_boxes_stay_in_original_pixels(
    results: list[Result], corpus: Path, tmp_path: Path
) -> None:
    text, page = page_of(results, [corpus], tmp_path / "report.html", samples=1)
    with Image.open(io.BytesIO(base64.b64decode(page.links[0].split(",")[1]))) as image:
        assert image.size == (480, 240)
    assert 'viewBox="0 0 1000 500"' in text
    assert 'x="10.0" y="20.0" width="100.0" height="60.0"' in text


def test_the_draw_is_by_seed_and_the_bytes_are_the_same(results: list[Result], corpus: Path, tmp_path: Path) -> None:
    pages = {}
    for name, seed in (("a", 0), ("b", 0), ("c", 1), ("d", 2)):
        write_report(results, [corpus], tmp_path / name, samples=2, seed=seed)
        pages[name] = (tmp_path / name).read_bytes()
    assert pages["a"] == pages["b"]
    assert len(set(pages.values())) > 1
    assert not list(tmp_path.glob(".*"))


def test_without_a_corpus_there_is_no_gallery(results: list[Result], tmp_path: Path) -> None:
    _, page = page_of(results, [], tmp_path / "new" / "report.html")
    assert page.links == []
    assert "samples" not in page.ids


def test_published_rows_without_provenance_are_shown_unmarked(
    results: list[Result], corpus: Path, tmp_path: Path
) -> None:
    (corpus / "provenance" / "SCaR_eval_Toy.parquet").unlink()
    _, page = page_of(results, [corpus], tmp_path / "report.html", samples=1)
    assert "mark" not in page.texts
    assert page.texts["span"].count("scene swapped") == 1


def test_groups_of_tasks_have_their_mean_only_when_complete(results: list[Result], tmp_path: Path) -> None:
    one = [dataclasses.replace(result, task="VOC2007") for result in results]
    _, page = page_of(one, [], tmp_path / "report.html")
    assert "mean of classification" in page.texts["th"]
    assert "incomplete 1/10" in page.texts["td"]


def test_no_results_is_an_error(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no results to show; `mmeb-eval --model NAME --tasks DIR` makes some"):
        write_report([], [corpus], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("damage", ["missing folder", "missing picture", "broken picture", "broken rows"])
def test_a_corpus_that_cannot_be_shown_is_named(
    results: list[Result], corpus: Path, tmp_path: Path, damage: str
) -> None:
    if damage == "missing folder":
        corpus = tmp_path / "nowhere"
    if damage == "missing picture":
        (corpus / "images" / "0.png").unlink()
    if damage == "broken picture":
        (corpus / "images" / "0.png").write_bytes(b"no image")
    if damage == "broken rows":
        (corpus / "SCaR-eval" / "SCaR_eval_Toy.parquet").write_bytes(b"PAR1")
    with pytest.raises((EvalError, ScarError), match=r"nowhere|0\.png|SCaR_eval_Toy"):
        write_report(results, [corpus], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_an_old_page_survives_a_failure(results: list[Result], corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    out.write_text("old")
    (corpus / "images" / "3.png").unlink()
    with pytest.raises(DataError, match=r"3\.png"):
        write_report(results, [corpus], out)
    assert out.read_text() == "old"


def test_a_folder_in_the_way_is_an_error(results: list[Result], tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=r"cannot be written: .* Give another --out FILE"):
        write_report(results, [], tmp_path)
    assert not list(tmp_path.parent.glob(f".{tmp_path.name}*"))


@pytest.mark.parametrize(
    ("hits", "queries", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table 1; at either end of the scale it is z² / (n + z²) wide.
    [(0, 10, 0.0, 0.27753), (81, 263, 0.25528, 0.36620), (15, 148, 0.06245, 0.16055), (20, 20, 0.83887, 1.0)],
)
def test_wilson_interval_is_the_published_one(hits: int, queries: int, low: float, high: float) -> None:
    assert wilson(hits, queries) == pytest.approx((low, high), abs=1e-4)


def test_better_than_chance_means_the_whole_interval(results: list[Result]) -> None:
    assert not score_of(results[0]).beats_chance
    assert score_of(results[1]).beats_chance
    assert not score_of(dataclasses.replace(results[1], chance=0.4)).beats_chance


def test_kinds_are_counted_only_where_candidates_have_kinds(results: list[Result]) -> None:
    assert score_of(results[0]).first == {"gold": 0, "scene": 1, "relation": 0, "object": 0}
    assert score_of(dataclasses.replace(results[0], task="VOC2007")).first == {}
    fewer = {**results[0].counts, "candidates": 10 * QUERIES - 1}
    assert score_of(dataclasses.replace(results[0], counts=fewer)).first == {}
