"""CPU time of a sample in several checkouts of this project: one process each, by turns, on the same images.

python benchmarks/full_size.py DATA --scale 0.1
python benchmarks/sample_speed.py DATA VisualGenome/train . ../before

The speed of a shared machine changes within seconds, so comparing whole runs tells little. Here the processes take
turns of 60 images, in one order and then in the other, and times of the same turn are compared.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

IMAGES_PER_TURN = 60
WARM_UP_IMAGES = 1_500
"""Images that are processed before the first turn, to fill the caches."""


def take_turns(data: Path, key: str) -> None:
    """Process a turn for each line of the input; print CPU milliseconds per sample and a digest of all results."""
    from scar.accounting import Tally
    from scar.annotations.call_cache import CallCache
    from scar.annotations.opening import open_index
    from scar.build.pipeline import fit_generator, select_fit_indices
    from scar.build.shard import ShardResult, build_shard
    from scar.generators.default import make_rules_generator
    from scar.recipe import read_recipe

    gc.disable()  # as workers do
    recipe = read_recipe("scar-1m", data)
    source = next(source for source in recipe.sources if source.key == key)
    index = open_index(source, Tally(skip_bad=True), CallCache())
    fit_on = [index[number] for number in select_fit_indices(len(index))]
    generator = fit_generator(make_rules_generator(), fit_on, source, recipe, complete=len(fit_on) == len(index))
    shared = source, recipe, generator, key
    build_shard([index[number] for number in range(min(WARM_UP_IMAGES, len(index)))], *shared)
    digest = hashlib.sha256()
    for turn, _ in enumerate(sys.stdin):
        first = WARM_UP_IMAGES + turn * IMAGES_PER_TURN
        refs = [index[number % len(index)] for number in range(first, first + IMAGES_PER_TURN)]
        start = time.process_time()
        result = build_shard(refs, *shared)
        took = time.process_time() - start
        digest.update(result)
        print(1000 * took / ShardResult.from_bytes(result).tally.samples, digest.hexdigest()[:16], flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("key", help="a source and its split, such as COCO_Stuff/train")
    parser.add_argument("checkouts", type=Path, nargs="*", help="folders; the others are compared with the first")
    parser.add_argument("--turns", type=int, default=40)
    options = parser.parse_args()
    if not options.checkouts:
        take_turns(options.data, options.key)
        return
    command = [sys.executable, str(Path(__file__).resolve()), str(options.data.resolve()), options.key]
    processes = []
    for checkout in options.checkouts:
        paths = os.environ | {"PYTHONPATH": str(checkout.resolve())}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        processes.append(subprocess.Popen(command, env=paths, text=True, **pipes))  # type: ignore[call-overload]  # noqa: S603
    costs: list[list[float]] = [[] for _ in processes]
    digests = [""] * len(processes)
    for turn in range(options.turns):
        order = range(len(processes)) if turn % 2 else reversed(range(len(processes)))
        for number in order:
            print(file=processes[number].stdin, flush=True)
            cost, digests[number] = processes[number].stdout.readline().split()
            costs[number].append(float(cost))
    for process in processes:
        process.communicate()
    print("ms a sample: least   median   ratio   digest")
    for checkout, own, digest in zip(options.checkouts, costs, digests, strict=True):
        ratio = statistics.median(mine / first for mine, first in zip(own, costs[0], strict=True))
        print(f"{min(own):18.3f} {statistics.median(own):8.3f} {ratio:7.3f}   {digest}   {checkout}")


if __name__ == "__main__":
    main()
