"""Failures of requests to the Hugging Face Hub: retry after temporary ones, and give advice about the others."""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias, TypeVar

from scar.errors import HubError, ScarError

T = TypeVar("T")

Access: TypeAlias = Literal["read", "write"]
"""Whether an action reads or writes a repository; the advice depends on it."""

TEMPORARY_STATUS = frozenset({408, 425, 429})
"""HTTP status codes after which the same request may succeed later; all codes from 500 up are temporary too."""

CONFLICT_STATUS = frozenset({409, 412})
"""HTTP status codes of a commit that another commit overtook; the same request may succeed now."""

QUOTA_STATUS = frozenset({402, 413, 507})

MAX_ATTEMPTS = 6
MAX_WAIT_S = 600

_WHAT_IS_KEPT = {"read": "what was downloaded is kept", "write": "what was sent is kept"}

_ADVICE: dict[tuple[int, Access], str] = {
    (401, "read"): "no such repository, or it is private and the token is not valid: log in with `hf auth login`",
    (401, "write"): "the token is not valid; log in with `hf auth login`, or set another HF_TOKEN",
    (403, "read"): "the Hub refused: the token may not read it; make one with read access to this repository",
    (403, "write"): "the token may not write there; make one with write access to this repository",
    (404, "read"): "no such repository, or it is private: log in with `hf auth login`",
    (404, "write"): "no such repository or revision, or the token may not see it",
}

_ADVICE_BY_CODE = {
    "GatedRepo": "accept its terms on its page, then log in with `hf auth login`",
    "RevisionNotFound": "it has no such commit; leave --revision out for the one in the folder, else the newest",
}
"""Advice by the Hub's own error code, for requests that read."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a request to the Hub failed.

    Attributes:
        temporary: whether another attempt may succeed.
        advice: what happened and what to do, for the message; contains no secret.
        wait_s: seconds that the Hub asks to wait; None if it does not say.
    """

    temporary: bool
    advice: str
    wait_s: float | None = None


def retry_action(
    action: Callable[[], T],
    about: str,
    access: Access,
    *,
    say: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Run an action on the Hub; repeat it after temporary failures; return what it returned.

    Args:
        action: the function to call. It is called again after a temporary failure, and should then continue there.
        about: name of the repository, with which messages begin.
        access: whether the action reads or writes.
        say: shows the user a line before each wait.
        sleep: waits for a number of seconds.

    Raises:
        HubError: the Hub refuses, cannot be reached after several attempts, or the disk is full.
        Exception: any other error of the action, as it is; so are our own, the children of `ScarError`.
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            return action()
        except ScarError:
            raise
        except Exception as error:
            problem = explain_error(error, access)
            if problem is None:
                raise
            if not problem.temporary:
                raise HubError(f"{about}: {problem.advice}.") from None
            if attempt == MAX_ATTEMPTS:
                raise HubError(
                    f"{about}: {problem.advice}, {attempt} times; run the same command later, {_WHAT_IS_KEPT[access]}."
                ) from None
            wait = min(problem.wait_s if problem.wait_s is not None else 2.0**attempt, MAX_WAIT_S)
            say(f"{about}: {problem.advice}; trying again in {wait:.0f} s")
            sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def explain_error(error: Exception, access: Access) -> Problem | None:
    """Explain an error of the Hub's client or of a full disk; return None for any other error.

    ``access`` says whether the request reads or writes; the advice depends on it.
    """
    from huggingface_hub.errors import (  # type: ignore[attr-defined] # HTTPError is its http library's
        HFValidationError,
        HTTPError,
        LocalEntryNotFoundError,
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
    )

    for each in _iter_causes(error):
        if isinstance(each, LocalTokenNotFoundError):
            return Problem(False, "no token; log in with `hf auth login`, or set HF_TOKEN")
        if isinstance(each, OfflineModeIsEnabled):
            return Problem(False, "HF_HUB_OFFLINE is set; unset it")
        if isinstance(each, HFValidationError):
            return Problem(False, "not the name of a repository; write ORG/NAME")
        response = getattr(each, "response", None)
        if response is not None:
            message = str(getattr(each, "server_message", "") or "")
            return _explain_status(int(response.status_code), response.headers, message, access)
    if any(isinstance(each, HTTPError | ConnectionError | TimeoutError) for each in _iter_causes(error)):
        return Problem(True, "the Hub cannot be reached")
    if isinstance(error, LocalEntryNotFoundError):
        return Problem(True, "the Hub cannot be reached")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f"{error.filename}: " if error.filename else ""
        return Problem(
            False, f"{where}cannot be written: {error.strerror}; make room and run the same command again to continue"
        )
    return None


def is_temporary(status: int) -> bool:
    """Whether the request that got this HTTP status may succeed later."""
    return status in TEMPORARY_STATUS or status >= 500


def parse_retry_after(value: str | None) -> float | None:
    """Seconds to wait, from a header ``Retry-After``; None unless it is a number or a date.

    >>> parse_retry_after("12"), parse_retry_after("Thu, 01 Jan 1970 00:00:00 GMT"), parse_retry_after("soon")
    (12.0, 0.0, None)
    """
    if value is None:
        return None
    with contextlib.suppress(ValueError):
        return max(0.0, float(value))
    with contextlib.suppress(ValueError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    return None


def _explain_status(status: int, headers: dict[str, str], message: str, access: Access) -> Problem:
    text = f"{message} {headers.get('x-error-message', '')}".casefold()
    if status in QUOTA_STATUS or (status == 403 and ("storage" in text or "quota" in text)):
        advice = "the storage of the account is used up; make room or get more, then run the same command again"
        return Problem(False, f"HTTP {status}: {advice}")
    code = headers.get("x-error-code", "")
    if access == "read" and code in _ADVICE_BY_CODE:
        return Problem(False, f"HTTP {status}: {_ADVICE_BY_CODE[code]}")
    if (status, access) in _ADVICE:
        return Problem(False, f"HTTP {status}: {_ADVICE[status, access]}")
    if is_temporary(status) or status in CONFLICT_STATUS:
        return Problem(True, f"HTTP {status}", _read_wait(headers))
    return Problem(False, f"HTTP {status}: the Hub refused")


def _read_wait(headers: dict[str, str]) -> float | None:
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined] # documented, not re-exported

    limit = parse_ratelimit_headers(headers)
    if limit is not None and limit.remaining == 0:
        return limit.reset_in_seconds + 1.0
    return parse_retry_after(headers.get("retry-after"))


def _iter_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, then its cause, then the cause of that, and so on."""
    passed: list[BaseException] = []
    next_: BaseException | None = error
    while next_ is not None and next_ not in passed:
        passed.append(next_)
        yield next_
        next_ = next_.__cause__ or next_.__context__
