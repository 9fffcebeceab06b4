"""An expected failure is one line and exit code 2; a bug keeps its traceback."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from scar.common.terminal import CommandGroup, one_line_errors
from scar.errors import EvalError, InputError, ItemError


def exit_code(error: BaseException) -> int:
    with pytest.raises(typer.Exit) as caught, one_line_errors("scar"):
        raise error
    return caught.value.exit_code


@pytest.mark.parametrize("error", [InputError("a\nb"), EvalError("a b"), ItemError("a  b")])
def test_an_expected_failure_of_any_package_is_one_line(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(error) == 2
    assert capsys.readouterr().err == "scar: a b\n"


def test_a_failure_of_the_file_system_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(FileNotFoundError(2, "No such file or directory", "x.json")) == 2
    assert capsys.readouterr().err == "scar: x.json: No such file or directory.\n"


def test_ctrl_c_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "scar: stopped.\n"


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), one_line_errors("scar"):
        raise ZeroDivisionError


def test_debug_is_taken_anywhere_and_shows_the_traceback() -> None:
    app = typer.Typer(cls=CommandGroup)

    @app.command("fail")
    def fail(word: str) -> None:
        with one_line_errors("scar"):
            raise InputError(word)

    @app.command("other")
    def other() -> None: ...

    runner = CliRunner()
    for arguments in (["fail", "x"], ["fail", "--", "--debug"]):
        assert "Traceback" not in runner.invoke(app, arguments).stderr
    for arguments in (["--debug", "fail", "x"], ["fail", "--debug", "x"], ["fail", "x", "--debug"]):
        done = runner.invoke(app, arguments)
        assert (done.exit_code, done.stderr.splitlines()[-1]) == (2, "scar: x")
        assert "Traceback (most recent call last)" in done.stderr
    assert "Traceback" not in runner.invoke(app, ["fail", "x"]).stderr
    assert "--debug, anywhere in a command, shows the traceback" in runner.invoke(app, ["fail", "--help"]).stdout
