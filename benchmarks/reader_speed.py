"""Time to index the files of each source, and to read its pictures with the masks of regions that may become samples.

python benchmarks/full_size.py DATA --scale 0.1
python benchmarks/reader_speed.py DATA

Times are CPU times of one process. The time to index a file that several sources share counts for the first of them.
The pictures are evenly spread over the source.
"""

from __future__ import annotations

import argparse
import gc
import time
from pathlib import Path

from scar.accounting import Tally
from scar.annotations import open_index
from scar.annotations.call_cache import CallCache
from scar.build.select import list_eligible_regions
from scar.recipe import read_recipe

MIB = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pictures", type=int, default=1_000, help="number of pictures to read from each source")
    options = parser.parse_args()
    print("source               files MiB   index s    MiB/s   pictures   read ms   trace ms")
    cache, total = CallCache(), 0.0
    gc.disable()  # as a build does while it reads
    for source in read_recipe("scar-1m", options.data).sources:
        tally = Tally(skip_bad=True)
        size = sum(path.stat().st_size for path in source.inputs.values() if path.is_file()) / MIB
        start = time.process_time()
        index = open_index(source, tally, cache)
        indexed = time.process_time()
        refs = [index[number] for number in range(0, len(index), -(-len(index) // options.pictures))]
        reading = tracing = 0.0
        for ref in refs:
            begun = time.process_time()
            picture = ref.read_picture(tally)
            read = time.process_time()
            for region in list_eligible_regions(picture, source, tally.rejected):
                region.with_mask()
            reading, tracing = reading + read - begun, tracing + time.process_time() - read
        total += indexed - start
        print(
            f"{source.key:20} {size:9,.1f} {indexed - start:9.2f} {size / (indexed - start):8,.0f} {len(refs):10,} "
            f"{1000 * reading / len(refs):9.2f} {1000 * tracing / len(refs):10.2f}"
        )
    print(f"indexing all: {total:.1f} s")


if __name__ == "__main__":
    main()
