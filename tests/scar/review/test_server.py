"""The server gives samples and pictures, keeps answers, and refuses what a stranger's page or program may send."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from scar.common.pixels import decode_rgb
from scar.review.session import Answer
from tests.scar.review.conftest import OpenSession, Serve

pytest.importorskip("starlette")

from scar.review.server import is_loopback


def call(address: str, body: object = None, **headers: str) -> tuple[int, Any, Any]:
    """Status, headers and content of an answer; JSON is decoded."""
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, content, headers)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            status, got, data = response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        status, got, data = error.code, error.headers, error.read()
    return status, got, json.loads(data) if "json" in got.get("Content-Type", "") else data


def test_a_sample_is_shown_and_an_answer_kept(open_session: OpenSession, serve: Serve) -> None:
    session = open_session()
    address = serve(session)
    status, headers, page = call(f"{address}/")
    assert (status, b"<main" in page) == (200, True)
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    for file in ("review.js", "review.css"):
        assert call(f"{address}/page/{file}")[0] == 200
    assert call(f"{address}/api/settings")[2]["samples"] == 10
    _, _, shown = call(f"{address}/api/next?reviewer=ada")
    sample = session.questions[shown["question"]].sample
    assert [caption["text"] for caption in shown["captions"]] == list(sample.captions)
    answer = {"question": shown["question"], "seen": shown["seen"], "reviewer": "ada", "verdict": "accept"}
    assert call(f"{address}/api/answers", answer)[2]["own"] == 1
    assert call(f"{address}/api/answers", answer)[0] == 409
    assert [each.verdict for each in session.store.read_all()] == ["accept"]
    assert call(f"{address}/api/figures")[2]["accepted"] == 1


def test_a_picture_is_the_image_of_the_sample(open_session: OpenSession, serve: Serve, built: Path) -> None:
    session = open_session()
    status, headers, content = call(f"{serve(session)}/api/samples/2/picture")
    image = decode_rgb(built / session.questions[2].sample.image)
    assert (status, headers["X-Image-Size"]) == (200, f"{image.width},{image.height}")
    shown = Image.open(io.BytesIO(content))
    assert shown.format == "JPEG"
    assert shown.size == image.size


def test_edits_are_checked_before_they_are_sent(open_session: OpenSession, serve: Serve) -> None:
    session = open_session()
    address = serve(session)
    caption = session.questions[0].sample.negatives[1].caption
    edit = {"caption": 1, "text": {"object": caption.object, "relation": caption.relation, "scene": caption.scene}}
    assert "equal" in call(f"{address}/api/samples/0/check", [edit])[2][0]


def test_what_cannot_be_used_is_refused_in_one_line(open_session: OpenSession, serve: Serve) -> None:
    address = serve(open_session())
    good = {"question": 0, "seen": 0, "reviewer": "ada", "verdict": "accept"}
    for path, body, status in (
        ("/api/samples/99/picture", None, 422),
        ("/api/samples/99?reviewer=ada", None, 422),
        ("/api/next?reviewer=", None, 422),
        ("/api/next?reviewer=ada&after=x", None, 422),
        ("/api/answers", b"{", 422),
        ("/api/answers", good | {"more": 1}, 422),
        ("/api/answers", good | {"note": "x" * 70_000}, 422),
        ("/page/../server.py", None, 404),
        ("/page/%2e%2e/server.py", None, 404),
        ("/api/samples/../../etc/passwd", None, 404),
    ):
        got, _, content = call(f"{address}{path}", body)
        assert got == status, path
        assert status == 404 or "\n" not in content["error"]


def test_a_missing_image_is_said(open_session: OpenSession, serve: Serve, built: Path) -> None:
    session = open_session()
    (built / session.questions[0].sample.image).unlink()
    status, _, content = call(f"{serve(session)}/api/samples/0/picture")
    assert status == 404
    assert session.questions[0].sample.image.rpartition("/")[2] in content["error"]


def test_other_hosts_and_other_pages_are_refused(open_session: OpenSession, serve: Serve) -> None:
    session = open_session()
    address = serve(session)
    good = {"question": 0, "seen": 0, "reviewer": "ada", "verdict": "accept"}
    assert call(f"{address}/api/settings", Host="evil.example")[0] == 400
    assert call(f"{address}/api/answers", good, Origin="http://evil.example")[0] == 403
    assert call(f"{address}/api/answers", good, Origin="null")[0] == 403
    assert session.store.read_all() == []
    assert call(f"{address}/api/answers", good, Origin=address)[0] == 200


def test_a_token_is_asked_for_everything(open_session: OpenSession, serve: Serve) -> None:
    address = serve(open_session(), "secret-token")
    for path in ("/", "/api/settings", "/page/review.js", "/api/samples/0/picture", "/?token=wrong"):
        assert call(f"{address}{path}")[0] == 403
    assert call(f"{address}/api/settings", Cookie="scar-review=secret-token")[0] == 200


@pytest.mark.parametrize(
    ("host", "is_local"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("10.1.2.3", False)],  # noqa: S104
)
def test_which_hosts_are_local(host: str, is_local: bool) -> None:
    assert is_loopback(host) is is_local


def test_an_answer_has_the_fields_that_the_page_sends() -> None:
    script = (Path(__file__).parents[3] / "scar" / "review" / "page" / "review.js").read_text()
    for field in Answer.__struct_fields__:
        assert field in script
