"""The commands of the README's section on own annotations, run one after the other in a folder with such files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scar.cli import app
from tests.scar.annotations.exports import draw_tiny_set, write_coco, write_labelme, write_voc, write_yolo

README = Path(__file__).parents[3] / "README.md"


@pytest.mark.slow
def test_the_commands_for_own_annotations_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = draw_tiny_set(tmp_path)
    write_coco(tmp_path, tiny).rename(tmp_path / "instances.json")
    for write in (write_labelme, write_yolo, write_voc):
        write(tmp_path, tiny)
    (tmp_path / "words.toml").write_text('[names]\nkite = "a paper kite"\n')
    section = README.read_text(encoding="utf-8").split("#### Your own annotations")[1]
    block = re.search(r"```sh\n(.*?)```", section, flags=re.DOTALL)
    assert block is not None
    monkeypatch.chdir(tmp_path)
    for line in block.group(1).splitlines():
        done = CliRunner().invoke(app, shlex.split(line)[1:])
        assert done.exit_code == 0, f"{line}\n{done.output}"
