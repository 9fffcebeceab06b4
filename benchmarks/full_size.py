"""Write invented data sets in the formats and sizes of the five that the paper uses, for `scar build scar-1m`.

python benchmarks/full_size.py DIR --scale 0.1
scar build scar-1m --data-root DIR --out OUT

The numbers of images, things, captions, expressions, descriptions and objects are those of the real data sets. Sizes of
boxes and lengths of polygons and sentences are similar. Image files are valid and have the right size, but show next to
nothing.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from invented_ade20k import ADE, write_ade, write_ade_lists
from invented_coco import write_coco_2014, write_coco_2017
from invented_genome import write_genome
from invented_pictures import scale_count

TRAIN_2017, VAL_2017, TRAIN_2014 = 118_287, 5_000, 82_783


def write_all(root: Path, scale: float, processes: int) -> None:
    """Write the five data sets into the folder ``root``, at ``scale`` times their real sizes."""
    train = range(1, scale_count(TRAIN_2017, scale) + 1)
    val = range(TRAIN_2017 + 1, TRAIN_2017 + scale_count(VAL_2017, scale) + 1)
    challenge = root / "ade20k" / "ADEChallengeData2016"
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        futures = [
            pool.submit(write_genome, root / "visual_genome", scale, [*train, *val]),
            pool.submit(write_coco_2017, root / "coco", "train", train),
            *(pool.submit(write_ade, challenge, split, scale_count(count, scale)) for split, count in ADE.items()),
            pool.submit(write_coco_2014, root, train[: scale_count(TRAIN_2014, scale)], scale),
            pool.submit(write_coco_2017, root / "coco", "val", val),
        ]
        for future in as_completed(futures):
            future.result()
    write_ade_lists(challenge, scale)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=1.0, help="size as a share of the real data sets")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    write_all(options.folder, options.scale, options.processes)
    size = sum(path.stat().st_size for path in options.folder.rglob("*") if path.is_file())
    print(f"{options.folder}: {size / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
