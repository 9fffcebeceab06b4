"""Endpoints over HTTP, against a real server on the loopback: what is sent, what is tried again, and what is hidden."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmeb_eval.adapters import http, patience
from mmeb_eval.adapters.image_data import encode_data_url
from mmeb_eval.contract import check
from mmeb_eval.data.files import find_scar_tasks
from mmeb_eval.data.images import open_rgb
from mmeb_eval.item import Item
from mmeb_eval.models import load_model
from mmeb_eval.regions.strategies import apply_strategy
from mmeb_eval.run.evaluate import evaluate
from mmeb_eval.run.run import run_evaluations
from scar.errors import ContractError, DataError, EvalError
from scar.sample import Box
from tests.scar.common.orientations import make_exif

Answer = tuple[int, dict[str, str], bytes]


class Server:
    """Answers with vectors made of what was sent, or with what stands in `planned` first; keeps requests."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], Any]] = []
        self.planned: list[Answer | None] = []
        self.change: Callable[[Any], Any] = lambda answer: answer
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True  # else each answer waits 40 ms for its second half

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer.lock:
                    outer.requests.append((dict(self.headers), body))
                    planned = outer.planned.pop(0) if outer.planned else None
                code, headers, content = planned or (200, {}, json.dumps(outer.change(outer.answer(body))).encode())
                self.send_response(code)
                for name, value in (headers | {"Content-Length": str(len(content))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        class Listener(ThreadingHTTPServer):
            request_queue_size = 64

        self.httpd = Listener(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.httpd.server_port}/v1/embeddings"

    def answer(self, body: Any) -> Any:
        asked = body["input"] if "input" in body else [body["messages"]]
        rows = [{"index": place, "embedding": vector_of(each)} for place, each in enumerate(asked)]
        return {"data": rows[::-1], "model": body["model"]}

    def close(self) -> None:
        self.httpd.shutdown()
        self.httpd.server_close()


def vector_of(asked: Any) -> list[float]:
    """Eight numbers of any length that stand for the input."""
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).digest()
    return [float(byte) - 128 for byte in digest[:8]]


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that would have been slept."""
    slept: list[float] = []
    monkeypatch.delenv(http.KEY_VARIABLE, raising=False)
    monkeypatch.delenv(patience.WAIT_VARIABLE, raising=False)
    monkeypatch.setattr("mmeb_eval.adapters.patience.time.sleep", slept.append)
    return slept


def unit(rows: Any) -> Any:
    return np.array(rows) / np.linalg.norm(rows, axis=1, keepdims=True)


def test_words_go_as_strings_and_images_as_data_urls(server: Server, picture: Path) -> None:
    embedder: Any = load_model(f"{server.url}#some/model")
    vectors = embedder.embed([Item("a cat"), Item("", picture), Item("what?", picture), Item("")])
    texts, images = sorted((body for _, body in server.requests), key=lambda body: isinstance(body["input"][0], dict))
    url = "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()
    assert texts == {"model": "some/model", "input": ["a cat", ""]}
    assert images == {"model": "some/model", "input": [{"image": url}, {"text": "what?", "image": url}]}
    asked = ["a cat", {"image": url}, {"text": "what?", "image": url}, ""]
    np.testing.assert_allclose(vectors, unit([vector_of(each) for each in asked]), atol=1e-6)
    assert embedder.name == f"{server.url}#some/model"
    assert embedder.settings == {"endpoint": server.url, "model": "some/model", "request": "input"}
    assert all("Authorization" not in headers for headers, _ in server.requests)


def test_vllm_gets_one_chat_message_for_each_item(server: Server, picture: Path) -> None:
    embedder = load_model(f"vllm:{server.url}#m")
    vectors = embedder.embed([Item("what?", picture), Item("a cat"), Item("", picture)])
    url = {"type": "image_url", "image_url": {"url": encode_data_url(picture)}}
    contents = [[url, {"type": "text", "text": "what?"}], [{"type": "text", "text": "a cat"}], [url]]
    messages = [[{"role": "user", "content": content}] for content in contents]
    assert sorted(map(repr, (body["messages"] for _, body in server.requests))) == sorted(map(repr, messages))
    np.testing.assert_allclose(vectors, unit([vector_of(each) for each in messages]), atol=1e-6)


def test_an_endpoint_has_one_name_however_its_url_is_written_and_two_have_two() -> None:
    spellings = ["http://Host.example:80/v1/E#m", "http://host.example/v1/E/#m", "http://host.EXAMPLE/v1/E#m"]
    assert {load_model(url).name for url in spellings} == {"http://host.example/v1/E#m"}
    hosts = ("host.example:8000", "other.example", "[::1]:8000")
    others = [f"http://{host}/v1/E#m" for host in hosts]
    others += [f"http://host.example/v1/{end}" for end in ("e#m", "E#M", "E?x=1#m")]
    others += ["https://host.example/v1/E#m", "vllm:http://host.example/v1/E#m"]
    assert len({load_model(url).name for url in (*others, spellings[0])}) == len(others) + 1
    assert load_model("https://host.example:443/#m").name == "https://host.example#m"
    with pytest.raises(EvalError, match="not a URL such as"):
        load_model("http://host:99999/v1#m")


def test_many_vectors_for_one_item_are_refused(server: Server) -> None:
    server.change = lambda answer: {"data": [row | {"embedding": [[1.0, 2.0], [3.0, 4.0]]} for row in answer["data"]]}
    with pytest.raises(ContractError, match=r"#m: several vectors for one item \(shape \(2, 2\)\)"):
        load_model(f"{server.url}#m").embed([Item("a"), Item("b")])


@pytest.mark.parametrize("prefix", ["", "vllm:"])
def test_it_keeps_the_contract_and_scores_a_corpus(server: Server, corpus: Path, prefix: str) -> None:
    embedder = load_model(f"{prefix}{server.url}#m")
    assert [finding.text for finding in check(embedder)] == [
        "it takes no prompts: the text names the region, and results say region = text."
    ]
    result = evaluate(apply_strategy(embedder, "blur"), find_scar_tasks(corpus)[0])
    assert (result.settings["region"], result.counts["queries"]) == ("blur", 40)
    assert result.settings["embedder"]["endpoint"] == server.url


def test_every_format_arrives_with_the_pixels_that_other_models_see(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))
    turned = make_exif(6)
    noise.save(tmp_path / "a.jpg")
    noise.save(tmp_path / "b.jpg", exif=turned)
    noise.save(tmp_path / "c.bmp")
    noise.save(tmp_path / "d.webp", lossless=True)
    noise.convert("RGBA").save(tmp_path / "e.png")
    Image.fromarray(np.asarray(noise)[..., 0].astype(np.uint16) * 257).save(tmp_path / "f.png")
    kinds = ("jpeg", "png", "png", "webp", "png", "png")
    for path, kind in zip(sorted(tmp_path.iterdir()), kinds, strict=True):
        head, _, content = encode_data_url(path).partition(",")
        assert head == f"data:image/{kind};base64"
        sent = Image.open(io.BytesIO(base64.b64decode(content)))
        assert sent.getexif().get(0x0112, 1) == 1
        assert sent.mode == "RGB"
        assert sent.tobytes() == open_rgb(path).tobytes()
    assert open_rgb(tmp_path / "b.jpg").size == (20, 30)


def test_passing_failures_are_tried_again_with_longer_waits(server: Server, naps: list[float]) -> None:
    server.planned = [(500, {}, b"oops"), (503, {}, b""), (429, {}, b"slow"), (502, {}, b"")]
    assert load_model(f"{server.url}#m").embed([Item("a")]).shape == (1, 8)
    assert naps == [1.0, 2.0, 4.0, 8.0]
    assert len(server.requests) == 5


def test_the_server_may_say_how_long_to_wait(server: Server, naps: list[float]) -> None:
    later = formatdate(time.time() + 40, usegmt=True)
    server.planned = [(429, {"Retry-After": "7.5"}, b""), (503, {"Retry-After": later}, b""),
                      (429, {"Retry-After": "soon"}, b"")]  # fmt: skip
    load_model(f"{server.url}#m").embed([Item("a")])
    assert naps[0] == 7.5
    assert 35 < naps[1] <= 40
    assert naps[2] == 4.0
    server.planned = [(429, {"Retry-After": "86400"}, b"quota")]
    with pytest.raises(
        EvalError, match=r"HTTP 429 .*: quota; the server asks to wait for 86400 s, after 0 s of waiting"
    ):
        load_model(f"{server.url}#m").embed([Item("a")])


@pytest.mark.parametrize("header", [{}, {"Retry-After": "0"}, {"Retry-After": "30"}])
def test_a_rate_limit_of_minutes_is_waited_for_and_told(
    server: Server, naps: list[float], header: dict[str, str], capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.planned = [(429, header, b"slow down")] * 11
    load_model(f"{server.url}#m").embed([Item("a")])
    assert (len(naps), sum(naps) > 300) == (11, True)
    assert f"{server.url}: HTTP 429 Too Many Requests: slow down; trying again in " in capfd.readouterr().err
    server.planned = [(429, header, b"slow down")] * 1000
    naps.clear()
    with pytest.raises(EvalError, match=r"after \d+ s of waiting; run again later, .* MMEB_EVAL_MAX_WAIT_S be more"):
        load_model(f"{server.url}#m").embed([Item("a")])
    assert 500 < sum(naps) <= 600
    naps.clear()
    monkeypatch.setenv("MMEB_EVAL_MAX_WAIT_S", "90")
    with pytest.raises(EvalError, match=r"be more than 90 seconds"):
        load_model(f"{server.url}#m").embed([Item("a")])
    assert sum(naps) <= 90
    monkeypatch.setenv("MMEB_EVAL_MAX_WAIT_S", "long")
    with pytest.raises(EvalError, match=r"MMEB_EVAL_MAX_WAIT_S=long: no number of seconds; give one such as 600"):
        load_model(f"{server.url}#m").embed([Item("a")])


@pytest.mark.parametrize("size", [1, 3, 24])
def test_a_batch_of_vllm_is_in_flight_at_the_same_time(server: Server, size: int) -> None:
    gate, answer = threading.Barrier(size), server.answer

    def wait_for_all(body: Any) -> Any:
        gate.wait(timeout=10)  # breaks unless as many requests are here at once
        return answer(body)

    server.answer = wait_for_all  # type: ignore[method-assign]
    assert load_model(f"vllm:{server.url}#m").embed([Item(str(number)) for number in range(size)]).shape == (size, 8)


def test_a_batch_size_without_effect_is_refused(server: Server, corpus: Path, tmp_path: Path) -> None:
    model, tasks = load_model(f"vllm:{server.url}#m"), find_scar_tasks(corpus)
    for each in (model, apply_strategy(model, "crop")):
        with pytest.raises(EvalError, match=r"--batch-size 257: vllm:.* takes at most 256 items at the same time\."):
            run_evaluations([each], tasks, tmp_path / "out", batch_size=257)
    assert not server.requests


def test_a_failure_that_stays_ends_with_what_the_server_said(server: Server, naps: list[float]) -> None:
    server.planned = [(500, {}, b"out of   memory\n" * 40)] * 6
    with pytest.raises(EvalError, match=r"no vectors in 6 tries; the last: HTTP 500 .*: out of memory out .*\.\.\.\."):
        load_model(f"{server.url}#m").embed([Item("a")])
    assert (len(naps), len(server.requests)) == (5, 6)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 422, 302])
def test_permanent_errors_stop_at_once(server: Server, naps: list[float], code: int) -> None:
    server.planned = [(code, {"Location": "http://127.0.0.1:9/elsewhere"}, b'{"error": "no such model"}')]
    hint = {
        401: r" Set MMEB_EVAL_API_KEY\.$",
        403: r" Set MMEB_EVAL_API_KEY\.$",
        302: r": it redirects to http://127\.0\.0\.1:9/elsewhere; give that URL if you trust it with your data\.$",
    }.get(code, "$")
    with pytest.raises(EvalError, match=rf'HTTP {code} .*: {{"error": "no such model"}}{hint}'):
        load_model(f"{server.url}#m").embed([Item("a")])
    assert (naps, len(server.requests)) == ([], 1)


@pytest.mark.parametrize(
    ("target", "shown"), [("/other/e", r"http://127\.0\.0\.1:\d+/other/e"), ("http://[", r"http://\[")]
)
def test_a_redirect_names_the_whole_url(server: Server, target: str, shown: str) -> None:
    server.planned = [(307, {"Location": target}, b"")]
    with pytest.raises(EvalError, match=rf"HTTP 307 Temporary Redirect: it redirects to {shown}; give that URL"):
        load_model(f"{server.url}#m").embed([Item("a")])


def test_nobody_listening_is_tried_again_and_then_named(server: Server, naps: list[float]) -> None:
    server.close()
    with pytest.raises(EvalError, match=r"no vectors in 6 tries; the last: ConnectionRefusedError"):
        load_model(f"{server.url}#m").embed([Item("a")])
    assert len(naps) == 5


def test_the_key_is_sent_and_never_shown(server: Server, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(http.KEY_VARIABLE, "sk-secret")
    embedder: Any = load_model(f"{server.url}#m")
    result = evaluate(embedder, find_scar_tasks(corpus)[0])
    assert {headers["Authorization"] for headers, _ in server.requests} == {"Bearer sk-secret"}
    assert "sk-secret" not in repr((result, embedder.name, embedder.settings, vars(embedder)))
    for code, count in ((401, 1), (500, 6), (200, 1)):
        server.planned = [(code, {}, b"bad key sk-secret")] * count
        with pytest.raises(EvalError, match=r"\*\*\*") as caught:
            embedder.embed([Item("a")])
        assert "sk-secret" not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda answer: [], "the answer has no list `data`"),
        (lambda answer: {"data": 3}, "the answer has no list `data`"),
        (lambda answer: {"data": answer["data"][:1]}, "2 vectors were asked for, 1 came"),
        (lambda answer: {"data": answer["data"] * 2}, "2 vectors were asked for, 4 came"),
        (lambda answer: {"data": [row | {"index": 5} for row in answer["data"]]}, r"numbered \[5, 5\]"),
        (lambda answer: {"data": [row | {"index": None} for row in answer["data"]]}, r"numbered \[null, null\]"),
        (
            lambda answer: {"data": [row | {"index": [row["index"]]} for row in answer["data"]]},
            r"numbered \[\[1\], \[0\]\]",
        ),
        (
            lambda answer: {"data": [row | {"index": "ab"[row["index"]]} for row in answer["data"]]},
            'numbered \\["b", "a"',
        ),
        (lambda answer: {"data": [answer["data"][0], answer["data"][1] | {"index": None}]}, r"numbered \[1, null\]"),
        (
            lambda answer: {"data": [row | {"embedding": "AAAA"} for row in answer["data"]]},
            'is no list of numbers, nor float32 in base64: "AAAA"',
        ),
        (
            lambda answer: {"data": [row | {"embedding": []} for row in answer["data"]]},
            r"is no list of numbers: \[\]\.",
        ),
        (lambda answer: {"data": [row | {"embedding": None} for row in answer["data"]]}, "is no list of numbers: null"),
        (lambda answer: {"data": [row | {"embedding": [True]} for row in answer["data"]]}, r"numbers: \[true\]"),
        (lambda answer: {"data": [row | {"embedding": [10**400]} for row in answer["data"]]}, r"numbers: \[1000"),
        (
            lambda answer: {"data": [row | {"embedding": [1.0] * (2 + row["index"])} for row in answer["data"]]},
            "vectors of different widths",
        ),
    ],
)
def test_an_answer_of_another_shape_is_named(server: Server, change: Callable[[Any], Any], message: str) -> None:
    server.change = change
    with pytest.raises(ContractError, match=message):
        load_model(f"{server.url}#m").embed([Item("a"), Item("b")])


def test_vectors_without_a_length_are_left_to_the_evaluator(server: Server, corpus: Path) -> None:
    server.change = lambda answer: {"data": [row | {"embedding": [0.0] * 8} for row in answer["data"]]}
    with pytest.raises(ContractError, match=r"has length 0, not 1"):
        evaluate(load_model(f"{server.url}#m"), find_scar_tasks(corpus)[0])


def test_an_answer_that_is_compressed_unasked_is_read(server: Server) -> None:
    content = gzip.compress(json.dumps(server.answer({"input": ["a"], "model": "m"})).encode())
    headers = {"Content-Encoding": "gzip"}
    server.planned = [(200, headers, content)]
    np.testing.assert_allclose(load_model(f"{server.url}#m").embed([Item("a")]), unit([vector_of("a")]), atol=1e-6)
    for damaged in (content[:20], b"no gzip", content[:-9] + b"\x00" * 9):
        server.planned = [(200, headers, damaged)]
        with pytest.raises(ContractError, match=r"the answer is not JSON: ") as caught:
            load_model(f"{server.url}#m").embed([Item("a")])
        assert str(caught.value).isprintable()


def test_an_answer_that_is_no_json_is_named(server: Server) -> None:
    server.planned = [(200, {}, b"<html>welcome</html>")]
    with pytest.raises(ContractError, match="the answer is not JSON: <html>welcome</html>"):
        load_model(f"{server.url}#m").embed([Item("a")])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("http://host/v1/embeddings", "which model\\? Write its name behind the URL: http://host/v1/embeddings#model"),
        ("http:ftp://host/v1#m", "not a URL such as http://localhost"),
        ("vllm:host:8000#m", "not a URL such as http://localhost"),
        (
            "https://someone:secret@host/v1#m",
            "host: no user or password in the URL; put the key into MMEB_EVAL_API_KEY",
        ),
    ],
)
def test_a_name_that_is_no_endpoint_is_refused(name: str, message: str) -> None:
    with pytest.raises(EvalError, match=message) as caught:
        load_model(name)
    assert "secret" not in str(caught.value)


def test_prompts_and_bad_images_are_refused_before_anything_is_sent(server: Server, picture: Path) -> None:
    embedder = load_model(f"{server.url}#m")
    with pytest.raises(DataError, match="takes no such prompt as the item"):
        embedder.embed([Item("a"), Item("", picture, Box(1, 1, 5, 5))])
    picture.write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"noise.png: not an image that can be decoded"):
        embedder.embed([Item("a"), Item("", picture)])
    assert server.requests == []


@pytest.mark.parametrize("kind", ["", "vllm:"])
def test_items_may_come_from_a_generator(server: Server, kind: str) -> None:
    embedder: Any = load_model(f"{kind}{server.url}#m")
    items = [Item("a"), Item("b")]
    assert (embedder.embed(item for item in items) == embedder.embed(items)).all()
    with pytest.raises(DataError, match="takes no such prompt"):
        embedder.embed(Item("a", Path("x.png"), Box(1, 2, 3, 4)) for _ in range(2))
