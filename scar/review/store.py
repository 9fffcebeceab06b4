"""Keep decisions in a SQLite file: each is written at once and never changed; a later one counts instead."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

import msgspec

from scar.errors import InputError
from scar.formats.decisions import Decision, check_decision

STORE_FILE = "review.sqlite"
"""File of the decisions in the folder of a corpus."""

_VERSION = 1

_TABLES = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS decisions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    sample TEXT NOT NULL, reviewer TEXT NOT NULL, mode TEXT NOT NULL, line BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_key ON decisions (sample, reviewer, mode);
"""


class DecisionStore:
    """The decisions on one corpus. Threads may share it; another process may read it meanwhile.

    Args:
        path: the SQLite file; it is made if it does not exist.
        corpus: what identifies the corpus; a file of another one is refused.

    Raises:
        InputError: the file is no such store, or of another corpus or version.
    """

    def __init__(self, path: Path, corpus: str) -> None:
        self.path = path
        self._lock = Lock()
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False, timeout=10)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.executescript(_TABLES)
            with self._connection:
                wanted = {"version": str(_VERSION), "corpus": corpus}
                self._connection.executemany("INSERT OR IGNORE INTO about VALUES (?, ?)", wanted.items())
            found = dict(self._connection.execute("SELECT key, value FROM about").fetchall())
        except sqlite3.Error as error:
            raise InputError(f"{path}: cannot be used as decisions ({error}); move it away, or give --store.") from None
        if found != wanted:
            self._connection.close()
            what = "another corpus" if found.get("version") == wanted["version"] else "another version"
            raise InputError(f"{path}: it holds decisions of {what}; move it away, or give --store.")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, decision: Decision, seen: int | None = None) -> int:
        """Write a decision.

        Args:
            decision: the decision.
            seen: number of the reviewer's decision on the sample that was current when the reviewer was asked, 0 if
                there was none. None writes whatever there is.

        Returns:
            The number of the new decision.

        Raises:
            InputError: the fields of the decision do not go together.
            StaleDecision: meanwhile the same reviewer decided on the sample elsewhere.
        """
        check_decision(decision)
        with self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            current = self._find_number(decision)
            if seen is not None and current != seen:
                raise StaleDecision(
                    f"{decision.reviewer} decided on {decision.id} in another window meanwhile; look at it again."
                )
            cursor = self._connection.execute(
                "INSERT INTO decisions (sample, reviewer, mode, line) VALUES (?, ?, ?, ?)",
                (decision.id, decision.reviewer, decision.mode, msgspec.json.encode(decision)),
            )
        return int(cursor.lastrowid or 0)

    def add_all(self, decisions: Iterable[Decision]) -> int:
        """Write the decisions that differ from the ones that count, all or none; returns their number.

        Raises:
            InputError: the fields of a decision do not go together.
        """
        rows = []
        current = {decision.key: decision for decision in self.read_all()}
        for decision in decisions:
            check_decision(decision)
            if current.get(decision.key) != decision:
                rows.append((decision.id, decision.reviewer, decision.mode, msgspec.json.encode(decision)))
        with self._lock, self._connection:
            self._connection.executemany(
                "INSERT INTO decisions (sample, reviewer, mode, line) VALUES (?, ?, ?, ?)", rows
            )
        return len(rows)

    def read_all(self) -> list[Decision]:
        """All decisions in the order of writing; see `scar.formats.decisions.list_current`."""
        with self._lock:
            rows = self._connection.execute("SELECT line FROM decisions ORDER BY number").fetchall()
        return [msgspec.json.decode(line, type=Decision) for (line,) in rows]

    def find_last(self, sample: str, reviewer: str, mode: str) -> tuple[int, Decision | None]:
        """The number and the reviewer's last decision on a sample in a mode; 0 and None if there is none."""
        with self._lock:
            row = self._connection.execute(
                "SELECT number, line FROM decisions WHERE sample = ? AND reviewer = ? AND mode = ? "
                "ORDER BY number DESC LIMIT 1",
                (sample, reviewer, mode),
            ).fetchone()
        return (row[0], msgspec.json.decode(row[1], type=Decision)) if row else (0, None)

    def _find_number(self, decision: Decision) -> int:
        row = self._connection.execute(
            "SELECT MAX(number) FROM decisions WHERE sample = ? AND reviewer = ? AND mode = ?",
            (decision.id, decision.reviewer, decision.mode),
        ).fetchone()
        return int(row[0] or 0)


class StaleDecision(InputError):  # noqa: N818 - says what happened
    """A decision on a sample on which the same reviewer decided in another window meanwhile."""
