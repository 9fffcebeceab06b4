"""How long `scar audit` takes, in how much memory, beside its floor: read the same rows and decode all their captions.

scar build scar-1m --data-root DATA --out OUT
python benchmarks/audit_speed.py OUT

The audit is of one process. The folder's audit.json, audit.html and audit/ are written again.
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
    """Seconds on the clock, seconds of CPU and peak memory in bytes of an audit."""
    program = Path(sys.executable).with_name("scar")
    start = time.perf_counter()
    process = subprocess.Popen([str(program), "audit", str(folder)], stdout=subprocess.DEVNULL)  # noqa: S603
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("the audit failed")
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def time_floor(folder: Path) -> tuple[float, float, int]:
    """Seconds on the clock and of CPU to read the captions of every row as texts, and how many rows there are."""
    start, used, rows = time.perf_counter(), time.process_time(), 0
    for path in sorted(folder.rglob("*.parquet")):
        wanted = {"qry_image_path", "bbox", "category", "tgt_text", "pos_text", "neg_text", "gold", "negatives"}
        file = pq.ParquetFile(path)
        columns = [name for name in file.schema_arrow.names if name in wanted]
        for batch in file.iter_batches(batch_size=10_000, columns=columns):
            for column in batch.columns:
                column.dictionary_encode() if column.type == "string" else column.flatten()
        rows += file.metadata.num_rows * (path.parent.name != "provenance")
    return time.perf_counter() - start, time.process_time() - used, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    least, least_used, rows = time_floor(folder)
    seconds, used, peak = time_audit(folder)
    print("samples      time s    CPU s   samples/s   peak MiB   floor s   floor CPU s   ratio of CPU")
    print(
        f"{rows:9,} {seconds:9.1f} {used:8.1f} {rows / seconds:11,.0f} {peak / MIB:10,.0f} {least:9.1f} "
        f"{least_used:13.1f} {used / least_used:14.0f}"
    )


if __name__ == "__main__":
    main()
