"""Probes from end to end: what is asked at each level, what is stored, and the curve that comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from PIL import Image

from mmeb_eval.adapters.baselines import Random
from mmeb_eval.data.files import TaskFiles, find_scar_tasks, find_task_files
from mmeb_eval.data.tasks import get_task
from mmeb_eval.item import Item, Points, Prompt
from mmeb_eval.regions.robustness import PROBES, iter_perturbed_prompts, read_targets
from mmeb_eval.report.curves import make_curves
from mmeb_eval.run.results import Result, read_probe_results, read_result, read_results
from mmeb_eval.run.run import run_evaluations
from scar.errors import DataError, ScarError
from scar.sample import Box, Mask

SIZE = (64, 48)


def right(image: str) -> Box:
    """The thing in each picture of the corpus, by the number in its name."""
    number = int(Path(image).stem)
    return Box(10 + number % 5, 8, 40, 30 + number % 7)


class Looks:
    """Knows each picture's thing; finds its caption where the prompt is good enough, else the last wrong one."""

    name = "looks@1"
    prompts: tuple[str, ...] = ("box", "points", "mask")

    def __init__(self) -> None:
        self.asked: list[Item] = []

    def good(self, box: Box, prompt: Prompt) -> bool:
        if isinstance(prompt, Box):
            return box.iou(prompt) >= 0.699
        if isinstance(prompt, Points):
            ((x, y),) = prompt.xy
            return box.x0 - 8.5 < x < box.x1 + 8.5 and box.y0 - 8.5 < y < box.y1 + 8.5
        return isinstance(prompt, Mask) and bool(prompt.to_array().sum() >= 0.49 * box.area)

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        self.asked += items
        rows = np.zeros((len(items), 11), dtype=np.float32)
        for row, item in zip(rows, items, strict=True):
            if item.image is None:
                row[int(item.text.split()[-1])] = 1
            else:
                assert item.prompt is not None
                row[0 if self.good(right(str(item.image)), item.prompt) else 9] = 1
        return rows


@pytest.fixture
def pictured(tmp_path: Path, write_corpus: Any, make_row: Any) -> Path:
    """Twenty pictures with a thing each and its mask."""
    rows = []
    for number in range(20):
        image = f"images/Toy_val/{number}.png"
        box = right(image)
        pixels = np.zeros(SIZE[::-1], dtype=bool)
        pixels[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] = True
        mask = Mask.from_array(pixels)
        path = tmp_path / "corpus" / image
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", SIZE, (number, 80, 120)).save(path)
        rows.append(
            make_row(number)
            | {"qry_image_path": image, "bbox": list(box.xywh)}
            | {"segmentation": {"size": list(mask.size), "counts": mask.counts}}
        )
    schema = pa.schema(
        [
            *((name, pa.string()) for name in ("qry_text", "qry_image_path", "category")),
            ("tgt_text", pa.list_(pa.string())),
            ("bbox", pa.list_(pa.float32())),
            ("image_id", pa.int64()),
            ("segmentation", pa.struct([("size", pa.list_(pa.int32())), ("counts", pa.string())])),
        ]
    )
    write_corpus(tmp_path / "corpus" / "SCaR-eval" / "SCaR_eval_Toy.parquet", rows, schema)
    return tmp_path / "corpus"


def scores(output: Path) -> dict[str, float]:
    return {
        f"{probe['name']} {probe['level']}": result.metrics["hit@1"]
        for result in read_probe_results(output)
        for probe in [result.settings["probe"]]
    }


def test_a_model_that_looks_falls_where_its_prompts_are_no_longer_good_enough(pictured: Path, tmp_path: Path) -> None:
    said: list[str] = []
    model = Looks()
    results = run_evaluations([model], find_scar_tasks(pictured), tmp_path / "out", probe=True, say=said.append)
    found = scores(tmp_path / "out")
    assert found == {
        "box 0.9": 1, "box 0.8": 1, "box 0.7": 1, "box 0.6": 0, "box 0.5": 0, "box elsewhere": 0,
        "click 0": 1, "click 4": 1, "click 8": 1, "click 16": 0, "mask 1": 1, "mask 0.75": 1, "mask 0.5": 1,
        "mask 0.25": 0,
    }  # fmt: skip
    assert len(model.asked) == len(set(model.asked))
    texts = [item for item in model.asked if item.image is None]
    assert len(texts) == 200
    assert [line for line in said if "click off the thing, 32 (pixels beside its box): 20 of 20 queries" in line]
    (ordinary,) = read_results(tmp_path / "out")
    assert results[0] == ordinary
    assert [curve.undisturbed for curve in make_curves(results, results[1:])] == [1, 1, 1]

    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.json")}
    again = Looks()
    run_evaluations([again], find_scar_tasks(pictured), tmp_path / "out", probe=True, batch_size=7)
    assert list(dict.fromkeys(type(item.prompt) for item in again.asked)) == [type(None), Box, Points, Mask]
    assert set(again.asked) <= set(model.asked)  # a few of each kind are checked
    run_evaluations([Looks()], find_scar_tasks(pictured), tmp_path / "other", probe=True)
    assert {path.relative_to(tmp_path / "out"): text for path, text in before.items()} == {
        path.relative_to(tmp_path / "other"): path.read_bytes() for path in (tmp_path / "other").rglob("*.json")
    }


