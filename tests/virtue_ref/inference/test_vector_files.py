"""Files of items to files of vectors: every kind of row, and runs that were stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pyarrow import parquet

from mmeb_eval.item import Item, Points
from scar.errors import VirtueError
from scar.sample import Box, Mask
from virtue_ref.embedder import VirtueEmbedder
from virtue_ref.inference.vector_files import embed_rows, read_rows


class Counting:
    """An embedder that counts what it embeds and can break off."""

    name = "counting"

    def __init__(self, *, fail_after: int = 10**9) -> None:
        self.embedded = 0
        self.fail_after = fail_after

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        if self.embedded >= self.fail_after:
            raise KeyboardInterrupt
        self.embedded += len(items)
        angles = np.array([float(item.text) for item in items], np.float32)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    path = tmp_path / "numbers.jsonl"
    path.write_text("".join(json.dumps({"id": f"n{i}", "text": str(i / 10)}) + "\n" for i in range(25)))
    return path


def run(embedder: Any, source: Path, out: Path) -> int:
    return embed_rows(embedder, read_rows([source]), out, part_rows=10)


def test_every_kind_of_row(tmp_path: Path, picture: Callable[..., Path], tiny: VirtueEmbedder) -> None:
    image = picture(90, 70, name="a.png")
    pixels = np.zeros((70, 90), bool)
    pixels[10:30, 20:50] = True
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    mask = Mask.from_array(pixels)
    records = [
        {"text": "a cat"},
        {"id": 7, "text": "x", "image": "a.png"},
        {"text": "x", "image": "a.png", "box": [10, 10, 40, 30]},
        {"text": "x", "image": "a.png", "points": [[10, 10], [40, 30]], "labels": [1, 0]},
        {"text": "x", "image": "a.png", "points": [[10, 10]], "box": [5, 5, 40, 30]},
        {"text": "x", "image": "a.png", "mask": "mask.png"},
        {"text": "x", "image": "a.png", "mask": {"size": list(mask.size), "counts": mask.counts}},
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, records)) + "\n\n")
    rows = list(read_rows([tmp_path / "rows.jsonl", image], "what is it?"))
    assert [row.item for row in rows] == [
        Item("a cat"),
        Item("x", image),
        Item("x", image, Box(10, 10, 40, 30)),
        Item("x", image, Points(((10, 10), (40, 30)), (1, 0))),
        Item("x", image, Points(((10, 10),), (1,), Box(5, 5, 40, 30))),
        Item("x", image, mask),
        Item("x", image, mask),
        Item("what is it?", image),
    ]
    assert [row.id for row in rows] == ["0", "7", "2", "3", "4", "5", "6", str(image)]
    assert embed_rows(tiny, rows, tmp_path / "out.parquet") == 8
    table = parquet.read_table(tmp_path / "out.parquet")
    np.testing.assert_allclose(
        np.stack(table["vector"].to_pylist()), tiny.embed([row.item for row in rows]), rtol=0, atol=2e-6
    )
    assert table.schema.metadata[b"model"] == tiny.name.encode()


@pytest.mark.parametrize("ending", ["parquet", "npy"])
def test_a_stopped_run_goes_on_and_leaves_the_same_bytes(numbers: Path, tmp_path: Path, ending: str) -> None:
    whole, resumed = tmp_path / f"whole.{ending}", tmp_path / f"resumed.{ending}"
    run(Counting(), numbers, whole)
    with pytest.raises(KeyboardInterrupt):
        run(Counting(fail_after=20), numbers, resumed)
    assert not resumed.exists()
    second = Counting()
    assert run(second, numbers, resumed) == 25
    assert second.embedded == 5, "two parts of ten were done"
    assert whole.read_bytes() == resumed.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["numbers.jsonl", whole.name, resumed.name])


def drop_second(lines: list[str]) -> list[str]:
    return lines[:1] + lines[2:]


def correct_fourth(lines: list[str]) -> list[str]:
    return [*lines[:3], '{"id": "n3", "text": "2.5"}', *lines[4:]]


def add_first(lines: list[str]) -> list[str]:
    return ['{"id": "new", "text": "2.5"}', *lines]


def name_fourth(lines: list[str]) -> list[str]:
    return [*lines[:3], lines[3].replace("n3", "other"), *lines[4:]]


@pytest.mark.parametrize("ending", ["parquet", "npy"])
@pytest.mark.parametrize(
    ("change", "expected"),
    [(correct_fourth, 6), (drop_second, 5), (add_first, 6), (name_fourth, 5), (lambda lines: lines[::-1], 5)],
)
def test_a_stopped_run_embeds_what_changed(
    numbers: Path, tmp_path: Path, ending: str, change: Callable[[list[str]], list[str]], expected: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(Counting(fail_after=20), numbers, tmp_path / f"resumed.{ending}")
    numbers.write_text("\n".join(change(numbers.read_text().splitlines())))
    second = Counting()
    run(second, numbers, tmp_path / f"resumed.{ending}")
    assert second.embedded == expected
    run(Counting(), numbers, tmp_path / f"whole.{ending}")
    assert (tmp_path / f"resumed.{ending}").read_bytes() == (tmp_path / f"whole.{ending}").read_bytes()


class Reddest(Counting):
    """An embedder whose vectors say how red an image is."""

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        if self.embedded >= self.fail_after:
            raise KeyboardInterrupt
        self.embedded += len(items)
        reds = [np.asarray(Image.open(item.image).convert("RGB"))[..., 0].mean() / 255 for item in items if item.image]
        return np.stack([np.cos(reds), np.sin(reds)], axis=1).astype(np.float32)


def test_a_picture_that_changed_is_embedded_again(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.bmp" for number in range(25)]
    for number, path in enumerate(paths):
        Image.new("RGB", (4, 4), (number, 0, 0)).save(path)
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"image": path.name}) + "\n" for path in paths))
    with pytest.raises(KeyboardInterrupt):
        run(Reddest(fail_after=20), rows, tmp_path / "resumed.npy")
    times = paths[7].stat()
    Image.new("RGB", (4, 4), (200, 0, 0)).save(paths[7])  # as long as before
    os.utime(paths[7], ns=(times.st_atime_ns, times.st_mtime_ns))
    paths[8].touch()  # as it was
    second = Reddest()
    run(second, rows, tmp_path / "resumed.npy")
    assert second.embedded == 6
    run(Reddest(), rows, tmp_path / "whole.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "resumed.npy"), np.load(tmp_path / "whole.npy"))


@pytest.mark.parametrize("second", ['{"id": "a", "text": "x"}', '{"id": 0, "text": "x"}'])
def test_two_rows_of_one_id_are_named(tmp_path: Path, second: str) -> None:
    first = '{"text": "the id of this row is its number, 0"}\n{"id": "a", "text": "y"}\n\n'
    (tmp_path / "rows.jsonl").write_text(first + second + "\n")
    other = 2 if '"a"' in second else 1
    with pytest.raises(VirtueError, match=rf"rows\.jsonl:4: its id '.' is that of \S*rows\.jsonl:{other} too"):
        list(read_rows([tmp_path / "rows.jsonl"]))


def test_both_formats_hold_the_same(numbers: Path, tmp_path: Path) -> None:
    run(Counting(), numbers, tmp_path / "a.parquet")
    run(Counting(), numbers, tmp_path / "a.npy")
    table = parquet.read_table(tmp_path / "a.parquet")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), np.stack(table["vector"].to_pylist()))
    assert table["id"].to_pylist() == [f"n{i}" for i in range(25)]


def test_a_run_goes_on_only_with_its_own_model(numbers: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(Counting(fail_after=10), numbers, tmp_path / "a.npy")
    other = Counting()
    other.name = "other"
    with pytest.raises(VirtueError, match="a stopped run with another model"):
        run(other, numbers, tmp_path / "a.npy")
    (tmp_path / ".a.npy.parts" / "000000.parquet").write_bytes(b"PAR1")
    with pytest.raises(VirtueError, match=r"000000\.parquet: damaged"):
        run(Counting(), numbers, tmp_path / "a.npy")


def test_outputs_that_cannot_be(numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "taken.npy").touch()
    with pytest.raises(VirtueError, match=r"taken\.npy exists; name a new file"):
        run(Counting(), numbers, tmp_path / "taken.npy")
    with pytest.raises(VirtueError, match=r"a\.csv: vectors go to \.parquet or \.npy"):
        run(Counting(), numbers, tmp_path / "a.csv")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(VirtueError, match="no rows: nothing to embed"):
        run(Counting(), tmp_path / "empty.jsonl", tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not an item"),
        ("[]", "not an item"),
        ('{"texts": "a"}', r"not an item .unknown key 'texts': did you mean text\? an item has beside, box, id, image"),
        ('{"image": "a.png", "bbox": [1, 2, 3, 4]}', "not an item .unknown key 'bbox': did you mean box"),
        ('{"image": "a.png", "box": [1, 2, 3, 4], "box": [5, 6, 7, 8]}', "not an item .a key stands twice: image, box"),
        ('{"text": 5}', "not an item .text 5 is no string"),
        ('{"text": "a", "id": [1]}', r"not an item .id .1. is neither text nor a whole number"),
        ('{"image": 5}', "not an item .image 5 is not the path of a file"),
        ('{"image": ""}', "not an item .image '' is not the path of a file"),
        ('{"image": "a.png", "box": [1, 2, 3]}', "not an item"),
        ('{"image": "a.png", "box": ["a", 2, 3, 4]}', "not an item .*four numbers"),
        ('{"image": "a.png", "points": [[1]]}', "not an item"),
        ('{"image": "a.png", "mask": "nowhere.png"}', r"not an item .*nowhere\.png"),
        ('{"image": "a.png", "mask": {"size": [1]}}', "not an item"),
        (
            '{"image": "a.png", "mask": {"size": [1, 1], "counts": "0"}, "box": [1, 2, 3, 4]}',
            "not an item .an item has one prompt, not box and mask",
        ),
    ],
)
def test_a_row_that_is_none_is_named_by_its_line(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "good"}\n' + line + "\n")
    with pytest.raises(VirtueError, match=rf"rows\.jsonl:2: {message}"):
        list(read_rows([tmp_path / "rows.jsonl"]))


def test_other_encodings(tmp_path: Path) -> None:
    (tmp_path / "bom.jsonl").write_text('{"text": "Käse"}\n', encoding="utf-8-sig")
    assert [row.item for row in read_rows([tmp_path / "bom.jsonl"])] == [Item("Käse")]
    (tmp_path / "latin.jsonl").write_text('{"text": "Käse"}\n', encoding="latin-1")
    with pytest.raises(VirtueError, match=r"latin\.jsonl:1: not an item .*utf-8"):
        list(read_rows([tmp_path / "latin.jsonl"]))


def test_null_is_as_good_as_absent(tmp_path: Path, tiny: VirtueEmbedder, picture: Callable[..., Path]) -> None:
    image = picture(90, 70)
    record = {"id": None, "text": None, "image": str(image), "box": None, "points": None, "labels": None, "mask": None}
    (tmp_path / "rows.jsonl").write_text(json.dumps(record) + '\n{"text": null}\n')
    rows = list(read_rows([tmp_path / "rows.jsonl"]))
    assert [(row.id, row.item) for row in rows] == [("0", Item("", image)), ("1", Item(""))]
    with pytest.raises(VirtueError, match=r"rows\.jsonl:2: neither text nor image"):
        run(tiny, tmp_path / "rows.jsonl", tmp_path / "out.npy")


def test_an_item_that_cannot_be_embedded_is_named_by_its_line(tmp_path: Path, tiny: VirtueEmbedder) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "good"}\n\n{"text": "x", "image": "nowhere.png"}\n')
    with pytest.raises(VirtueError, match=r"rows\.jsonl:3: .*nowhere\.png: no such image"):
        run(tiny, tmp_path / "rows.jsonl", tmp_path / "out.npy")
    with pytest.raises(VirtueError, match=r"absent\.jsonl: no such file"):
        list(read_rows([tmp_path / "absent.jsonl"]))
