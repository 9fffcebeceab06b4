"""The README's Python runs, and its commands name what the command lines know."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest
import typer.main

import mmeb_eval.cli
import scar.cli
import virtue_ref.cli

README = Path(__file__).parents[1] / "README.md"
APPS = {"scar": scar.cli.app, "mmeb-eval": mmeb_eval.cli.app, "virtue": virtue_ref.cli.app}


def shell_commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.split(" ")[0] in APPS]


def test_python_blocks_run() -> None:
    assert doctest.testfile(str(README), module_relative=False).failed == 0


@pytest.mark.parametrize("line", shell_commands())
def test_commands_parse(line: str) -> None:
    program, *args = shlex.split(line, comments=True)
    command = typer.main.get_command(APPS[program])
    subcommands = getattr(command, "commands", {})
    if args[0] in subcommands:
        command = subcommands[args.pop(0)]
    command.make_context(program, args)


@pytest.mark.slow
def test_the_plan_of_the_demos_push_is_what_is_printed(tmp_path: Path) -> None:
    """Files and commits are the same, in this order; bytes may differ a little with the versions that write them."""
    from typer.testing import CliRunner

    def run(*words: str) -> str:
        done = CliRunner().invoke(scar.cli.app, list(words))
        assert done.exit_code == 0, done.output
        return done.output

    out = str(tmp_path / "out")
    run("build", "demo", "--out", out)
    run("audit", out)
    found = run("push", out, "--repo", "you/corpus", "--dry-run")
    shown = re.findall(r"```\n(dataset you/corpus.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    number = re.compile(r"[\d.]+(?= [kM]?B)")
    printed = {" ".join(number.sub("", line).split()): line for line in found.splitlines()}
    told = {" ".join(number.sub("", line).split()): line for line in shown[0].splitlines() if line.strip() != "..."}
    assert [line for line in printed if line in told] == list(told)
    pairs = [(number.findall(line), number.findall(printed[key])) for key, line in told.items()]
    assert any(one for one, _ in pairs)
    assert all(
        float(one) == pytest.approx(float(other), rel=0.1) for pair in pairs for one, other in zip(*pair, strict=True)
    )
