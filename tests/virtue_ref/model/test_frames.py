"""A photograph in any EXIF orientation gives the vectors of its upright twin; in `official`, of its stored pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmeb_eval.item import Item, Lasso, Points, Polygon, Prompt, Scribble
from mmeb_eval.templates.fused import format_region
from scar.errors import ItemError
from scar.sample import Box, Mask
from tests.scar.common.orientations import ORIENTATIONS, draw_scene, make_stored, save_stored
from virtue_ref.adapters.items import make_item
from virtue_ref.embedder import VirtueEmbedder, load

SIZE = (90, 64)
"""As displayed."""

PATCH, OTHER = (12, 30, 40, 58), (50, 5, 51, 6)
"""Pixels x0, y0, x1, y1 of a thing, and one pixel beside it, as displayed."""

CORNERS = ((12, 30), (40, 33), (26, 57))
"""Corners of an outline, as displayed; its sides meet no pixel's centre."""

TEXT = "Find the caption of the object.\n"

Turn = Callable[[Image.Image], Image.Image]


@pytest.fixture(scope="module")
def official() -> VirtueEmbedder:
    return load("tiny", profile="official")


def find_pixels(patch: tuple[int, int, int, int], turn: Turn) -> tuple[int, int, int, int]:
    """Where Pillow puts the pixels of a patch."""
    image = Image.new("L", SIZE)
    image.paste(255, patch)
    found = turn(image).getbbox()
    assert found is not None
    return found


def find_centre(patch: tuple[int, int, int, int], turn: Turn) -> tuple[float, float]:
    x0, y0, x1, y1 = find_pixels(patch, turn)
    return (x0 + x1) / 2, (y0 + y1) / 2


def iter_prompts(turn: Turn) -> Iterator[tuple[str, Prompt | None]]:
    """Each kind of prompt after a turn of the image, and the text that names its box."""
    box = find_pixels(PATCH, turn)
    centres = (find_centre(PATCH, turn), find_centre(OTHER, turn))
    drawn = Image.new("1", SIZE)
    drawn.paste(1, PATCH)
    drawn.paste(1, OTHER)
    mask = Mask.from_array(np.asarray(turn(drawn)))
    yield TEXT, None
    yield TEXT, Box(*box)
    yield TEXT + format_region(box), Box(*box)
    yield TEXT + format_region([float(corner) for corner in box]), None
    yield f"{TEXT}Referring object point: {centres[0]}", Points(centres[:1], (1,))
    yield TEXT, Points(centres, (1, 0))
    yield TEXT, Points(centres, (1, 0), Box(*box))
    yield TEXT, mask
    corners = tuple(find_centre((x - 1, y - 1, x + 1, y + 1), turn) for x, y in CORNERS)
    yield TEXT, Polygon(corners)
    yield TEXT, Lasso(corners[:2] + centres)
    yield TEXT, Scribble((corners[:2], centres[:1]), (centres[1:],))


def make_items(image: Path, turn: Turn) -> list[Item]:
    return [Item(text, image, prompt) for text, prompt in iter_prompts(turn)]


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tif"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_clean_sees_the_upright_twin(tiny: VirtueEmbedder, tmp_path: Path, orientation: int, ending: str) -> None:
    file = save_stored(draw_scene(SIZE), orientation, tmp_path / f"stored.{ending}")
    with Image.open(file) as opened:  # as JPEG has changed the pixels
        opened.load()
        pixels = opened.convert("RGB")
    upright = pixels if ending == "tif" else make_stored(pixels, {6: 8, 8: 6}.get(orientation, orientation))
    upright.info.clear()
    upright.save(tmp_path / "upright.png")
    expected = tiny.embed(make_items(tmp_path / "upright.png", lambda image: image))
    np.testing.assert_array_equal(tiny.embed(make_items(file, lambda image: image)), expected)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_official_sees_the_stored_picture_and_prompt(
    official: VirtueEmbedder, tmp_path: Path, orientation: int
) -> None:
    scene = draw_scene(SIZE)
    file = save_stored(scene, orientation, tmp_path / "stored.png")
    make_stored(scene, orientation).save(tmp_path / "plain.png", exif=b"")
    assert Image.open(tmp_path / "plain.png").getexif().get(0x0112, 1) == 1
    vectors = official.embed(make_items(file, lambda image: image))
    expected = official.embed(make_items(tmp_path / "plain.png", lambda image: make_stored(image, orientation)))
    np.testing.assert_array_equal(vectors, expected)
    different = np.delete(vectors, 6, axis=0)  # in `official`, a box beside points is not used
    assert (different @ different.T - np.eye(len(different))).max() < 1 - 1e-5, "each prompt tells"


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_official_sees_a_tiff_as_pillow_turns_it(official: VirtueEmbedder, tmp_path: Path, orientation: int) -> None:
    scene = draw_scene(SIZE)
    scene.save(tmp_path / "upright.png")
    file = save_stored(scene, orientation, tmp_path / "stored.tif")
    expected = official.embed(make_items(tmp_path / "upright.png", lambda image: image))
    np.testing.assert_array_equal(official.embed(make_items(file, lambda image: image)), expected)


