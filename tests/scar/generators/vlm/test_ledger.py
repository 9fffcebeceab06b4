"""A ledger keeps every reply, changes none, and says in one line when it cannot be used."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from scar.errors import InputError
from scar.generators.vlm.chat_request import ChatRequest, Reply, Sampling
from scar.generators.vlm.ledger import Ledger, LedgerModel
from scar.sample import Box


@pytest.fixture
def request_(tmp_path: Path) -> ChatRequest:
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    return ChatRequest(
        "m", "write 1", "what is it?", tmp_path / "photo.png", Box(0, 0, 4, 4), "Form", {"type": "object"}
    )


def test_a_reply_outlives_the_process(request_: ChatRequest, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite")
    ledger.add(request_.key, "m", "t", Reply("first", "stop", 3, 4))
    ledger.add(request_.key, "m", "t", Reply("second"))
    ledger.close()
    ledger = Ledger(tmp_path / "l.sqlite", is_readonly=True)
    assert ledger.find(request_.key) == Reply("first", "stop", 3, 4)
    assert len(ledger) == 1
    ledger.close()


@pytest.mark.parametrize(
    "change",
    [
        {"model": "n"},
        {"task": "write 2"},
        {"text": "what else?"},
        {"box": Box(0, 0, 4, 5)},
        {"schema": {"type": "array"}},
        {"sampling": Sampling(temperature=0.5)},
        {"sampling": Sampling(seed=1)},
    ],
)
def test_the_key_changes_with_all_that_decides_the_answer(request_: ChatRequest, change: dict[str, object]) -> None:
    assert msgspec.structs.replace(request_, **change).key != request_.key


def test_the_key_is_of_the_pixels_not_of_the_path(request_: ChatRequest, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere.png"
    moved.write_bytes(request_.image.read_bytes())
    assert msgspec.structs.replace(request_, image=moved).key == request_.key
    Image.new("RGB", (8, 8), "red").save(tmp_path / "red.png")
    assert msgspec.structs.replace(request_, image=tmp_path / "red.png").key != request_.key


def test_equal_requests_are_asked_once(request_: ChatRequest, tmp_path: Path) -> None:
    asked: list[ChatRequest] = []

    def model(requests: list[ChatRequest], keep: object) -> list[Reply]:
        asked.extend(requests)
        for each in requests:
            keep(each, Reply("yes", "stop", 1, 1))  # type: ignore[operator]
        return [Reply("yes", "stop", 1, 1)] * len(requests)

    ledger = Ledger(tmp_path / "l.sqlite")
    kept = LedgerModel(ledger, model)  # type: ignore[arg-type]
    assert kept([request_, request_]) == kept([request_]) * 2
    assert len(asked) == 1
    assert kept.usage["replies"] == 3
    ledger.close()


def test_replies_stay(request_: ChatRequest, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite")
    ledger.add(request_.key, "m", "t", Reply("first"))
    ledger.close()
    connection = sqlite3.connect(tmp_path / "l.sqlite")
    for statement in ("UPDATE replies SET text = 'x'", "DELETE FROM replies"):
        with pytest.raises(sqlite3.IntegrityError, match="replies stay"):
            connection.execute(statement)
    connection.close()


def test_a_ledger_in_use_is_named(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    code = (
        "import sys; from pathlib import Path; from scar.generators.vlm.ledger import Ledger; "
        "kept = Ledger(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:  # noqa: S603
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        for is_readonly in (False, True):
            with pytest.raises(InputError, match=r"l.sqlite: cannot be used as a ledger .*another build has it open"):
                Ledger(path, is_readonly)
        other.kill()
    Ledger(path).close()


def test_what_is_no_ledger_is_named(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no ledger at all, but long enough to be looked at as one\n" * 50)
    with pytest.raises(InputError, match="cannot be used as a ledger"):
        Ledger(tmp_path / "text")
    with pytest.raises(InputError, match="no such ledger"):
        Ledger(tmp_path / "none.sqlite", is_readonly=True)
    with sqlite3.connect(tmp_path / "old.sqlite") as connection:
        connection.execute("CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
        connection.execute("INSERT INTO about VALUES ('version', '7')")
    connection.close()
    with pytest.raises(InputError, match="a ledger of version 7, not 1"):
        Ledger(tmp_path / "old.sqlite")
