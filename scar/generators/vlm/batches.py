"""Requests as files for the Batch API: split by its limits, sent, waited for, and joined with their answers.

A folder holds the files and, beside each, the id of its batch; so a run that was stopped goes on with batches under
way. What failed or expired has no reply in the ledger, and stands in the next files.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from scar.common.files import hash_file, replace_file, write_json
from scar.errors import BuildInterrupted, InputError
from scar.generators.vlm.budget import Bill
from scar.generators.vlm.chat_request import ChatRequest
from scar.generators.vlm.ledger import Ledger
from scar.generators.vlm.openai_model import Endpoint, explain_error, make_parameters, open_client, read_completion
from scar.generators.vlm.region_image import draw_region

MAX_REQUESTS, MAX_BYTES = 50_000, 190_000_000
"""Most requests and bytes of one file; the API takes 50,000 and 200 MB."""

_ENDED = frozenset({"completed", "expired", "cancelled", "failed"})


class _Response(msgspec.Struct):
    status_code: int
    body: msgspec.Raw = msgspec.Raw(b"{}")


class _Line(msgspec.Struct):
    custom_id: str
    response: _Response | None = None
    error: Any = None


@dataclass(frozen=True, slots=True)
class BatchFolder:
    """A folder of request files and of what became of them.

    Attributes:
        path: the folder; it is made.
        model_name: name of the model, for the ledger.
        endpoint: the server.
        bill: what is answered.
        tell: shows a line to the user.
        poll_s: seconds between two looks at a batch.
    """

    path: Path
    model_name: str
    endpoint: Endpoint
    bill: Bill
    tell: Callable[[str], object]
    poll_s: float = 30.0

    def submit(self, requests: Sequence[ChatRequest]) -> int:
        """Write requests into files and send them; returns the number of files.

        Raises:
            InputError, BuildInterrupted: the server refuses or cannot be reached.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        first = len(list(self.path.glob("*.jsonl")))
        numbers = []
        for number, lines in enumerate(split_lines(map(_write_line, requests)), first):
            with replace_file(self._find(number, "jsonl")) as path, path.open("wb") as file:
                file.writelines(lines)
            numbers.append(number)
        for number in numbers:
            self._run(self._send(number))
        return len(numbers)

    def finish(self, ledger: Ledger) -> int:
        """Wait for all batches under way, and keep their answers in a ledger.

        Returns:
            The number of new replies.

        Raises:
            InputError, BuildInterrupted: the server refuses or cannot be reached.
        """
        found = 0
        for state_path in sorted(self.path.glob("*.batch.json")):
            state = msgspec.json.decode(state_path.read_bytes())
            if state.get("joined"):
                continue
            batch = self._run(self._wait(state["id"]))
            contents = [self._run(self._fetch(each)) for each in (batch.output_file_id, batch.error_file_id) if each]
            replies, failures = self._join(b"\n".join(contents), ledger)
            found += replies
            write_json(state | {"joined": True, "status": batch.status}, state_path)
            self.tell(f"batch {state['id']}: {batch.status}, {replies:,} answers, {failures:,} failures")
        return found

    def send_unsent(self) -> None:
        """Send files that an earlier run wrote and did not send."""
        for path in sorted(self.path.glob("*.jsonl")):
            if not self._find(int(path.stem), "batch.json").exists():
                self._run(self._send(int(path.stem)))

    def _join(self, content: bytes, ledger: Ledger) -> tuple[int, int]:
        """Keep the replies of an output or error file; returns the numbers of new replies and of failures."""
        replies = failures = 0
        for line in filter(bytes.strip, content.splitlines()):
            try:
                entry = msgspec.json.decode(line, type=_Line)
                is_answer = entry.response is not None and entry.response.status_code == 200
                reply = read_completion(bytes(entry.response.body)) if is_answer and entry.response else None
            except msgspec.DecodeError:
                self.bill.count_failure("broken line")
                failures += 1
                continue
            if reply is None:
                self.bill.count_failure("batch line failed")
                failures += 1
            elif _is_key(entry.custom_id) and ledger.find(entry.custom_id) is None:
                ledger.add(entry.custom_id, self.model_name, "batch", reply)
                self.bill.in_flight += 1
                self.bill.settle(reply)
                replies += 1
        return replies, failures

    async def _send(self, number: int) -> None:
        async with open_client(self.endpoint, max_retries=5) as client:
            path = self._find(number, "jsonl")
            mark = {"requests": hash_file(path)}
            batch = None
            async for each in client.batches.list(limit=100):
                if each.metadata == mark and each.status not in ("failed", "cancelled"):
                    batch = each  # an earlier run was killed between sending it and writing that down
                    break
            if batch is None:
                file = await client.files.create(file=path, purpose="batch")
                batch = await client.batches.create(
                    input_file_id=file.id,
                    endpoint="/v1/chat/completions",
                    completion_window="24h",
                    metadata=mark,
                )
        write_json({"id": batch.id, "file": path.name}, self._find(number, "batch.json"))
        self.tell(f"batch {batch.id}: sent {path.name}")

    async def _wait(self, id_: str) -> Any:
        told = time.monotonic()
        async with open_client(self.endpoint, max_retries=5) as client:
            while True:
                batch = await client.batches.retrieve(id_)
                if batch.status in _ENDED:
                    return batch
                if time.monotonic() - told > 60:
                    counts = batch.request_counts
                    told = time.monotonic()
                    done = f", {counts.completed:,} of {counts.total:,}" if counts else ""
                    self.tell(f"batch {id_}: {batch.status}{done}")
                await asyncio.sleep(self.poll_s)

    async def _fetch(self, file_id: str) -> bytes:
        async with open_client(self.endpoint, max_retries=5) as client:
            content = await client.files.content(file_id)
            return bytes(content.content)

    def _run(self, work: Awaitable[Any]) -> Any:
        import openai

        async def wait() -> Any:
            return await work

        try:
            return asyncio.run(wait())
        except openai.APIStatusError as error:
            kind = BuildInterrupted if error.status_code >= 429 else InputError
            raise kind(explain_error(self.endpoint, error)) from None
        except openai.APIError as error:
            raise BuildInterrupted(explain_error(self.endpoint, error)) from None

    def _find(self, number: int, ending: str) -> Path:
        return self.path / f"{number:05}.{ending}"


def split_lines(
    lines: Iterable[bytes], max_requests: int = MAX_REQUESTS, max_bytes: int = MAX_BYTES
) -> Iterator[list[bytes]]:
    """Split lines into files of at most so many requests and bytes; a longer line has a file of its own."""
    some: list[bytes] = []
    size = 0
    for line in lines:
        if some and (len(some) >= max_requests or size + len(line) > max_bytes):
            yield some
            some, size = [], 0
        some.append(line)
        size += len(line)
    if some:
        yield some


def _is_key(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{64}", text) is not None


def _write_line(request: ChatRequest) -> bytes:
    sampling = request.sampling
    pictures = draw_region(request.image, request.box, sampling.image_side, sampling.crop_side)
    line = {
        "custom_id": request.key,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": make_parameters(request, pictures),
    }
    return msgspec.json.encode(line) + b"\n"
