"""How fast `scar build` is, as a ratio to its floor: parse the same file, decode the same images, write the same rows.

python benchmarks/build_speed.py --images 300
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pyarrow.parquet as pq

from scar import Recipe, Source, build
from scar.images import decode
from scar.scenes import draw_world


def seconds(work: Callable[[], object], repeats: int) -> float:
    """The shortest of several runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world, out = Path(folder) / "world", Path(folder) / "out"
        drawing = seconds(lambda: draw_world(world, options.images, 0, "eval"), 1)
        source = Source(
            name="Demo",
            split="eval",
            instances=world / "instances.json",
            captions=world / "captions.json",
            images=world / "images",
        )
        recipe = Recipe(sources=(source,))
        building = seconds(lambda: build(recipe, out), options.repeats)
        files = sorted((world / "images").iterdir())
        tables = [(path, pq.read_table(path)) for path in out.rglob("*.parquet")]

        def floor() -> None:
            for path in source.inputs.values():
                msgspec.json.decode(path.read_bytes())
            for file in files:
                decode(file, file.name)
            for path, table in tables:
                pq.write_table(table, path.with_suffix(".floor"))

        bare = seconds(floor, options.repeats)
        samples = next(table.num_rows for _, table in tables)
        print(f"drawing    {options.images / drawing:8.0f} images/s")
        print(f"building   {samples / building:8.0f} samples/s  {building:.2f} s for {samples}")
        print(f"floor      {samples / bare:8.0f} samples/s  {bare:.2f} s")
        print(f"ratio      {building / bare:8.2f}")


if __name__ == "__main__":
    main()
