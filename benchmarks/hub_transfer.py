"""Time a push and a pull of many large shards: seconds, files and peak memory, against a local server.

    python benchmarks/hub_transfer.py --shards 40 --megabytes 500 --pulled 4

The shards to push are sparse files. The client is the Hub's; the server is the one of the tests, in a process of its
own. A pull writes real bytes, so fewer shards are pulled than pushed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

REPO = "me/large"


def serve_hub(folder: Path, pipe: Connection) -> None:
    """Serve a local Hub until a message arrives in the pipe."""
    from tests.local_hub import LocalHub

    hub = LocalHub(folder)
    pipe.send(hub.endpoint)
    pipe.recv()
    hub.stop()


def measure_step(what: str, action: Callable[[], str]) -> None:
    """Run a step; print its seconds, the peak memory and the text that it returns."""
    start = time.perf_counter()
    outcome = action()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what}: {time.perf_counter() - start:.1f} s, {outcome}, peak {peak:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shards", type=int, default=40)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--pulled", type=int, default=4, help="number of shards to pull")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pipe, server_pipe = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=serve_hub, args=(folder / "hub", server_pipe))
        server.start()
        endpoint = pipe.recv()
        from tests.local_hub import TOKEN

        settings = {"HF_ENDPOINT": endpoint, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
        os.environ |= settings | {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HOME": str(folder / "hf")}
        measure_transfers(folder, options.shards, options.megabytes * 10**6, options.pulled)
        pipe.send("stop")
        server.join()


def measure_transfers(folder: Path, shards: int, size: int, pulled: int) -> None:
    """Push ``shards`` shards of ``size`` bytes twice, and pull ``pulled`` of them twice."""
    from scar.publish.checksums import StoredHashes
    from scar.publish.pull import plan_pull, pull_files
    from scar.publish.push import push_files
    from scar.publish.upload import PushTarget, Upload, make_upload

    root = folder / "corpus"
    (root / "rows").mkdir(parents=True)
    for number in range(shards):
        with (root / "rows" / f"{number:03}.parquet").open("wb") as file:
            file.write(b"%d" % number)
            file.truncate(size)

    def make_uploads() -> list[Upload]:
        checksums = StoredHashes(root / ".push" / "checksums.json")
        uploads = [make_upload(root, f"rows/{path.name}", checksums) for path in sorted((root / "rows").iterdir())]
        checksums.save()
        return uploads

    target = PushTarget(REPO, "dataset")
    for which in ("first", "again"):
        measure_step(f"checksums, {which}", lambda: f"{len(make_uploads())} files")
        measure_step(f"push, {which}", lambda: f"{len(push_files(make_uploads(), target).sent)} files sent")
    push_files(make_uploads()[:pulled], PushTarget(f"{REPO}-part", "dataset"))

    def pull_once() -> str:
        plan = plan_pull(f"{REPO}-part", folder / "out")
        pull_files(plan)
        return f"{len(plan.fetched)} files fetched"

    measure_step("pull, first", pull_once)
    measure_step("pull, again", pull_once)


if __name__ == "__main__":
    main()
