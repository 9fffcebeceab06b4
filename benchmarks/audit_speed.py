"""Time and memory of `scar audit`, compared with its floor: reading the same rows and decoding all their captions.

scar build scar-1m --data-root DATA --out OUT
python benchmarks/audit_speed.py OUT

The audit runs in one process. It overwrites audit.json, audit.html and audit/ in the folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

MIB = 1 << 20


def time_audit(folder: Path) -> tuple[float, float, int]:
    """Audit a folder; returns wall-clock seconds, CPU seconds and peak memory in bytes."""
    program = Path(sys.executable).with_name("scar")
    start = time.perf_counter()
    process = subprocess.Popen([str(program), "audit", str(folder)], stdout=subprocess.DEVNULL)  # noqa: S603
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("the audit failed")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def time_floor(folder: Path) -> tuple[float, float, int]:
    """Read the captions of every row as texts; returns wall-clock seconds, CPU seconds and the number of rows."""
    start, cpu_start, rows = time.perf_counter(), time.process_time(), 0
    for path in sorted(folder.rglob("*.parquet")):
        names = {
            "qry_image_path",
            "bbox",
            "category",
            "tgt_text",
            "pos_text",
            "neg_text",
            "gold",
            "negatives",
        }
        file = pq.ParquetFile(path)
        columns = [name for name in file.schema_arrow.names if name in names]
        for batch in file.iter_batches(batch_size=10_000, columns=columns):
            for column in batch.columns:
                column.dictionary_encode() if column.type == "string" else column.flatten()
        rows += file.metadata.num_rows * (path.parent.name != "provenance")
    return time.perf_counter() - start, time.process_time() - cpu_start, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    floor_seconds, floor_cpu, rows = time_floor(folder)
    seconds, cpu, peak = time_audit(folder)
    print("samples      time s    CPU s   samples/s   peak MiB   floor s   floor CPU s   ratio of CPU")
    print(
        f"{rows:9,} {seconds:9.1f} {cpu:8.1f} {rows / seconds:11,.0f} {peak / MIB:10,.0f} {floor_seconds:9.1f} "
        f"{floor_cpu:13.1f} {cpu / floor_cpu:14.0f}"
    )


if __name__ == "__main__":
    main()
