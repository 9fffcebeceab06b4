"""Build the cases of ../shared/cases/scar in this process, and judge each by its row of people_cases.toml.

python -m tests.scar.annotations.people_cases            prints the table: case, right or wrong, why
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter
from typer.testing import CliRunner

import scar
from scar.cli import app
from scar.common.image_header import read_header
from scar.common.orientation import UPRIGHT
from scar.formats.build_report import read_report
from tests.shared import SHARED

CASES = SHARED / "cases" / "scar"
EXPECTED: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
NOT_COMMANDS = {"exif_frame_virtue": "exif6_stored_frame"}
"""Cases without a command of `scar build`, and the case whose build shows the same."""


@dataclass(frozen=True)
class Outcome:
    """What a build did: exit code, printed text, its entry in the build report, and its samples."""

    code: int
    text: str
    entry: Mapping[str, Any] = field(default_factory=dict)
    things: Mapping[tuple[Any, ...], str | None] = field(default_factory=dict)
    golds: Collection[str] = ()
    texts: Collection[str] = ()
    upright: bool = True


def build_case(name: str, folder: Path) -> Outcome:
    """Build a case into a folder that does not exist yet."""
    name = NOT_COMMANDS.get(name, name)
    if name == "fixed_camera":
        return _run(["build", str(draw_fixed_camera(folder)), "--out", str(folder / "out")], folder, folder / "out")
    lines = (CASES / name / "README").read_text().splitlines()
    command = next(line for line in lines if line.startswith("command: ")).removeprefix("command: scar ")
    if name == "leak":  # its train split, after its eval split
        _run_command(command, CASES / name, folder)
        command = command.replace("--split eval", "--split train")
    return _run_command(command, _copy_with_links(CASES / name, folder / "case"), folder)


def _run_command(command: str, case: Path, folder: Path) -> Outcome:
    """Run a command of a README in the folder of its case; it builds into ``folder``."""
    arguments = [str(folder / "out") if word == "OUT" else word for word in shlex.split(command)]
    return _run(arguments, case, folder / "out")


def _copy_with_links(case: Path, folder: Path) -> Path:
    """The case itself; or a copy in ``folder`` with the links that its file LINKS lists."""
    links = case / "LINKS"
    if not links.exists():
        return case
    shutil.copytree(case, folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    for line in links.read_text().splitlines():
        if " -> " in line:
            name, target = line.split(" -> ")
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).symlink_to(target)
    return folder


def _run(arguments: list[str], folder: Path, out: Path) -> Outcome:
    before = Path.cwd()
    os.chdir(folder)
    try:
        result = CliRunner().invoke(app, [*arguments, "--workers", "1", "--images-mode", "copy"])
    finally:
        os.chdir(before)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    if result.exit_code:
        return Outcome(result.exit_code, result.output)
    samples = list(scar.read(out))
    return Outcome(
        code=0,
        text=result.output,
        entry=next(iter(read_report(out).values())),
        things={
            (_find_number(sample.image), sample.region.category, *sample.region.box.xywh): (
                sample.region.mask.counts if sample.region.mask else None
            )
            for sample in samples
        },
        golds=[sample.gold.text for sample in samples],
        texts=[text for sample in samples for text in sample.captions],
        upright=all(read_header(out / image).orientation == UPRIGHT for image in {sample.image for sample in samples}),
    )


def _find_number(image: str) -> int:
    """The number of an image of the cases, which all its names end with."""
    return int(Path(image).stem[-3:].lstrip("_"))


def list_faults(name: str, outcome: Outcome, base: Outcome | None) -> Iterator[str]:
    """What is wrong with an outcome by the row of its case; ``base`` is the outcome of the case that it must equal."""
    row = EXPECTED[name]
    text, entry = outcome.text.casefold(), outcome.entry
    if outcome.code not in row.get("code_any", [row.get("code", 0)]):
        yield f"exit code {outcome.code}: {outcome.text.strip()[:300]}"
        return
    for part in row.get("says", ()):
        if part.casefold() not in text:
            yield f"does not say {part!r}: {outcome.text.strip()[:300]}"
    count = entry.get("samples", 0)
    if count != row.get("samples", count) or count < row.get("least", 0):
        yield f"{count} samples, rejected {entry['rejected']}"
    if base is not None:
        others = (
            outcome.things.keys() - base.things.keys()
            if "within" in row
            else outcome.things.keys() ^ base.things.keys()
        )
        if others:
            some = sorted(map(str, others))
            yield f"{len(some)} things are other ones: {some[:2]}; rejected {entry['rejected']}"
        elif row.get("masks", True) and any(base.things[key] != mask for key, mask in outcome.things.items()):
            yield "other masks"
    for kind in ("rejected", "repaired"):
        for reason, number in row.get(kind, {}).items():
            if entry.get(kind, {}).get(reason) != number:
                yield f"{kind}: {entry.get(kind)}, not {reason} {number}"
    for reason in row.get("reasons", ()):
        if reason not in entry["golds"]:
            yield f"no gold by reason {reason}"
    for pattern in row.get("golds", ()):
        if not any(re.search(pattern, gold) for gold in outcome.golds):
            yield f"no gold has {pattern!r}"
    for key, captions in (("no_golds", outcome.golds), ("no_texts", outcome.texts)):
        for pattern in row.get(key, ()):
            if found := next((caption for caption in captions if re.search(pattern, caption)), None):
                yield f"a caption has {pattern!r}: {found!r}"
    if not outcome.upright:
        yield "an image is not upright"


def judge_cases(folder: Path, names: Collection[str] = ()) -> Iterator[tuple[str, list[str]]]:
    """Yield each case with what is wrong with it; all cases without ``names``."""
    bases: dict[str, Outcome] = {}
    for name in names or sorted(EXPECTED):
        same = EXPECTED[name].get("same", EXPECTED[name].get("within"))
        if same and same not in bases:
            bases[same] = build_case(same, _new_folder(folder / f"base-{same}"))
        try:
            outcome = build_case(name, _new_folder(folder / f"case-{len(list(folder.iterdir()))}"))
        except Exception as error:  # noqa: BLE001 - a traceback is a wrong case, and the table goes on
            yield name, [f"{type(error).__name__}: {error}"]
        else:
            yield name, list(list_faults(name, outcome, bases.get(same or "")))


def _new_folder(path: Path) -> Path:
    path.mkdir()
    return path


def draw_fixed_camera(folder: Path) -> Path:
    """Draw train and eval frames of one camera; returns the recipe that builds both."""
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (480, 640, 3), dtype=np.uint8))
    background = np.asarray(noise.filter(ImageFilter.GaussianBlur(12)), np.float64)
    recipe = ""
    for split in ("train", "eval"):
        images = _new_folder(_new_folder(folder / split) / "images")
        entries: dict[str, list[dict[str, Any]]] = {"images": [], "annotations": [], "categories": []}
        entries["categories"] = [{"id": 1, "name": "car"}, {"id": 2, "name": "person"}]
        for number in range(1, 61):
            frame = (background + rng.normal(0, 3, background.shape)).clip(0, 255).astype(np.uint8)
            file = f"{split}_{number:03}.jpg"
            entries["images"].append({"id": number, "file_name": file, "width": 640, "height": 480})
            for category, left in ((1, 20), (2, 340)):
                x, y = left + int(rng.integers(0, 180)), int(rng.integers(20, 380))
                frame[y : y + 80, x : x + 90] = rng.integers(0, 256, 3)
                entries["annotations"].append(
                    {
                        "id": 2 * number + category,
                        "image_id": number,
                        "category_id": category,
                        "bbox": [x, y, 90, 80],
                    }
                )
            Image.fromarray(frame).save(images / file)
        (folder / split / "instances.json").write_text(json.dumps(entries))
        recipe += (
            f'[[source]]\nname="X"\nsplit="{split}"\ninstances="{split}/instances.json"\nimages="{split}/images"\n'
        )
    path = folder / "r.toml"
    path.write_text(recipe)
    return path


def main() -> None:
    """Print the table of the cases that are named as arguments, or of all."""
    with tempfile.TemporaryDirectory() as folder:
        rows = dict(judge_cases(Path(folder), sys.argv[1:]))
    for name, faults in rows.items():
        print(f"{name:34} {'right' if not faults else 'wrong: ' + ' | '.join(faults)}")  # noqa: T201 - its purpose
    print(f"{sum(not faults for faults in rows.values())} of {len(rows)} right")  # noqa: T201 - its purpose


if __name__ == "__main__":
    main()
