"""What a model has replied, kept on disk: nothing that was paid for is asked again.

The ledger is an SQLite file to which replies are added, and in which none is changed or removed. It holds every reply
of a model, also those that are of no use, since they were paid for too; a request that failed leaves nothing.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from scar.errors import InputError
from scar.generators.vlm.chat_request import ChatModel, ChatRequest, Reply, keep_nothing

_VERSION = "1"

_TABLES = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS replies (
    key BLOB PRIMARY KEY, model TEXT NOT NULL, task TEXT NOT NULL, text TEXT NOT NULL, finish TEXT NOT NULL,
    input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, at REAL NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS keep_replies BEFORE UPDATE ON replies BEGIN SELECT RAISE(ABORT, 'replies stay'); END;
CREATE TRIGGER IF NOT EXISTS lose_nothing BEFORE DELETE ON replies BEGIN SELECT RAISE(ABORT, 'replies stay'); END;
"""


class Ledger:
    """The replies of models. Threads may share it; another process is refused while it is open for writing.

    Args:
        path: the SQLite file; it is made if it does not exist and may be written.
        is_readonly: whether replies are only looked up.

    Raises:
        InputError: the file is no ledger, of another version, or used by another process.
    """

    def __init__(self, path: Path, is_readonly: bool = False) -> None:
        self.path = path
        self._lock = Lock()
        if is_readonly and not path.is_file():
            raise InputError(f"{path}: no such ledger; build without --replay first, or give the file with --ledger.")
        mode = "ro" if is_readonly else "rwc"
        try:
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}", uri=True, check_same_thread=False, timeout=0.5
            )
            if not is_readonly:
                self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute("PRAGMA synchronous=NORMAL")  # a killed process loses nothing
                self._connection.executescript(_TABLES)
                with self._connection:
                    self._connection.execute("INSERT OR IGNORE INTO about VALUES ('version', ?)", (_VERSION,))
            found = self._connection.execute("SELECT value FROM about WHERE key = 'version'").fetchone()
        except sqlite3.Error as error:
            raise InputError(f"{path}: cannot be used as a ledger ({error}){_find_way_out(error)}.") from None
        if found != (_VERSION,):
            self._connection.close()
            raise InputError(
                f"{path}: a ledger of version {found[0] if found else '?'}, not {_VERSION}; give another --ledger."
            )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def find(self, key: str) -> Reply | None:
        """The reply to the request with this key; None if it was never answered."""
        query = "SELECT text, finish, input_tokens, output_tokens FROM replies WHERE key = ?"
        with self._lock:
            row = self._connection.execute(query, (bytes.fromhex(key),)).fetchone()
        return None if row is None else Reply(*row)

    def add(self, key: str, model: str, task: str, reply: Reply) -> None:
        """Keep the reply to the request with a key; a second one to the same request is dropped."""
        row = (bytes.fromhex(key), model, task, *_list_fields(reply), time.time())
        with self._lock, self._connection:
            self._connection.execute("INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def __len__(self) -> int:
        with self._lock:
            return int(self._connection.execute("SELECT count(*) FROM replies").fetchone()[0])


def _list_fields(reply: Reply) -> tuple[str, str, int, int]:
    return reply.text, reply.finish, reply.input_tokens, reply.output_tokens


def _find_way_out(error: sqlite3.Error) -> str:
    if "locked" in str(error):
        return "; another build has it open: wait for it, or give another --ledger"
    return "; move it away, or give another --ledger"


class LedgerModel:
    """A model of which every reply is kept: only what the ledger lacks is asked.

    Args:
        ledger: keeps the replies.
        model: answers what the ledger lacks; None answers nothing, so that a build repeats what was kept.

    Attributes:
        usage: numbers of ``replies``, ``input_tokens`` and ``output_tokens`` that were needed so far, whether they
            stood in the ledger or not.
    """

    def __init__(self, ledger: Ledger, model: ChatModel | None) -> None:
        self._ledger = ledger
        self._model = model
        self.usage: Counter[str] = Counter()

    def __call__(
        self, requests: Sequence[ChatRequest], keep: Callable[[ChatRequest, Reply], None] = keep_nothing
    ) -> list[Reply]:
        """Answer requests; see `ChatModel`.

        Raises:
            InputError: there is no model, and the ledger lacks a reply.
        """
        known = {request.key: self._ledger.find(request.key) for request in requests}
        missing = list({request.key: request for request in requests if known[request.key] is None}.values())
        if missing and self._model is None:
            first = missing[0]
            problem = f"{len(missing):,} requests of this build have no reply, such as {first.task!r} of {first.image}"
            raise InputError(f"{self._ledger.path}: {problem}; build without --replay to ask them.")

        def keep_reply(request: ChatRequest, reply: Reply) -> None:
            self._ledger.add(request.key, request.model, request.task, reply)
            keep(request, reply)

        if missing and self._model is not None:
            answered = self._model(missing, keep_reply)
            known |= {request.key: reply for request, reply in zip(missing, answered, strict=True)}
        replies = [reply for request in requests if (reply := known[request.key]) is not None]
        self.usage["replies"] += len(replies)
        self.usage["input_tokens"] += sum(reply.input_tokens for reply in replies)
        self.usage["output_tokens"] += sum(reply.output_tokens for reply in replies)
        return replies
