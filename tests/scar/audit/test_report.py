"""The command writes figures, charts and a page."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from scar import audit
from scar.audit.tables import make_tables
from scar.cli import app
from scar.sample import SPLITS
from tests.scar.audit.toy_corpus import draw_samples, write_file


def test_the_command_writes_figures_and_charts_and_is_strict_if_asked(fair: Path, leaky: Path) -> None:
    run = CliRunner()
    good = run.invoke(app, ["audit", str(fair), "--strict"])
    assert good.exit_code == 0, good.output
    assert "Nothing is beyond its limit." in good.output
    assert run.invoke(app, ["audit", str(leaky)]).exit_code == 0
    bad = run.invoke(app, ["audit", str(leaky), "--strict", "--json"])
    assert bad.exit_code == 1
    figures = json.loads(bad.output)
    assert figures["findings"]
    del figures["findings"]
    assert figures == json.loads((leaky / "audit.json").read_text())
    from PIL import Image

    charts = sorted(path.name for path in (leaky / "audit").iterdir())
    assert "Toy_eval_blind.png" in charts
    with Image.open(leaky / "audit" / charts[0]) as image:
        assert image.format == "PNG"
        assert image.width == 1120
    page = (leaky / "audit.html").read_text()
    assert page.count("<img ") == len(charts)
    assert page.count("<h2 ") == 1 + len(make_tables(figures))
    assert "lighthouse" in page
    written = [*(leaky / "audit").iterdir(), leaky / "audit.html", leaky / "audit.json"]
    before = {path: path.read_bytes() for path in written}
    run.invoke(app, ["audit", str(leaky)])
    assert before == {path: path.read_bytes() for path in written}


def test_numbers_of_training_and_test_samples_are_reported(tmp_path: Path) -> None:
    for split in SPLITS:
        write_file(tmp_path, list(draw_samples(6, split, 1.0, images=40)), split)
    whole, part = audit(tmp_path), audit(tmp_path, trained_on=50)
    count = whole["sources"]["Toy/train"]["samples"]
    drawn = {key: figures["drawn"] for key, figures in part["sources"].items()}
    used = drawn["Toy/train"]["learned"]["samples"]
    assert 44 < used <= 50  # whole images of at most six samples
    assert drawn["Toy/train"] == {role: {"samples": used, "of": count} for role in ("learned", "asked")}
    assert drawn["Toy/eval"]["learned"] == drawn["Toy/train"]["learned"]
    counted = ("elements", "vocabulary", "repetition", "lengths", "truth", "reasons", "position", "images")
    for key, figures in whole["sources"].items():
        assert {name: figures[name] for name in counted} == {name: part["sources"][key][name] for name in counted}
    output = CliRunner().invoke(app, ["audit", str(tmp_path), "--trained-on", "50"]).output
    cells = ("Toy/train", "other images of the same file", f"{used} of {count}", f"{used} of {count}")
    assert any(all(cell in line for cell in cells) for line in output.splitlines())
    page = (tmp_path / "audit.html").read_text()
    assert "Samples of the judges" in page
    assert all(f">{cell}<" in page for cell in cells)
    assert json.loads((tmp_path / "audit.json").read_text()) == part
