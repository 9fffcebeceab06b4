"""Time of `scar build` as a ratio to its floor: parse the same file, decode the same images, write the same rows.

python benchmarks/build_speed.py --images 300
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
from timing import best

from scar import Recipe, build
from scar.common.pixels import decode_image
from scar.demo.corpus import make_demo_source
from scar.demo.world import draw_world


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world, out = Path(folder) / "world", Path(folder) / "out"
        (drawing,) = best(1, lambda: draw_world(world, options.images, 0, "eval"))
        source = make_demo_source(world, "eval")
        recipe = Recipe(sources=(source,), decode_images=True)

        def run_build() -> None:
            build(recipe, out, force=True, workers=options.workers)  # what is complete is not built again by itself

        run_build()
        files = sorted((world / "images").iterdir())
        tables = [(path, pq.read_table(path)) for path in out.rglob("*.parquet")]

        def run_floor() -> None:
            for path in source.inputs.values():
                msgspec.json.decode(path.read_bytes())
            for file in files:
                decode_image(file, file.name)
            for path, table in tables:
                pq.write_table(table, path.with_suffix(".floor"))

        building, floor = best(options.repeats, run_build, run_floor)
        samples = next(table.num_rows for _, table in tables)
        print(f"drawing    {options.images / drawing:8.0f} images/s")
        print(f"building   {samples / building:8.0f} samples/s  {building:.2f} s for {samples}")
        print(f"floor      {samples / floor:8.0f} samples/s  {floor:.2f} s")
        print(f"ratio      {building / floor:8.2f}")


if __name__ == "__main__":
    main()
