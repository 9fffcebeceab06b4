"""`scar review` exchanges decisions without a server, and says in one line what is wrong."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typer.testing import CliRunner

from scar.cli import app


def run(*options: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["review", *map(str, options)])
    return done.exit_code, done.output


@contextmanager
def serve(folder: Path, *options: str) -> Iterator[str]:
    """Serve a review on a free port while the block runs; gives the first line that it prints."""
    command = [sys.executable, "-c", "from scar.cli import app; app()", "review", str(folder), "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own program
        assert process.stdout is not None
        try:
            yield process.stdout.readline()
        finally:
            process.terminate()
            assert process.wait(timeout=20) is not None


def test_decisions_go_in_and_out(built: Path, tmp_path: Path) -> None:
    ids = re.findall(r"Toy/eval/\d+", run(built, "--n", 99, "--export", tmp_path / "t.json")[1]) or ["Toy/eval/10"]
    path = tmp_path / "in.jsonl"
    path.write_text(f'{{"id": "{ids[0]}", "reviewer": "ada", "accept": true}}\n')
    assert run(built, "--import", path)[1].endswith(f"1 new decisions of {path}\n")
    assert run(built, "--import", path, "--export", tmp_path / "out.jsonl")[1].endswith("out.jsonl: 1 decisions\n")


def test_a_folder_that_is_no_corpus_is_named(tmp_path: Path) -> None:
    code, text = run(tmp_path)
    assert (code, text.count("\n")) == (2, 1)
    assert "no parquet file" in text


def test_a_port_that_is_taken_is_named(built: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, text = run(built, "--port", port)
    assert code == 2
    assert f"port {port}" in text


def test_the_server_says_where_it_is(built: Path) -> None:
    with serve(built, "--n", "3") as line:
        (address,) = re.findall(r"http://127\.0\.0\.1:\d+/", line)
        with urllib.request.urlopen(f"{address}api/settings", timeout=10) as response:  # noqa: S310 - our own server
            assert response.status == 200


def test_a_server_for_other_machines_has_a_token(built: Path) -> None:
    with serve(built, "--host", "0.0.0.0") as line:  # noqa: S104 - what is tested
        assert re.search(r"/\?token=[\w-]{30,}; ", line)
