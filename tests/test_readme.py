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
