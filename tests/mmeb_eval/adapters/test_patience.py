"""A server's wish to wait is read from either header, and a wish that is no time is none."""

from __future__ import annotations

from email.message import Message

import pytest

from mmeb_eval.adapters.patience import read_server_wait


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7.5"}, 7.5),
        ({"retry-after-ms": "2500"}, 2.5),
        ({"retry-after-ms": "2500", "Retry-After": "3"}, 2.5),
        ({"retry-after-ms": "soon", "Retry-After": "3"}, 3.0),
        ({"retry-after-ms": "-1"}, None),
        ({"retry-after-ms": "inf"}, None),
        ({"retry-after-ms": "nan", "Retry-After": "3"}, 3.0),
    ],
)
def test_the_finer_header_goes_first(headers: dict[str, str], seconds: float | None) -> None:
    answer = Message()
    for name, value in headers.items():
        answer[name] = value
    assert read_server_wait(answer) == seconds
