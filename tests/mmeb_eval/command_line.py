"""Runs the command line in this process, as tests of its commands do."""

from __future__ import annotations

from typing import Any

from typer.testing import CliRunner

from mmeb_eval.cli import app

EMBEDDER = """
import numpy as np

class Mine:
    name = "mine/v1"

    def embed(self, items):
        return np.tile(np.float32([1, 0]), (len(items), 1)) * {factor}

def load():
    return Mine()
"""


FAILING = """
import numpy as np

class Mine:
    name = "mine"
    stored = False

    def embed(self, items):
        if any("bus" in item.text for item in items):
            raise RuntimeError("no buses")
        return np.tile(np.float32([1, 0]), (len(items), 1))

def load(config="none"):
    return Mine()
"""


VQA_ROW = {"qry_inst": "<|image_1|>\nName it:", "qry_text": "", "qry_img_path": "a.jpg", "tgt_inst": "",
           "tgt_text": ["bus", "car"], "tgt_img_path": ["", ""]}  # fmt: skip


def run(*arguments: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def fails(*arguments: object) -> str:
    """The one line of an expected failure."""
    result = run(*arguments, code=2)
    assert result.stdout == ""
    lines: list[str] = [line for line in result.stderr.splitlines() if line.startswith("mmeb-eval: ")]
    assert len(lines) == 1
    assert result.stderr.endswith(f"{lines[0]}\n")
    return lines[0]
