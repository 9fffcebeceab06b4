"""Time and memory of `scar build scar-1m`, compared with its floor: parsing the same files, writing the same rows.

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
    """Resident bytes of a process and its descendants; each shared page counts once (proportional set size)."""
    sizes: dict[int, int] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                share = [line for line in (folder / "smaps_rollup").read_text().splitlines() if line.startswith("Pss:")]
            except OSError:  # the process has ended
                continue
            parents[int(folder.name)] = int(fields[1])
            sizes[int(folder.name)] = int(share[0].split()[1]) * 1024 if share else 0
    family = {root}
    while children := {child for child, parent in parents.items() if parent in family} - family:
        family |= children
    return sum(sizes.get(process, 0) for process in family)


def time_build(data: Path, out: Path, workers: int) -> tuple[float, int]:
    """Build into an empty folder; returns seconds and peak memory in bytes."""
    program = Path(sys.executable).with_name("scar")
    command = [str(program), "build", "scar-1m", "--data-root", str(data), "--out", str(out)]
    start, peak, done = time.perf_counter(), 0, threading.Event()
    with subprocess.Popen([*command, "--workers", str(workers)], stdout=subprocess.DEVNULL) as process:  # noqa: S603

        def watch_memory() -> None:
            nonlocal peak
            while not done.wait(3):  # measuring is expensive, since it visits every page
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
    """Parse every annotation file and write every row again; returns seconds."""
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
        floor_seconds = time_floor(options.data, out)
        print(f"floor    {floor_seconds:9.1f} s, ratio {seconds / floor_seconds:.1f}")


if __name__ == "__main__":
    main()
