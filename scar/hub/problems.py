"""What the Hub answers when it does not do what was asked: which of it passes, and what to do about the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

PASSING = frozenset({408, 409, 412, 425, 429, 500, 502, 503, 504})
"""Status codes after which the same may succeed later; 409 and 412: somebody else committed in between."""

QUOTA = frozenset({402, 413, 507})


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something failed.

    Attributes:
        passing: whether trying again may help.
        advice: what happened and what to do, without a secret in it.
        wait: seconds that the Hub asks to wait, if it does.
    """

    passing: bool
    advice: str
    wait: float | None = None


def understand(error: Exception) -> Problem | None:
    """What an error of the Hub's client means; None if it is none of the Hub's."""
    from huggingface_hub.errors import (  # type: ignore[attr-defined] # HTTPError is its http library's
        HTTPError,
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
    )

    for each in _chain(error):
        if isinstance(each, LocalTokenNotFoundError):
            return Problem(False, "no token; log in with `hf auth login`, or set HF_TOKEN")
        if isinstance(each, OfflineModeIsEnabled):
            return Problem(False, "HF_HUB_OFFLINE is set; unset it")
        response = getattr(each, "response", None)
        if response is not None:
            return _status(int(response.status_code), response.headers, str(getattr(each, "server_message", "") or ""))
    if any(isinstance(each, HTTPError | ConnectionError | TimeoutError) for each in _chain(error)):
        return Problem(True, "the Hub cannot be reached")
    return None


def _status(status: int, headers: dict[str, str], message: str) -> Problem:
    said = f"{message} {headers.get('x-error-message', '')}".casefold()
    if status in QUOTA or (status == 403 and ("storage" in said or "quota" in said)):
        advice = "the storage of the account is used up; make room or get more, then run the same command again"
        return Problem(False, f"HTTP {status}: {advice}")
    if status == 401:
        return Problem(False, "HTTP 401: the token is not valid; log in with `hf auth login`, or set another HF_TOKEN")
    if status == 403:
        return Problem(False, "HTTP 403: the token may not write there; make one with write access to this repository")
    if status == 404:
        return Problem(False, "HTTP 404: no such repository or revision, or the token may not see it")
    if status in PASSING or status >= 500:
        return Problem(True, f"HTTP {status}", _wait(headers))
    return Problem(False, f"HTTP {status}: the Hub refused")


def _wait(headers: dict[str, str]) -> float | None:
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined] # documented, not re-exported

    limit = parse_ratelimit_headers(headers)
    if limit is not None and limit.remaining == 0:
        return limit.reset_in_seconds + 1.0
    after = headers.get("retry-after", "")
    return float(after) if after.isdecimal() else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it."""
    seen: list[BaseException] = []
    next_: BaseException | None = error
    while next_ is not None and next_ not in seen:
        seen.append(next_)
        yield next_
        next_ = next_.__cause__ or next_.__context__
