"""A chat server on this machine that answers from the truth of a drawn world, and misbehaves by a seeded draw."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from scar.generators.vlm.chat_request import Sampling
from scar.generators.vlm.region_image import draw_region
from scar.sample import Box

TROUBLES = ("429 with a wait", "429", "500", "hang", "reset", "broken body")
"""What a server does instead of answering."""

SLIPS = ("truncated", "other form", "empty", "refusal", "twice the same", "gold as negative")
"""What a model says instead of an answer."""


@dataclass
class World:
    """A drawn world and what is true of its regions.

    Attributes:
        folder: folder with ``instances.json`` and ``images``.
        regions: category, and (predicate, category) of each relation, by the JPEG that a model is shown.
        categories: all categories.
        true_captions: what the judge finds true.
    """

    folder: Path
    true_captions: set[str] = field(default_factory=set)
    regions: dict[bytes, tuple[str, list[tuple[str, str]]]] = field(default_factory=dict)
    categories: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        found = json.loads((self.folder / "instances.json").read_text())
        names = {each["id"]: each["name"] for each in found["categories"]}
        files = {each["id"]: self.folder / "images" / each["file_name"] for each in found["images"]}
        category = {each["id"]: names[each["category_id"]] for each in found["annotations"]}
        self.categories = sorted(set(names.values()))
        for each in found["annotations"]:
            shown, _ = draw_region(
                files[each["image_id"]], Box.from_xywh(*each["bbox"]), Sampling().image_side, Sampling().crop_side
            )
            own = [relation for relation in found["relations"] if relation["subject"] == each["id"]]
            relations = [(relation["predicate"], category[relation["object"]]) for relation in own]
            self.regions[shown] = category[each["id"]], relations

    def write_blind(self, path: Path) -> None:
        """Write the annotations without relations and scenes: what a model is needed for."""
        found = json.loads((self.folder / "instances.json").read_text())
        del found["relations"]
        for image in found["images"]:
            del image["scene"]
        path.write_text(json.dumps(found))

    def answer(self, form: str, shown: bytes, text: str, attempt: int) -> dict[str, Any]:
        """A true answer; another one after a refusal, as long as there are true ones."""
        category, relations = self.regions.get(shown, ("thing", []))
        if form == "JudgementAnswer":
            lines = re.findall(r"^(\d+)\. (.*)$", text, re.MULTILINE)
            return {"true": [int(number) for number, caption in lines if caption in self.true_captions]}
        predicate, other = relations[attempt % len(relations)] if relations else ("on", "background")
        if form == "PhraseAnswer":
            return {"phrase": f"a {category} {predicate} a {other}"}
        absent = [name for name in self.categories if name.split()[1] not in (category.split()[-1], other.split()[-1])]
        return {
            "object": f"a {category}",
            "relation": predicate,
            "scene": f"a {other}",
            "false_objects": [f"a {name}" for name in absent[:3]],
            "false_relations": ["on top of a house on", "held by a man beside", "eaten by"],
            "false_scenes": ["a school bus", "a swimming pool", "a football field"],
        }


@dataclass
class ChatServer:
    """What the server does, and what it saw.

    Attributes:
        world: gives the answers.
        trouble_share: share of attempts at which it fails; of the troubles, each is as likely.
        slip_share: share of replies that are no answer.
        latency_s: seconds before each reply.
        sent: number of times that each body came, by its SHA-256.
        troubles: number of attempts that failed, by what happened.
    """

    world: Any
    trouble_share: float = 0.0
    slip_share: float = 0.0
    latency_s: float = 0.0
    seed: int = 0
    troubles_drawn: Sequence[str] = TROUBLES
    sent: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    keys: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    address: str = ""


@contextmanager
def serve(server: ChatServer) -> Iterator[ChatServer]:
    """Run the server while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            digest = hashlib.sha256(body).hexdigest()
            with server.lock:
                server.sent[digest] += 1
                times = server.sent[digest]
                server.keys.add(self.headers["Authorization"])
            draw = random.Random(f"{server.seed}/{digest}/{times}")
            time.sleep(server.latency_s)
            if draw.random() < server.trouble_share:
                self.fail(draw.choice(server.troubles_drawn))
                return
            request = json.loads(body)
            parts = request["messages"][0]["content"]
            shown = base64.b64decode(parts[0]["image_url"]["url"].partition(",")[2])
            text, form = parts[-1]["text"], request["response_format"]["json_schema"]["name"]
            found = server.world.answer(form, shown, text, text.count("An earlier answer"))
            finish, content = "stop", json.dumps(found)
            if draw.random() < server.slip_share:
                finish, content = slip(draw.choice(SLIPS), form, found)
            with server.lock:
                server.answered[digest] += 1
            self.reply(
                200,
                {
                    "id": "1",
                    "object": "chat.completion",
                    "created": 0,
                    "model": request["model"],
                    "choices": [
                        {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content}}
                    ],
                    "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
                },
            )

        def fail(self, trouble: str) -> None:
            with server.lock:
                server.troubles[trouble] += 1
            if trouble == "hang":
                time.sleep(1.5)
            if trouble in ("hang", "reset"):
                self.close_connection = True
                self.connection.close()
            elif trouble == "broken body":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b'{"choices": [')
                self.close_connection = True
            elif trouble == "500":
                self.reply(500, {"error": {"message": "out of memory"}})
            else:
                self.reply(429, {"error": {"message": "too fast"}}, {"Retry-After": "0"} if "wait" in trouble else {})

        def reply(self, status: int, found: object, headers: dict[str, str] | None = None) -> None:
            content = json.dumps(found).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, *_: object) -> None:
            """A client that was killed is no error."""

    running = Quiet(("127.0.0.1", 0), Handler)
    server.address = f"http://127.0.0.1:{running.server_address[1]}/v1"
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        running.shutdown()
        running.server_close()


def slip(kind: str, form: str, found: dict[str, Any]) -> tuple[str, str]:
    """Finish reason and text of a reply that is no answer, or none that can be used."""
    changed = dict(found)
    if kind == "truncated":
        return "length", json.dumps(found)[:20]
    if kind == "empty":
        return "stop", ""
    if kind == "refusal":
        return "stop", "I cannot help with that."
    if kind == "other form" or form != "CaptionsAnswer":
        return "stop", json.dumps({"answer": found})
    if kind == "twice the same":
        changed["false_objects"] = [found["false_objects"][0]] * 3
    else:
        changed["false_objects"] = [found["object"], *found["false_objects"][1:]]
    return "stop", json.dumps(changed)
