"""An image in both splits is found under any name."""

from __future__ import annotations

from pathlib import Path
from random import Random

from scar import Sample, audit
from scar.audit.findings import list_findings
from scar.sample import Split
from tests.scar.audit.toy_corpus import draw_sample, write_corpus


def test_an_image_in_train_and_eval_is_found_under_any_name(tmp_path: Path) -> None:
    def make(number: int, rng: Random, split: Split) -> Sample:
        drawn = draw_sample(number, rng, split)
        file = "COCO_train2014_000000000007.jpg" if split == "train" else "000000000007.jpg"
        image = f"images/toy/{file}" if number % 10_000 == 3 else drawn.image
        return Sample(drawn.id, "Toy", split, image, drawn.image_id, drawn.region, drawn.gold, drawn.negatives)

    report = audit(write_corpus(tmp_path, make, count=10))
    assert report["overlap"] == {"Toy/eval in Toy/train": 1}
    assert list_findings(report)[-1] == "1 images of Toy/eval in Toy/train"