@pytest.mark.parametrize("profile", ["clean", "official"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_an_image_in_memory_is_the_file_it_came_from(
    tiny: VirtueEmbedder, official: VirtueEmbedder, tmp_path: Path, orientation: int, profile: str
) -> None:
    model = tiny if profile == "clean" else official
    file = save_stored(draw_scene(SIZE), orientation, tmp_path / "stored.jpg")
    record = {"text": TEXT, "box": PATCH}
    images = [Image.open(file), Image.open(file).convert("RGB"), Image.open(file).copy()]
    vectors = model.embed([make_item({**record, "image": image}) for image in images])
    np.testing.assert_array_equal(vectors, model.embed([Item(TEXT, file, Box(*PATCH))] * 3))


@pytest.mark.parametrize("method", ["embed_roi", "embed_bare"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_other_ways_to_embed_share_the_frame(
    tiny: VirtueEmbedder, official: VirtueEmbedder, tmp_path: Path, orientation: int, method: str
) -> None:
    scene = draw_scene(SIZE)
    file = save_stored(scene, orientation, tmp_path / "stored.png")
    scene.save(tmp_path / "upright.png")
    make_stored(scene, orientation).save(tmp_path / "plain.png", exif=b"")
    for model, twin in ((tiny, "upright.png"), (official, "plain.png")):
        patch = find_pixels(
            PATCH, (lambda image: make_stored(image, orientation)) if model is official else Image.Image.copy
        )
        prompted = method == "embed_roi"
        shown = Item(TEXT + format_region(PATCH), file, Box(*PATCH) if prompted else None)
        expected = Item(TEXT + format_region(patch), tmp_path / twin, Box(*patch) if prompted else None)
        np.testing.assert_array_equal(getattr(model, method)([shown]), getattr(model, method)([expected]))


def test_decimals_of_a_turned_text_are_those_of_the_annotation(official: VirtueEmbedder, tmp_path: Path) -> None:
    file = save_stored(draw_scene(SIZE), 3, tmp_path / "stored.png")
    stored = [12.27, 5.3, 56.73, 40.19]
    displayed = [90 - 56.73, 64 - 40.19, 90 - 12.27, 64 - 5.3]
    for words in ("Referring object bbox: {}", "x {}", "Referring object bbox: {} and Referring object bbox: {}"):
        item = Item(words.format(displayed, displayed), file)
        prepared = official.collator.prepare_item(item, 0)
        expected = words.format(*([stored] * 2 if "Referring" in words else [displayed] * 2))
        assert prepared.item.text == expected
    whole = Item("Referring object bbox: (10, 20, 30, 40)", file)
    assert official.collator.prepare_item(whole, 0).item.text == "Referring object bbox: (60, 24, 80, 44)"
    odd = Item("Referring object bbox: [10, 20]", file)
    assert official.collator.prepare_item(odd, 0).item.text == odd.text


@pytest.mark.parametrize(
    "prompt", [Box(91, 3, 99, 60), Points(((91, 3),), (1,)), Points(((1, 3),), (1,), Box(91, 3, 99, 60))]
)
def test_a_prompt_beside_a_turned_picture_is_refused_in_the_frame_of_the_user(
    official: VirtueEmbedder, tmp_path: Path, prompt: Prompt
) -> None:
    file = save_stored(draw_scene(SIZE), 6, tmp_path / "stored.png")
    with pytest.raises(ItemError, match=r"item 0: (box|point) \(91, 3.* outside the image, which has 90 x 64 pixels"):
        official.embed([Item("x", file, prompt)])
    with pytest.raises(ItemError, match="item 0: a mask of 64 x 90 pixels on an image of 90 x 64"):
        official.embed([Item("x", file, Mask.from_array(np.ones((90, 64), bool)))])
