"""What `scar build` prints of each source."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import scar
from scar.annotations.box_form import BOX_FORMS, XYWH
from scar.build.report_text import iter_report_lines
from scar.language.parse_texts import NO_PARSER

ENTRY: dict[str, Any] = {
    "records": 9,
    "samples": 4,
    "rejected": {"small": 3, "crowd": 2},
    "golds": {"human": {"samples": 3, "chosen": 5}, "mask": {"samples": 1, "chosen": 1}},
    "inputs": {"instances": {}, "captions": {}},
    "settings": {"parser": "toy 1"},
    "ignored": {},
    "repaired": {},
    "overlap": {},
    "turned_images": {},
    "file": "SCaR-eval/SCaR_eval_Toy.parquet",
    "images": 3,
}


def print_lines(**changes: Any) -> list[str]:
    return list(iter_report_lines({"Toy/eval": ENTRY | changes}, Path("out")))


def test_every_record_is_told() -> None:
    assert print_lines() == [
        "Toy/eval: 9 records = 4 samples + 5 rejected (small 3, crowd 2)",
        "  samples by the reason of their gold: human 3 of 5, mask 1 of 1",
        f"  {Path('out/SCaR-eval/SCaR_eval_Toy.parquet')}, 3 images",
    ]


def test_what_was_passed_over_mended_or_turned_is_told() -> None:
    lines = print_lines(ignored={"no_mask": 1}, repaired={"box": 2}, overlap={"A/eval": 3}, turned_images={"jpeg": 4})
    assert "  also ignored: no_mask 1" in lines
    assert "  used after a repair: box 2" in lines
    assert "  images that eval splits have: A/eval 3" in lines
    assert lines[-1].endswith("3 images; stored upright: jpeg 4")


def test_captions_that_no_parser_reads_are_told() -> None:
    assert f"  {NO_PARSER}" in print_lines(settings={"parser": None})
    assert f"  {NO_PARSER}" not in print_lines(settings={"parser": None}, inputs={"instances": {}})
    assert f"  {NO_PARSER}" not in print_lines(settings={}), "earlier builds did not say it"


def test_a_build_without_rejections_has_no_empty_brackets() -> None:
    assert print_lines(rejected={}, samples=9)[0] == "Toy/eval: 9 records = 9 samples + 0 rejected"


def test_every_rule_of_a_repair_has_a_sentence() -> None:
    root = Path(scar.__file__).parent
    code = "".join(path.read_text(encoding="utf-8") for path in root.rglob("*.py"))
    rules = set(re.findall(r'repaired\["(\w+)"\]', code)) | set(re.findall(r'"((?:file|box)_(?:by|in|of)_\w+)"', code))
    rules |= {form.name for form in BOX_FORMS.values()} - {XYWH.name}
    assert {"file_by_coco_id", "box_of_five", "size_of_image", "box_corners_fraction"} <= rules
    lines = print_lines(repaired=dict.fromkeys(sorted(rules), 2))
    told = {rule: line for rule in rules for line in lines if line.startswith(f"  used after a repair: {rule} 2 (")}
    assert told.keys() == rules
    assert "corners x0, y0, x1, y1" in told["box_corners"]