def test_clicks_and_masks_are_not_told_in_words_beside(pictured: Path, tmp_path: Path) -> None:
    class Exact(Looks):
        layout = "qwen2_vl"

    model = Exact()
    results = run_evaluations([model], find_scar_tasks(pictured), tmp_path / "out", probe=True)
    for item in model.asked:
        if item.image is not None:
            assert ("bbox: [" in item.text) == isinstance(item.prompt, Box)
    told = {(result.settings.get("probe") or {"name": "none"})["name"]: result.settings["region"] for result in results}
    assert told == {"none": "prompt and text", "box": "prompt and text", "click": "prompt", "mask": "prompt"}


def test_a_model_that_sees_no_prompts_is_told_the_jittered_box_in_words(pictured: Path, tmp_path: Path) -> None:
    class Reads(Looks):
        prompts = ()

        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            self.asked += items
            return Random().embed(items)

    model, said = Reads(), list[str]()
    run_evaluations([model], find_scar_tasks(pictured), tmp_path / "out", probe=True, say=said.append)
    asked = {item.text for item in model.asked if isinstance(item.image, Path) and item.image.stem == "3"}
    assert len(asked) == 7
    assert all("bbox: [" in text for text in asked)
    assert {name.split()[0] for name in scores(tmp_path / "out")} == {"box"}
    assert [line for line in said if line.startswith("looks@1 takes no prompts of kind points")]


def test_data_without_masks_say_so(corpus: Path, tmp_path: Path) -> None:
    said: list[str] = []

    class Guesses(Looks):
        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            return Random().embed(items)

    results = run_evaluations([Guesses()], find_scar_tasks(corpus), tmp_path / "out", probe=True, say=said.append)
    assert (
        "partial mask, 0.5 (share of its pixels): 40 of 40 queries of Toy have no such prompt and are left out." in said
    )
    assert {curve.probe for curve in make_curves(results, results[1:])} == {"box", "click"}


def test_what_is_drawn_for_a_row_depends_on_the_seed_and_its_number_alone(pictured: Path) -> None:
    about = read_targets(find_scar_tasks(pictured)[0])
    first = {
        (each.probe.name, each.level): each.prompts
        for p in PROBES.values()
        for each in iter_perturbed_prompts(about, p, 0)
    }
    for probe in PROBES.values():
        for each in iter_perturbed_prompts(about[:7], probe, 0):
            assert each.prompts == first[probe.name, each.level][:7]
    (nine, *_) = iter_perturbed_prompts(about, PROBES["box"], 1)
    assert not set(nine.prompts) & set(first["box", "0.9"])
    assert len(set(first["box", "0.9"])) == 20


def test_a_file_that_is_no_probe_is_named(pictured: Path, tmp_path: Path) -> None:
    run_evaluations([Looks()], find_scar_tasks(pictured), tmp_path / "out", probe=True)
    (ordinary,) = (tmp_path / "out").glob("*/*.json")
    (ordinary.parent / "probes/Toy/box-0.9.json").write_bytes(ordinary.read_bytes())
    with pytest.raises(DataError, match=r"box-0.9.json: not a result with perturbed prompts"):
        read_probe_results(tmp_path / "out")


def test_tasks_without_regions_and_boxes_outside_of_their_image_are_refused(
    tmp_path: Path, pictured: Path, write_corpus: Any, make_row: Any, task_rows: Any
) -> None:
    row = {"qry_inst": "i", "qry_text": "t", "qry_img_path": "a.jpg", "tgt_inst": "", "tgt_text": ["a"],
           "tgt_img_path": [""]}  # fmt: skip
    with pytest.raises(DataError, match=r"VOC2007: its queries have no regions; probes are for SCaR tasks"):
        read_targets(task_rows("VOC2007", [row]))
    rows = pictured / "SCaR-eval" / "SCaR_eval_Toy.parquet"
    write_corpus(rows, [make_row(0) | {"bbox": [100.0, 2.0, 5.0, 5.0]}])
    with pytest.raises(DataError, match=r"row 0: bbox .* has no area in its image of 64 x 48 pixels"):
        read_targets(find_scar_tasks(pictured)[0])
    (pictured / "images/Toy_val/0.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"0.png: not an image that can be decoded"):
        read_targets(find_scar_tasks(pictured)[0])


def test_a_mask_of_another_size_is_refused(pictured: Path) -> None:
    Image.new("RGB", (65, 48)).save(pictured / "images/Toy_val/3.png")
    with pytest.raises(ScarError, match=r"row 3: RLE size .* is not the image's height and width"):
        read_targets(find_scar_tasks(pictured)[0])


def test_official_tasks_are_probed_by_name(pictured: Path, tmp_path: Path) -> None:
    path = pictured / "SCaR-eval" / "SCaR_eval_Toy.parquet"
    path.rename(path.with_name("SCaR_eval_ADE20K.parquet"))
    files: TaskFiles = find_task_files(get_task("SCAR_ADE20K_val"), pictured)
    results: list[Result] = run_evaluations([Looks()], [files], tmp_path / "out", probe=True)
    assert read_result(tmp_path / "out/looks@1/probes/SCAR_ADE20K_val/box-0.6.json") == next(
        result for result in results if result.settings.get("probe", {}).get("level") == "0.6"
    )
