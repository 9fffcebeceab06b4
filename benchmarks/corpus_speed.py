"""How fast `scar build scar-1m` is, in how much memory, beside its floor: parse the same files, write the same rows.

python benchmarks/full_size.py DATA --scale 0.1
python benchmarks/corpus_speed.py DATA --workers 2
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import msgspec
import pyarrow.parquet as pq

MIB = 1 << 20


def measure_resident_bytes(root: int) -> int:
    """Bytes that a process and its descendants have in memory, pages that they share counted once for each sharer."""
    sizes: dict[int, int] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                share = [line for line in (folder / "smaps_rollup").read_text().splitlines() if line.startswith("Pss:")]
            except OSError:  # it has ended
                continue
            parents[int(folder.name)] = int(fields[1])
            sizes[int(folder.name)] = int(share[0].split()[1]) * 1024 if share else 0
    found = {root}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return sum(sizes.get(process, 0) for process in found)


def time_build(data: Path, out: Path, workers: int) -> tuple[float, int]:
    """Seconds and peak memory of a build from nothing."""
    program = Path(sys.executable).with_name("scar")
    command = [str(program), "build", "scar-1m", "--data-root", str(data), "--out", str(out)]
    start, peak, done = time.perf_counter(), 0, threading.Event()
    with subprocess.Popen([*command, "--workers", str(workers)], stdout=subprocess.DEVNULL) as process:  # noqa: S603

        def watch_memory() -> None:
            nonlocal peak
            while not done.wait(3):  # to ask is dear: every page is looked at
                peak = max(peak, measure_resident_bytes(process.pid))

        watcher = threading.Thread(target=watch_memory)
        watcher.start()
        process.wait()
        done.set()
        watcher.join()
    if process.returncode:
        raise SystemExit(f"the build failed with code {process.returncode}")
    return time.perf_counter() - start, peak


def time_floor(data: Path, out: Path) -> float:
    """Seconds to parse every annotation file and to write every row again."""
    tables = [(path, pq.read_table(path)) for path in sorted(out.rglob("*.parquet"))]
    gc.disable()
    start = time.perf_counter()
    for path in sorted(data.rglob("*.json")):
        msgspec.json.decode(path.read_bytes())
    for path, table in tables:
        pq.write_table(table, path.with_suffix(".floor"))
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.data.parent) as folder:
        out = Path(folder) / "out"
        seconds, peak = time_build(options.data, out, options.workers)
        samples = sum(pq.read_metadata(path).num_rows for path in out.glob("SCaR-*/*.parquet"))
        print(f"building {samples:9,} samples in {seconds:6.1f} s: {samples / seconds:6.0f} a second", flush=True)
        print(f"peak     {peak / MIB:9,.0f} MiB, all processes together", flush=True)
        bare = time_floor(options.data, out)
        print(f"floor    {bare:9.1f} s, ratio {seconds / bare:.1f}")


if __name__ == "__main__":
    main()
