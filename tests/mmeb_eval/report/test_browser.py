"""The page in a real browser: nothing is fetched, nothing is complained about, and all of it is on the screen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from mmeb_eval.adapters.baselines import Constant, Random, TextOnly
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.report.report import write_report
from mmeb_eval.run.evaluate import evaluate

Browse = Callable[..., str]


class Seeing(Random):
    """A model as far as the report knows: its name is no floor's."""

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
    assert ids == ["tasks", "scores", "first", "failures", "published", "settings"]
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
