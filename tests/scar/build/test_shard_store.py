"""A full disk stops a build in one line, and the same command finishes it later."""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from scar.build.shard_store import ShardStore
from scar.cli import app

if TYPE_CHECKING:
    from tests.conftest import World


def assert_refused(result: Any, message: str) -> None:
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    assert re.search(message, result.stderr), result.stderr


# pyarrow's writer tries to close its file once more when it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_files_that_may_not_grow_stop_the_build_and_it_goes_on_later(
    world: World, run: Callable[..., Any], tmp_path: Path
) -> None:
    world.write()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # what a full disk does, without one
    try:
        stopped = run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert_refused(stopped, r"Toy/eval: files may not become so large where .*out is: make room there; 0 of 1 shards")
    assert not (tmp_path / "out" / "SCaR-eval").exists()
    assert run().exit_code == 0
    assert CliRunner().invoke(app, ["check", str(tmp_path / "out")]).exit_code == 0
    assert [path for path in (tmp_path / "out").rglob("*") if path.name.startswith(".")] == []


@pytest.mark.parametrize(("number", "words"), [(28, "the disk is full"), (122, "the disk's quota is used up")])
def test_a_full_disk_is_named(
    number: int, words: str, world: World, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    world.write()
    with monkeypatch.context() as patch:
        patch.setattr(ShardStore, "write_shard", full)
        assert_refused(run(), rf"Toy/eval: {words} where .*out is: make room there; .*the same command goes on")
    assert run().exit_code == 0
