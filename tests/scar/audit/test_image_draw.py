"""Images are drawn whole, by their paths and the seed."""

from __future__ import annotations

from pathlib import Path

from scar.audit.image_draw import choose_images
from tests.scar.audit.toy_corpus import draw_samples, write_file


def test_images_are_drawn_whole_and_more_of_them_with_more_samples(tmp_path: Path) -> None:
    file = write_file(tmp_path, list(draw_samples(3, "eval", 1.0, images=60)), "eval")
    few, more, every = (choose_images(file, count, "0") for count in (20, 50, 10_000))
    assert few < more < every
    assert len(every) == 60
    assert choose_images(file, 1, "0")
    assert choose_images(file, 50, "1") != more
    samples = [sample.image for sample in file.iter_samples()]
    assert 44 < sum(image in more for image in samples) <= 50
