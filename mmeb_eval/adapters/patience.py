"""How long a request waits before it is sent again: as long as the server asks, up to a limit in all."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from email.message import Message

from scar.common.retry import parse_retry_after
from scar.errors import EvalError, NoAnswer

MAX_TRIES = 6
"""Number of attempts to send a request to a server that fails or does not answer."""

WAIT_VARIABLE = "MMEB_EVAL_MAX_WAIT_S"
"""Environment variable that replaces `MAX_WAIT_S`."""

MAX_WAIT_S = 600.0
"""Seconds that a request waits in all while the server limits the rate of requests; limits count minutes."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""Seconds before the second attempt, doubled for each further one up to the longest, if the server names no time."""

_lock = threading.Lock()
_quiet_until: dict[str, float] = {}


class Patience:
    """Waits before a failed request is sent again, and counts its attempts and seconds.

    Args:
        url: where the request is sent, for messages.

    Raises:
        EvalError: `WAIT_VARIABLE` is no number of seconds.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._limit_s = read_max_wait()
        self._tries = 0
        self._waited_s = 0.0
        self._pause_s = FIRST_PAUSE_S

    def wait(self, reason: str, *, is_limited: bool, server_wait_s: float | None) -> None:
        """Wait after a failed attempt, and say so.

        Args:
            reason: why the attempt failed, for messages.
            is_limited: whether the server works and limits the rate of requests; such attempts are not counted.
            server_wait_s: seconds that the server asks to wait; None if it does not say.

        Raises:
            NoAnswer: the attempts or the seconds are used up, or the server asks for more seconds than are left.
        """
        self._tries += not is_limited
        if self._tries >= MAX_TRIES:
            raise NoAnswer(f"{self._url}: no vectors in {MAX_TRIES} tries; the last: {reason}. What is stored is kept.")
        pause = self._pause_s if server_wait_s is None or server_wait_s < FIRST_PAUSE_S else server_wait_s
        if self._waited_s + pause > self._limit_s:
            asks = "" if server_wait_s is None else f"; the server asks to wait for {server_wait_s:.0f} s"
            raise NoAnswer(
                f"{self._url}: {reason}{asks}, after {self._waited_s:.0f} s of waiting; run again later, what is "
                f"stored is kept, or let {WAIT_VARIABLE} be more than {self._limit_s:.0f} seconds."
            )
        say_once(self._url, f"{self._url}: {reason}; trying again in {pause:.0f} s", pause)
        time.sleep(pause)
        self._waited_s += pause
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)


def read_max_wait() -> float:
    """Seconds that a request may wait in all.

    Raises:
        EvalError: `WAIT_VARIABLE` is no number of seconds.
    """
    text = os.environ.get(WAIT_VARIABLE) or str(MAX_WAIT_S)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise EvalError(f"{WAIT_VARIABLE}={text}: no number of seconds; give one such as 600.")
    return seconds


def read_server_wait(headers: Message[str, str]) -> float | None:
    """Seconds that a server asks to wait; None if it does not say.

    ``retry-after-ms``, which OpenAI and Azure send, is finer than ``Retry-After`` and goes first.

    Args:
        headers: headers of the answer.
    """
    try:
        seconds = float(headers.get("retry-after-ms", "")) / 1000
    except ValueError:
        seconds = math.nan
    return seconds if 0 <= seconds < math.inf else parse_retry_after(headers.get("Retry-After"))


def say_once(url: str, line: str, pause: float) -> None:
    """Write a line to stderr, but only once if several requests to the same URL wait at the same time."""
    now = time.monotonic()
    with _lock:
        if now < _quiet_until.get(url, 0.0):
            return
        _quiet_until[url] = now + pause
    sys.stderr.write(f"{line}\n")
