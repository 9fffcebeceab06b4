"""The page shows the samples that were drawn, escapes their texts, and fits a real browser."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from scar import Caption, Negative, Region, Sample, read
from scar.cli import app
from scar.errors import InputError
from scar.inspect.samples_page import write_samples_page
from scar.sample import PARTS, Box
from tests.scar.formats.samples_file import write_samples

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> & \"'"


def read_captions(page: str) -> list[str]:
    """The captions of a page, as a reader sees them."""
    found = re.findall(r'<span class="kind">.*?</span><span>(.*?)</span></li>', page)
    return [html.unescape(re.sub(r"<.*?>", "", each)) for each in found]


def test_the_page_has_every_caption_of_every_drawn_sample(built: Path) -> None:
    cards = write_samples_page(built, count=7, seed=3)
    page = (built / "show.html").read_text()
    known = {sample.id: sample for sample in read(built)}
    assert len({card.sample.id for card in cards}) == 7
    assert [text for card in cards for text in known[card.sample.id].captions] == read_captions(page)
    for card in cards:
        assert card.sample == known[card.sample.id]
        assert f"<small>{card.sample.id}</small>" in page
        assert dict(card.details)["reason"] == card.sample.reason
        marked = [piece for line in card.lines[1:] for piece, replaced in line.pieces if replaced]
        assert marked == [getattr(each.caption, each.part) for each in card.sample.negatives]
        assert not any(replaced for _, replaced in card.lines[0].pieces)
    assert page.count("<path d=") == 7
    assert page.count("<rect ") == 14
    assert "rules" in page or dict(cards[0].details)["generator"].split()[0] in page


def test_the_draw_depends_on_the_seed_alone(built: Path) -> None:
    write_samples_page(built, count=5)
    first = (built / "show.html").read_bytes()
    write_samples_page(built, count=5)
    assert (built / "show.html").read_bytes() == first
    assert [card.sample.id for card in write_samples_page(built, count=5, seed=1)] != [
        card.sample.id for card in write_samples_page(built, count=5, seed=2)
    ]


def test_files_have_even_shares_as_far_as_they_go(built: Path) -> None:
    assert [card.sample.split for card in write_samples_page(built, count=6)] == ["eval"] * 3 + ["train"] * 3
    assert len(write_samples_page(built, count=500)) == 18
    assert {card.sample.split for card in write_samples_page(built, count=500, split="train")} == {"train"}
    assert len(write_samples_page(built, source="Toy", count=4)) == 4
    with pytest.raises(InputError, match=r"no samples of Other/any split; it has Toy/eval, Toy/train"):
        write_samples_page(built, source="Other")


def test_published_files_are_shown_by_what_differs(built: Path) -> None:
    known = {f"{sample.split}/{sample.gold.text}": sample for sample in read(built)}
    shutil.rmtree(built / "provenance")
    for card in write_samples_page(built, count=18):
        sample = known[f"{card.sample.split}/{card.sample.gold.text}"]
        if card.sample.split == "train":
            assert [line.kind for line in card.lines] == ["gold", "negative"]
            continue
        assert [line.kind for line in card.lines[1:]] == [negative.part for negative in sample.negatives]
        for line, negative in zip(card.lines[1:], sample.negatives, strict=True):
            assert " ".join(text for text, _ in line.pieces) == negative.caption.text
            (marked,) = (text for text, replaced in line.pieces if replaced)
            assert marked in getattr(negative.caption, negative.part)
    page = (built / "show.html").read_text()
    assert "generator" not in page


def test_missing_and_broken_images_are_reported(built: Path) -> None:
    paths = sorted((built / "images").rglob("*.png"))
    paths[0].unlink()
    paths[1].write_bytes(b"no image")
    result = CliRunner().invoke(app, ["show", str(built), "--n", "18"])
    assert result.exit_code == 0, result.output
    page = html.unescape((built / "show.html").read_text())
    assert "images cannot be shown" in result.output
    assert "does not exist" in page
    assert "is not an image" in page
    shutil.copytree(built / "images", built.parent / "elsewhere" / "images")
    shutil.rmtree(built / "images")
    assert all(card.picture is None for card in write_samples_page(built))
    assert any(card.picture for card in write_samples_page(built, images=built.parent / "elsewhere"))


@pytest.mark.parametrize("arguments", [["--n", "0"], ["--seed", "-1"], ["--split", "test"], ["--source", "Nobody"]])
def test_bad_options_are_one_line(built: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["show", str(built), *arguments])
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A corpus whose every text is markup."""
    folder = tmp_path / "corpus"
    Image.new("RGB", (3000, 2000), "teal").save(tmp_path / "a.png")
    (folder / "images").mkdir(parents=True)
    shutil.copy(tmp_path / "a.png", folder / "images" / "a.png")
    gold = Caption(f"a {HOSTILE}", "on", "a table")
    negatives = tuple(Negative(part, gold.swap(part, f"{n} {HOSTILE}")) for part in PARTS for n in range(3))
    region = Region(1, Box(100, 100, 2000, 1900), HOSTILE)
    sample = Sample("Toy/eval/1", "Toy", "eval", "images/a.png", 1, region, gold, negatives)
    for name in ("SCaR-eval", "provenance"):
        (folder / name).mkdir()
    rows = folder / "SCaR-eval" / "SCaR_eval_Toy.parquet"
    sidecar = folder / "provenance" / rows.name
    write_samples([sample], "eval", rows, sidecar, generator=HOSTILE, generator_version=HOSTILE, licence=HOSTILE)
    return folder


def test_markup_in_captions_stays_text_and_large_images_get_small(hostile: Path) -> None:
    (card,) = write_samples_page(hostile)
    page = (hostile / "show.html").read_text()
    assert "<script" not in page
    assert "onerror" not in re.sub(r"&lt;.*?&gt;", "", page)
    assert read_captions(page) == list(card.sample.captions)
    assert len(page) < 40_000


def test_the_page_is_whole_in_the_browser(browse: Callable[..., str], hostile: Path, built: Path) -> None:
    for folder, count in ((hostile, 1), (built, 18)):
        write_samples_page(folder, count=18)
        page = folder / "show.html"
        log = page.parent.parent / "net.json"
        dom = browse(page, "--dump-dom", "--enable-logging=stderr", "--v=0", f"--log-net-log={log}")
        assert dom.count('<li class="entry card">') == count
        assert dom.rstrip().endswith("</html>")
        text = log.read_text().rstrip().rstrip(",")
        events = json.loads(text if text.endswith("}") else text + "]}")["events"]
        asked = {event["params"]["url"] for event in events if "url" in event.get("params", {})}
        own = re.compile(r"https?://([\w.-]+\.)?(google(apis)?\.com|gvt1\.com)/")  # what the browser asks its maker
        assert not {url for url in asked if not url.startswith(("file:", "data:")) and not own.match(url)}
        assert "CONSOLE" not in (hostile.parent / "stderr.txt").read_text()


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (400, True)])
def test_it_fits_the_screen_and_is_not_empty(browse: Callable[..., str], built: Path, width: int, dark: bool) -> None:
    write_samples_page(built, count=4)
    shot = built.parent / "shot.png"
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    browse(built / "show.html", f"--screenshot={shot}", f"--window-size={width},2000", scheme)
    with Image.open(shot) as image:
        pixels = image.convert("RGB")
    corner = pixels.getpixel((2, 2))
    assert {pixels.getpixel((width - 2, y)) for y in range(0, 2000, 7)} == {corner}  # nothing runs over the edge
    assert len(set(pixels.resize((100, 250)).get_flattened_data())) > 50
