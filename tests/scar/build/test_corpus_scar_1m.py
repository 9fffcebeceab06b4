"""The paper's recipe, end to end, on small files of all five data sets: the books balance and nothing leaks."""

from __future__ import annotations

import json
import pickle
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from scar import build, read
from scar.accounting import Tally
from scar.annotations import captions, coco_index, json_stream, open_index, visual_genome
from scar.annotations.call_cache import CallCache
from scar.annotations.visual_genome import choose_split
from scar.errors import LeakageError
from scar.formats.check import check_folder
from scar.inspect.against_paper import compare_with_paper
from scar.recipe import read_recipe
from scar.sample import Picture

if TYPE_CHECKING:
    from scar.generators.generator import Generator

CATEGORIES = [{"id": 1, "name": "cup"}, {"id": 2, "name": "dog"}]
BOXES = ((4, 5, 30, 40), (50, 10, 40, 30), (60, 45, 55, 44))

GENOME = [number for number in range(1, 200) if choose_split(number) == "train"][:3]
GENOME_EVAL = next(number for number in range(1, 999) if choose_split(number) == "eval")
GENOME_TO_COCO = {GENOME[0]: 10, GENOME[1]: 5, GENOME[2]: None, GENOME_EVAL: 3}


def photo(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    Image.fromarray(coarse).resize((120, 90), Image.Resampling.BICUBIC).save(path)


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def instances(name: str, ids: list[int], first: int = 0, category: int = 1) -> dict[str, Any]:
    images = [{"id": number, "file_name": name.format(number), "width": 120, "height": 90} for number in ids]
    annotations = [
        {"id": first + number * 10 + place, "image_id": number, "category_id": category + place % 2, "bbox": box}
        for number in ids
        for place, box in enumerate(BOXES)
    ]
    return {"images": images, "annotations": annotations, "categories": CATEGORIES}


def refs(splits: dict[int, str]) -> bytes:
    """A pickle of what each image's first two things are called, as Python 3 writes protocol 2."""
    return pickle.dumps(
        [
            {
                "ref_id": number * 10 + place,
                "ann_id": number * 10 + place,
                "image_id": number,
                "category_id": 1,
                "split": split,
                "file_name": f"COCO_train2014_{number:012}_{place}.jpg",
                "sent_ids": [1],
                "sentences": [{"sent_id": 1, "sent": f"thing {place}", "raw": "", "tokens": []}],
            }
            for number, split in splits.items()
            for place in range(2)
        ],
        2,
    )


def coco(root: Path) -> None:
    for number in (1, 2, 3, 4):
        photo(root / "train2014" / f"COCO_train2014_{number:012}.jpg", number)
    for number in (1, 2, 3, 4, 5):
        photo(root / "train2017" / f"{number:012}.jpg", number)
    photo(root / "val2017" / f"{10:012}.jpg", 10)
    captions = [{"id": n, "image_id": n, "caption": f"A cup and a dog in room {n}."} for n in (1, 2, 3, 4, 5)]
    write(root / "annotations" / "captions_train2014.json", {"annotations": captions[:4]})
    for split, ids in (("train2017", [1, 2, 3, 4, 5]), ("val2017", [10])):
        write(root / "annotations" / f"instances_{split}.json", instances("{:012}.jpg", ids))
        stuff = instances("{:012}.jpg", ids, 1000) | {
            "categories": [{"id": 1, "name": "sky-other"}, {"id": 2, "name": "other"}]
        }
        write(root / "annotations" / f"stuff_{split}.json", stuff)
        spoken = captions if split == "train2017" else [{"id": 9, "image_id": 10, "caption": "A cup."}]
        write(root / "annotations" / f"captions_{split}.json", {"annotations": spoken})


def genome(root: Path) -> None:
    ids = list(GENOME_TO_COCO)
    for number in ids:
        photo(root / "VG_100K" / f"{number}.jpg", 100 + number)
    web = "https://cs.stanford.edu/people/rak248/VG_100K/"
    image_data = [
        {"image_id": n, "width": 120, "height": 90, "url": f"{web}{n}.jpg", "coco_id": c, "flickr_id": n + 50}
        for n, c in GENOME_TO_COCO.items()
    ]
    objects = [
        {
            "image_id": n,
            "objects": [
                {"object_id": n * 10 + k, "names": ["cup"], "x": x, "y": y, "w": w, "h": h}
                for k, (x, y, w, h) in enumerate(BOXES)
            ],
        }
        for n in ids
    ]
    write(root / "image_data.json", image_data)
    write(root / "objects.json", objects)
    write(root / "region_descriptions.json", [{"id": n, "regions": []} for n in ids])
    write(root / "relationships.json", [{"image_id": n, "relationships": []} for n in ids])


def ade(root: Path) -> None:
    for split, prefix, numbers in (("training", "train", (1, 2)), ("validation", "val", (1,))):
        for number in numbers:
            stem = f"ADE_{prefix}_{number:08}"
            photo(root / "images" / split / f"{stem}.jpg", 500 if number == len(numbers) else 501)
            classes = np.ones((90, 120), np.uint8)
            things = np.zeros((90, 120, 3), np.uint8)
            classes[10:60, 10:60], things[10:60, 10:60] = 2, (1, 1, 0)
            for kind, pixels in (("annotations", classes), ("annotations_instance", things)):
                (root / kind / split).mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(root / kind / split / f"{stem}.png")
    (root / "objectInfo150.txt").write_text(
        "Idx\tRatio\tTrain\tVal\tStuff\tName\n1\t1\t1\t1\t1\twall\n2\t1\t1\t1\t0\tbed\n"
    )
    (root / "sceneCategories.txt").write_text("ADE_train_00000001 bedroom\n")


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    coco(root / "coco")
    genome(root / "visual_genome")
    ade(root / "ade20k" / "ADEChallengeData2016")
    for name, pickled, splits in (
        ("refcoco+", "refs(unc).p", {1: "train", 2: "val", 3: "testA"}),
        ("refcocog", "refs(umd).p", {2: "train", 1: "train", 4: "val", 3: "train"}),
    ):
        write(root / name / "instances.json", instances("COCO_train2014_{:012}.jpg", [1, 2, 3, 4]))
        (root / name / pickled).write_bytes(refs(splits))
    return root


def test_sources_that_share_files_look_at_each_once_and_find_the_same(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(shutil.copytree(data_root, tmp_path / "data"))
    sources = read_recipe("scar-1m", root).sources
    annotations = root / "coco" / "annotations"
    for path in (*annotations.glob("captions_*"), *(root / "visual_genome").glob("*.json")):
        # A bad record, and one of no image that is known.
        extra = '{"id": 1}, {"id": 77, "image_id": 77, "caption": "A dog.", "objects": [{}, {}]}, '
        path.write_text(path.read_text().replace("[{", f"[{extra}{{", 1))

    def opened(once: Callable[[], CallCache | None]) -> list[tuple[Tally, list[Picture]]]:
        tallies = [Tally(skip_bad=True) for _ in sources]
        albums = [open_index(source, tally, once()) for source, tally in zip(sources, tallies, strict=True)]
        return [
            (tally, [ref.read_picture(tally) for ref in album]) for tally, album in zip(tallies, albums, strict=True)
        ]

    alone = opened(lambda: None)
    looks: Counter[Path] = Counter()
    records = json_stream.iter_records

    def counted(path: Path, *lists: Any) -> Any:
        looks[path] += 1
        return records(path, *lists)

    for module in (captions, coco_index, visual_genome):
        monkeypatch.setattr(module, "iter_records", counted)
    shared = CallCache()
    assert opened(lambda: shared) == alone
    held = annotations / "instances_val2017.json"  # once for its things, once for the ids of its images
    assert looks.pop(held) == 2
    assert set(looks.values()) == {1}
    assert sum(tally.ignored.total() for tally, _ in alone) > 10


def identity(source: str, image: str, data_root: Path) -> str:
    """Which image a row is about, by other means than the build's."""
    if source == "ADE20K":
        folder = "training" if "_train/" in image else "validation"
        file = data_root / "ade20k/ADEChallengeData2016/images" / folder / Path(image).name
        return file.read_bytes().hex()
    number = int(re.findall(r"\d+", Path(image).stem)[-1])
    if source == "VisualGenome":
        coco_id = GENOME_TO_COCO[number]
        return f"vg {number}" if coco_id is None else f"coco {coco_id}"
    return f"coco {number}"


def test_all_five_sources_without_a_leak(data_root: Path, tmp_path: Path, stand_in: Generator) -> None:
    out = tmp_path / "out"
    report = build(read_recipe("scar-1m", data_root), out, generator=stand_in)
    assert check_folder(out).counts == {}

    kept = {
        key: (entry["records"], entry["samples"], entry["rejected"], entry["overlap"]) for key, entry in report.items()
    }
    assert kept == {
        "RefCOCOg/train": (6, 2, {"in_eval": 4}, {"RefCOCO_plus/eval": 1, "VisualGenome/eval": 1}),
        "RefCOCOg/eval": (2, 2, {}, {}),
        "RefCOCO_plus/train": (2, 2, {}, {}),
        "RefCOCO_plus/eval": (2, 2, {}, {}),
        "COCO_Stuff/train": (
            30,
            10,
            {"in_eval": 15, "not_stuff": 5},
            {"RefCOCO_plus/eval": 1, "RefCOCOg/eval": 1, "VisualGenome/eval": 1},
        ),
        "COCO_Stuff/eval": (6, 5, {"not_stuff": 1}, {}),
        "VisualGenome/train": (9, 6, {"coco_val": 3}, {}),
        "VisualGenome/eval": (3, 3, {}, {}),
        "ADE20K/train": (4, 2, {"in_eval": 2}, {"ADE20K/eval": 1}),
        "ADE20K/eval": (2, 2, {}, {}),
    }
    images: dict[str, set[str]] = {"train": set(), "eval": set()}
    for sample in read(out):
        images[sample.split].add(identity(sample.source, sample.image, data_root))
    assert images["train"].isdisjoint(images["eval"])
    assert images["train"] == {"coco 1", "coco 5", f"vg {GENOME[2]}", *(i for i in images["train"] if len(i) > 50)}

    rows = {row.source: row for row in compare_with_paper(out)}
    assert rows["COCO_Stuff/train"].images == 2
    assert any("15 records of images that eval splits have" in reason for reason in rows["COCO_Stuff/train"].reasons)


def test_a_recipe_that_says_nothing_of_leaks_is_refused_with_the_table(
    data_root: Path, tmp_path: Path, stand_in: Generator
) -> None:
    recipe = msgspec.structs.replace(read_recipe("scar-1m", data_root), overlap="refuse")
    with pytest.raises(
        LeakageError, match=r"ADE20K/train and ADE20K/eval: 1; COCO_Stuff/train and RefCOCO_plus/eval: 1"
    ):
        build(recipe, tmp_path / "out", generator=stand_in)
    assert not (tmp_path / "out").exists()
