"""Temporary failures are repeated, others stop at once with advice; the Hub's answers are understood."""

from __future__ import annotations

import errno
import os
import time
from email.utils import formatdate

import pytest

from scar.common.retry import MAX_ATTEMPTS, explain_error, is_temporary, parse_retry_after, retry_action
from scar.errors import HubError, InputError


@pytest.mark.parametrize(
    ("status", "temporary"),
    [(408, True), (425, True), (429, True), (500, True), (503, True), (400, False), (404, False)],
)
def test_which_status_codes_are_temporary(status: int, temporary: bool) -> None:
    assert is_temporary(status) == temporary


@pytest.mark.parametrize(("value", "seconds"), [(None, None), ("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("soon", None)])
def test_retry_after_is_a_number(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value) == seconds


def test_retry_after_is_a_date() -> None:
    assert parse_retry_after(formatdate(time.time() + 60, usegmt=True)) == pytest.approx(60, abs=2)


def test_a_temporary_failure_is_repeated_with_growing_waits() -> None:
    waits: list[float] = []
    lines: list[str] = []
    failures = [ConnectionError(), TimeoutError()]

    def act() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert retry_action(act, "me/corpus", "read", say=lines.append, sleep=waits.append) == "done"
    assert waits == [2.0, 4.0]
    assert lines == [f"me/corpus: the Hub cannot be reached; trying again in {wait} s" for wait in (2, 4)]


def test_a_hub_that_stays_away_is_one_line() -> None:
    waits: list[float] = []

    def act() -> None:
        raise ConnectionError

    with pytest.raises(HubError, match=r"me/corpus: the Hub cannot be reached, 6 times; .*what was sent is kept"):
        retry_action(act, "me/corpus", "write", sleep=waits.append)
    assert len(waits) == MAX_ATTEMPTS - 1


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), InputError("ours")])
def test_bugs_and_our_own_errors_pass(error: Exception) -> None:
    def act() -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        retry_action(act, "me/corpus", "read")


def test_a_full_disk_is_explained_and_a_bug_is_not() -> None:
    problem = explain_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.parquet"), "read")
    assert problem is not None
    assert not problem.temporary
    assert problem.advice.startswith("a.parquet: cannot be written: No space left on device; make room")
    assert explain_error(ZeroDivisionError(), "read") is None
