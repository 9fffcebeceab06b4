"""Time of the embedding loop beyond that of opening images, and how well opening overlaps with a busy model.

Run it with ``OMP_NUM_THREADS=1 python benchmarks/evaluate_speed.py``; it writes 1,000 photographs of 640 x 480 first.
"""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image
from pyarrow import parquet
from rich.console import Console
from rich.table import Table
from timing import best

from mmeb_eval.data.files import TaskFiles, find_task_files
from mmeb_eval.data.images import decode_rgb, open_rgb
from mmeb_eval.data.tasks import get_task
from mmeb_eval.item import Item
from mmeb_eval.run.run import run_evaluations
from scar.common.prefetch import WORKERS

IMAGES, DRAWN, CAPTIONS, BATCH, WIDTH = 1000, 50, 10, 32, 1536
ROUNDS = 5


class ImageOpener:
    """An embedder that opens images as adapters do and computes nothing.

    Args:
        busy_s: seconds to wait for each image, as for a model on an accelerator.
    """

    name = "opens"
    prompts = ("box",)

    def __init__(self, busy_s: float = 0.0) -> None:
        self.busy_s = busy_s

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        opened = [open_rgb(item.image) for item in items if item.image is not None]
        time.sleep(self.busy_s * len(opened))
        return np.full((len(items), WIDTH), WIDTH**-0.5, dtype=np.float32)


def draw_task(folder: Path) -> TaskFiles:
    """Write the files of a SCaR task with one photograph for each query: blurred noise, about 130 kB as a JPEG."""
    rng = np.random.default_rng(0)
    photographs = []
    for _ in range(DRAWN):
        coarse = Image.fromarray(rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)).resize((640, 480))
        grain = rng.integers(-12, 13, (480, 640, 3))
        buffer = io.BytesIO()
        Image.fromarray(np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
        photographs.append(buffer.getvalue())
    (folder / "images").mkdir(parents=True)
    for number in range(IMAGES):  # bytes after the image's end make the files differ
        (folder / f"images/{number}.jpg").write_bytes(photographs[number % DRAWN] + str(number).encode())
    rows = [
        {
            "qry_text": "<|image_1|>\nFind the caption.",
            "qry_image_path": f"images/{number}.jpg",
            "tgt_text": [f"caption {index}" for index in range(CAPTIONS)],
            "bbox": [10.0, 10.0, 100.0, 100.0],
        }
        for number in range(IMAGES)
    ]
    (folder / "SCaR-eval").mkdir()
    parquet.write_table(pa.Table.from_pylist(rows), folder / "SCaR-eval/SCaR_eval_RefCOCOg.parquet")
    return find_task_files(get_task("SCAR_RefCOCOg_val"), folder)


def main() -> None:
    with TemporaryDirectory() as folder:
        files = draw_task(Path(folder) / "data")
        paths = sorted((Path(folder) / "data/images").iterdir())
        output = Path(folder) / "results"

        def open_images() -> None:
            with ThreadPoolExecutor(WORKERS) as pool:
                for _ in pool.map(decode_rgb, paths):
                    pass

        def make_first_run(busy_s: float = 0.0) -> Callable[[], object]:
            def run_once() -> None:
                shutil.rmtree(output, ignore_errors=True)
                run_evaluations([ImageOpener(busy_s)], [files], output, batch_size=BATCH)

            return run_once

        def run_again() -> None:
            run_evaluations([ImageOpener()], [files], output, batch_size=BATCH)

        opened, whole, cached = best(ROUNDS, open_images, make_first_run(), run_again)
        model_s = opened / IMAGES
        both, opened_too = best(ROUNDS, make_first_run(model_s), open_images)
    items = IMAGES + CAPTIONS
    sleeping = model_s * IMAGES
    table = Table(title=f"{IMAGES} images and {CAPTIONS} captions, {WORKERS} threads", title_justify="left")
    for column in ("what", "s", "an item"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for what, seconds in (
        ("images opened, nothing else", opened),
        ("a whole run that opens them and stores vectors", whole),
        ("overhead", whole - opened),
        ("the same run from the store", cached),
    ):
        table.add_row(what, f"{seconds:.2f}", f"{seconds / items * 1e3:.3f} ms")
    console = Console()
    console.print(table)
    console.print(
        f"a model that is busy for {sleeping:.2f} s beside {opened_too:.2f} s of opening: {both:.2f} s, "
        f"{both / (sleeping + opened_too + whole - opened):.2f} of one after the other"
    )


if __name__ == "__main__":
    main()
