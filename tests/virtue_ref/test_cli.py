"""The commands, run in one process; and their help, which must not wait for torch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from virtue_ref.cli import app
from virtue_ref.config import list_configs


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, virtue_ref, virtue_ref.cli; "
        "print(sorted({'torch', 'transformers', 'numpy', 'sam2', 'pyarrow', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"
    assert {"info", "embed", "bench", "convert"} <= set(call("--help").output.split())


def test_bench_of_segmenters_takes_no_model() -> None:
    done = call("bench", "--segmenters", "--model", "tiny")
    assert done.exit_code == 2
    assert done.stderr == "virtue: --model: --segmenters measures every segmenter alone; leave it out.\n"


@pytest.mark.parametrize("name", list_configs())
def test_info_of_every_config(name: str) -> None:
    if name == "qwen3-2b":
        pytest.importorskip("timm")
    facts = json.loads(call("info", name, "--json").stdout)
    assert facts["weights"] == "random"
    assert facts["dimensions"] == {"tiny": 64, "2b": 1536, "7b": 3584, "qwen3-2b": 2048}[name]
    if name != "tiny":
        published = {"2b": 2.21e9, "7b": 7.75e9, "qwen3-2b": 2.13e9}[name]  # Qwen2-VL, Qwen3-VL without a head
        backbone = facts["parameters"]["vision encoder"] + facts["parameters"]["language model"]
        assert backbone == pytest.approx(published, rel=0.02)


def test_info_of_the_reference_checkpoint(reference: Path) -> None:
    done = call("info", reference / "virtue-tiny")
    assert done.exit_code == 0
    assert "1024 x 1024 pixels, 256 tokens a region, grid of 3 x 3 points" in done.stdout
    assert "every weight is there" in done.stdout


def test_convert_there_and_back_keeps_every_setting(tmp_path: Path) -> None:
    assert call("convert", "tiny", tmp_path / "official", "--to", "official").exit_code == 0
    assert call("convert", tmp_path / "official", tmp_path / "ours").exit_code == 0
    before, after = (json.loads(call("info", name, "--json").stdout) for name in ("tiny", tmp_path / "ours"))
    for key in ("profile", "image pixels", "resolution", "segmenter", "parameters"):
        assert after[key] == before[key]
    assert after["profile"] == "clean"
    done = call("convert", "tiny", tmp_path / "x", "--to", "theirs")
    assert (done.exit_code, done.stderr) == (2, "virtue: unknown layout 'theirs': it is one of ours, official.\n")


def test_embed_images_and_rows(tmp_path: Path, picture: Callable[..., Path]) -> None:
    image = picture(90, 70)
    (tmp_path / "rows.jsonl").write_text(json.dumps({"image": str(image), "box": [10, 10, 40, 40]}) + "\n")
    done = call(
        *("embed", image, tmp_path / "rows.jsonl", "--model", "tiny", "--out", tmp_path / "v.npy"),
        *("--text", "a", "--truncate-dim", 8),
    )
    assert done.exit_code == 0, done.output
    assert "2 vectors of 8 dimensions by virtue-tiny-clean@seed0[truncate_dim=8]" in done.stdout
    assert np.load(tmp_path / "v.npy").shape == (2, 8)


def test_bench_measures_every_mode() -> None:
    report = json.loads(call("bench", "--config", "tiny", "--repeat", 1, "--json").stdout)
    modes = {timing["mode"]: timing for timing in report["modes"]}
    prompts = ("image", "image + point", "image + box", "image + mask", "new box on a known image")
    assert {"text", *prompts, "baseline: crop", "baseline: box in words, no image"} == set(modes)
    assert all(timing["latency_ms"] > 0 and timing["peak_mib"] > 0 for timing in modes.values())
    assert "median ms" in call("bench", "--model", "tiny", "--repeat", 1).stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("info", "nowhere.toml"), "virtue: no config 'nowhere.toml': built in are 2b, 7b, qwen3-2b, tiny"),
        (("info", "/"), "virtue: /config.json: no such file; is / a checkpoint?"),
        (("embed", "nowhere.png", "--model", "tiny", "--out", "v.npy"), "virtue: nowhere.png: no such file."),
        (("embed", "rows.jsonl", "--text", "a", "--out", "v.npy"), "virtue: --text: it goes with image files, and all"),
        (("embed", "nowhere.png", "--out", "v.npy"), "virtue: which model? Name a checkpoint, such as 'demo'"),
        (("info",), "virtue: which model? Name a checkpoint, such as 'demo'"),
        (("bench",), "virtue: which model? Name a checkpoint, such as 'demo'"),
        (
            ("embed", "nowhere.png", "--model", "tiny", "--device", "cuda:77", "--out", "v.npy"),
            "virtue: device 'cuda:77' cannot be used here",
        ),
        (("bench", "--model", "tiny", "--device", "cuda:77"), "virtue: device 'cuda:77' cannot be used here"),
        (("bench", "--model", "tiny", "--device", "gpu"), "virtue: device 'gpu' cannot be used here"),
        (("bench", "--model", "tiny", "--dtype", "int4"), "virtue: unknown dtype 'int4'"),
    ],
)
def test_expected_failures_are_one_line_and_exit_code_2(
    words: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call(*words)
    assert done.exit_code == 2
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
