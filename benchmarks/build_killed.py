"""Kill a build at random moments, and compare its files with those of an undisturbed build.

python benchmarks/full_size.py DATA --scale 0.1
python benchmarks/build_killed.py DATA WORK --kills 20
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random


def make_command(data: Path, out: Path, workers: int) -> list[str]:
    program = Path(sys.executable).with_name("scar")
    return [str(program), "build", "scar-1m", "--data-root", str(data), "--out", str(out), "--workers", str(workers)]


def compute_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a folder, by path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path, help="a folder for the two builds; it is emptied")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="seed of the random moments")
    options = parser.parse_args()
    whole, killed = options.work / "whole", options.work / "killed"
    for folder in (whole, killed):
        shutil.rmtree(folder, ignore_errors=True)
    start = time.monotonic()
    subprocess.run(make_command(options.data, whole, options.workers), check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    undisturbed = time.monotonic() - start
    print(f"left alone {undisturbed:.0f} s", flush=True)

    rng, kills = Random(options.seed), 0  # noqa: S311 - moments, not secrets
    while kills < options.kills:
        # The moment lies within the time of the whole build. A build that ends before it is compared and begun anew.
        with subprocess.Popen(  # noqa: S603
            make_command(options.data, killed, options.workers), stdout=subprocess.DEVNULL, start_new_session=True
        ) as process:
            moment = rng.uniform(0.5, undisturbed)
            try:
                process.wait(moment)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # the workers too
                kills += 1
                shards = len(list(killed.rglob("*.shard")))
                files = len(list(killed.rglob("*.parquet")))
                print(f"kill {kills} after {moment:5.1f} s: {shards} shards, {files} parquet files", flush=True)
                continue
        if process.returncode:
            raise SystemExit(f"the build failed with code {process.returncode}")
        if compute_digests(whole) != compute_digests(killed):
            raise SystemExit("the files differ")
        print("complete, the same bytes; begun anew", flush=True)
        shutil.rmtree(killed)
    subprocess.run(make_command(options.data, killed, options.workers), check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    ours, theirs = compute_digests(whole), compute_digests(killed)
    if ours != theirs:
        different = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
        raise SystemExit(f"{len(different)} files differ: {different[:5]}")
    print(f"{kills} kills: {len(ours)} files, the same bytes")


if __name__ == "__main__":
    main()
