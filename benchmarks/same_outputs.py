"""Check whether two checkouts write the same outputs: builds and evaluation results.

python benchmarks/full_size.py FIVE --scale 0.01
PYTHONPATH=../before python benchmarks/same_outputs.py make BEFORE --five FIVE
python benchmarks/same_outputs.py make AFTER --five FIVE
python benchmarks/same_outputs.py compare BEFORE AFTER

Builds (the demo, photographs with and without captions, the five sources) are to be equal to the last byte. Results are
to be equal but for versions, the code's digest and times.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

COCO_MINI = Path(__file__).parents[2] / "shared" / "data" / "coco-mini"
FREE_KEYS = frozenset({"versions", "code", "seconds", "fingerprint"})
"""Keys of an evaluation result that may differ."""


def list_commands(five: Path | None) -> Iterator[tuple[str, Sequence[str]]]:
    """List the commands, each as its package and its arguments; folders are relative to the current one."""
    yield "scar", ["build", "demo", "--out", "demo"]
    for split, name in (("train", "train2017"), ("eval", "val2017")) if COCO_MINI.is_dir() else ():
        photographs = ["--instances", str(COCO_MINI / "annotations" / f"instances_{name}.json")]
        photographs += ["--images", str(COCO_MINI / name), "--name", "COCOmini", "--split", split, "--skip-bad"]
        captions = ["--captions", str(COCO_MINI / "annotations" / f"captions_{name}.json")]
        yield "scar", ["build", *photographs, "--out", f"photographs-{split}"]
        yield "scar", ["build", *photographs, *captions, "--out", f"captions-{split}"]
    if five:
        yield "scar", ["build", "scar-1m", "--data-root", str(five.resolve()), "--out", "five"]
    yield "mmeb_eval", ["demo", "tasks"]
    baselines = [word for name in ("constant", "random", "text-only") for word in ("--model", name)]
    yield "mmeb_eval", [*baselines, "--tasks", "all", "--data", "tasks", "--output", "results-baselines"]
    tiny = ["--model", "virtue", "--config", "tiny"]
    yield "mmeb_eval", [*tiny, "--tasks", "lite", "--data", "tasks", "--output", "results-tiny"]
    yield "mmeb_eval", ["--model", "virtue", "--config", "demo", "--tasks", "demo", "--output", "results-demo"]


def make_outputs(folder: Path, five: Path | None) -> None:
    """Run every command in a new folder, with the packages that this Python imports.

    Args:
        folder: the folder to make.
        five: folder of the five data sets of full_size.py; None leaves their build out.
    """
    folder.mkdir(parents=True)
    for package, words in list_commands(five):
        print(package, *words, flush=True)
        program = f"from {package}.cli import app; app()"
        subprocess.run([sys.executable, "-c", program, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603


def drop_free_keys(value: Any) -> Any:
    """An evaluation result without the keys that may differ."""
    if isinstance(value, dict):
        return {key: drop_free_keys(each) for key, each in value.items() if key not in FREE_KEYS}
    return [drop_free_keys(each) for each in value] if isinstance(value, list) else value


def is_same(before: Path, after: Path) -> bool:
    """Whether two files are the same: builds by their bytes, evaluation results without the keys that may differ."""
    if before.read_bytes() == after.read_bytes():
        return True
    if not any(part.startswith("results") for part in before.parts) or before.suffix != ".json":
        return False
    first, second = (drop_free_keys(json.loads(path.read_bytes())) for path in (before, after))
    return bool(first == second)


def list_outputs(folder: Path) -> set[Path]:
    """List the output files of a folder, without stored vectors, locks and other hidden files."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path for path in found if not any(part.startswith(".") for part in path.parts)}


def compare_outputs(before: Path, after: Path) -> int:
    """Print how many files of each folder are the same; returns 1 if a file differs or is on one side only, else 0."""
    both, total, same = list_outputs(before), Counter[str](), Counter[str]()
    alone = both ^ list_outputs(after)
    for path in sorted(both - alone):
        equal = is_same(before / path, after / path)
        total[path.parts[0]] += 1
        same[path.parts[0]] += equal
        if not equal:
            print(f"differs: {path}")
    for path in sorted(alone):
        print(f"on one side alone: {path}")
    for name, count in total.items():
        print(f"{name:20} {same[name]:6,} of {count:6,} files are the same")
    return int(bool(alone) or same != total)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="write all outputs into a new folder")
    make.add_argument("folder", type=Path)
    make.add_argument("--five", type=Path, help="folder of the five data sets of full_size.py")
    compare = commands.add_parser("compare", help="compare two folders of outputs")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    options = parser.parse_args()
    if options.command == "compare":
        return compare_outputs(options.before, options.after)
    make_outputs(options.folder, options.five)
    return 0


if __name__ == "__main__":
    sys.exit(main())
