"""An explanation has the masks and the map of its item, and its picture shows them; `virtue explain` writes both."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from mmeb_eval.item import Item, Points
from scar.errors import ItemError, VirtueError
from scar.sample import Box, Mask
from tests.virtue_ref.conftest import drawn
from tests.virtue_ref.inference.test_segment import PROMPTS
from virtue_ref.cli import app
from virtue_ref.embedder import VirtueEmbedder, load
from virtue_ref.explain.explanation import explain_item
from virtue_ref.explain.picture import MASK_COLOUR, RAMP, colour_map, draw_explanation, make_panels
from virtue_ref.inference.segment import Segments
from virtue_ref.search.index import INSTRUCTION

Draw = Callable[..., Path]
BOX = Box(10, 20, 60, 50)


def test_it_says_what_the_embedder_says(tiny: VirtueEmbedder, picture: Draw) -> None:
    item = Item("", picture(90, 70), BOX)
    explanation = explain_item(tiny, item, "a cup", cells=3)
    assert explanation.size == (90, 70)
    assert explanation.segments is not None
    np.testing.assert_array_equal(explanation.segments.masks, tiny.segment(item).masks)
    region, text = tiny.embed([Item(INSTRUCTION, item.image, BOX), Item("a cup")])
    assert explanation.score == pytest.approx(float(region @ text), abs=1e-5)
    assert explanation.similarity is not None
    assert explanation.similarity.shape == (2, 3)


@pytest.mark.parametrize("kind", PROMPTS)
def test_every_kind_of_prompt_is_drawn(tiny: VirtueEmbedder, picture: Draw, kind: str, tmp_path: Path) -> None:
    image = picture(90, 70)
    explanation = explain_item(tiny, Item("", image, PROMPTS[kind]))
    plain, shown = (np.asarray(panel) for panel in (_plain(image), make_panels(explanation)[0]))
    assert (plain[:373] != shown[:373]).any(axis=-1).sum() > 50
    assert draw_explanation(explanation, tmp_path / "out.png").is_file()


def test_panels_show_the_mask_and_the_map(tiny: VirtueEmbedder, picture: Draw) -> None:
    image = picture(90, 70)
    both = make_panels(explain_item(tiny, Item("", image, BOX), "a cup", cells=3))
    assert len(both) == 3
    assert len(make_panels(explain_item(tiny, Item("", image), "a cup", cells=3))) == 2
    inside = np.zeros((1, 70, 90), bool)
    inside[0, 10:30, 40:80] = True
    segments = Segments(inside, np.ones(1, np.float32))
    _, masked = make_panels(dataclasses.replace(explain_item(tiny, Item("", image, BOX)), segments=segments))
    stretched = np.asarray(Image.fromarray(inside[0]).resize((480, 373), Image.Resampling.NEAREST))
    tinted, plain = (np.asarray(panel).astype(int)[:373] for panel in (masked, _plain(image)))
    nearer = np.abs(tinted - MASK_COLOUR).sum(-1) < np.abs(plain - MASK_COLOUR).sum(-1)
    assert (nearer == stretched).mean() > 0.98
    assert (tinted == plain).all(axis=-1)[~stretched].mean() > 0.95


def _plain(image: Path) -> Image.Image:
    return Image.open(image).convert("RGB").resize((480, 373), Image.Resampling.LANCZOS)


def test_colours_go_from_the_least_to_the_greatest() -> None:
    colours = colour_map(np.array([[0.1, 0.2], [0.15, 0.3]], np.float32))
    assert colours[0, 0].tolist() == RAMP[0].tolist()
    assert colours[1, 1].tolist() == RAMP[-1].tolist()
    assert (np.diff(colours.reshape(4, 3)[[0, 2, 1, 3]].sum(-1).astype(int)) > 0).all()
    assert (colour_map(np.full((2, 2), 0.4, np.float32)) == RAMP[0]).all()


def test_what_cannot_be_explained(tiny: VirtueEmbedder, picture: Draw, tmp_path: Path) -> None:
    image = picture(90, 70)
    with pytest.raises(ItemError, match="nothing to explain without an image"):
        explain_item(tiny, Item("a cup"), "a cup")
    with pytest.raises(ItemError, match="give a prompt, such as a box, or a text to look for"):
        explain_item(tiny, Item("", image))
    with pytest.raises(VirtueError, match="this model has no segmenter"):
        explain_item(load("tiny", segmenter_package="none"), Item("", image, BOX))
    gone = explain_item(tiny, Item("", image, BOX))
    with pytest.raises(VirtueError, match="its ending is of no image format"):
        draw_explanation(gone, tmp_path / "a.xyz")
    for out in (tmp_path / "a.psd", tmp_path):
        with pytest.raises(VirtueError, match="its ending is of no image format that can be written"):
            draw_explanation(gone, out)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(VirtueError, match="is a folder; name a file in it"):
        draw_explanation(gone, tmp_path / "folder.png")
    (tmp_path / "folder.png").rmdir()
    image.unlink()
    with pytest.raises(VirtueError, match=r"the image cannot be drawn: .*90x70"):
        draw_explanation(gone, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def call(*words: object) -> Result:
    return CliRunner().invoke(app, ["explain", *(str(word) for word in words), "--model", "tiny"])


def test_the_command_prints_numbers_and_draws(tmp_path: Path) -> None:
    drawn(90, 70).save(tmp_path / "a.png")
    out = tmp_path / "out.png"
    done = call(tmp_path / "a.png", "--out", out, "--point", "30,30", "--text", "a cup", "--cells", 2)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["mask", "mask", "mask", "'a", "'a"]
    assert lines[-1] == str(out)
    done = call(tmp_path / "a.png", "--out", out, "--box", "10,20,60,50", "--text", "a cup", "--cells", 2, "--json")
    record = json.loads(done.stdout)
    assert set(record) == {"image", "masks", "text", "similarity", "score", "picture"}
    (mask,) = record["masks"]
    ours = load("tiny").segment(Item("", tmp_path / "a.png", BOX)).masks[0]
    np.testing.assert_array_equal(Mask(tuple(mask["size"]), mask["counts"]).to_array(), ours)


BAD: list[tuple[tuple[object, ...], str]] = [
    ((), "nothing to explain: give a prompt, such as --box, or a --text"),
    (("--text", "  "), "nothing to explain"),
    (("--box", "1,2"), "--box '1,2': give x0,y0,x1,y1"),
    (("--box", "500,2,600,9"), "outside"),
    (("--box", "1,2,9,9", "--polygon", "1,2 3,4 9,1"), "box"),
    (("--phrase", "the cup"), "no detector looks for 'the cup'"),
    (("--cells", "0", "--text", "a"), "--cells"),
    (("--box", "1,2,9,9", "--out", "a.xyz"), "its ending is of no image format"),
    (("--box", "1,2,9,9", "--detector", "nowhere"), "detector nowhere"),
]


@pytest.mark.parametrize(("words", "message"), BAD)
def test_bad_options_are_one_line(words: tuple[object, ...], message: str, tmp_path: Path) -> None:
    drawn(90, 70).save(tmp_path / "a.png")
    done = call(tmp_path / "a.png", "--out", tmp_path / "out.png", *words)
    assert done.exit_code == 2
    assert message in done.output
    assert not (tmp_path / "out.png").exists()


def test_an_image_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    for name, message in (("a.png", "not an image"), ("gone.png", "no such image")):
        done = call(tmp_path / name, "--out", tmp_path / "out.png", "--box", "1,2,9,9")
        assert done.exit_code == 2
        assert message in done.output
        assert len(done.output.strip().splitlines()) == 1


def test_points_on_and_beside_have_two_colours(tiny: VirtueEmbedder, picture: Draw) -> None:
    image = picture(90, 70)
    panel = make_panels(explain_item(tiny, Item("", image, Points(((30, 30), (80, 60)), (1, 0)))))[0]
    assert panel.getpixel((160, 160)) == (0xC2, 0x41, 0x0C)
    assert panel.getpixel((round(80 * 480 / 90), round(60 * 480 / 90))) == (0x1D, 0x4E, 0xD8)


def test_any_text_fits_below_the_map(tiny: VirtueEmbedder, picture: Draw, tmp_path: Path) -> None:
    item = Item("", picture(90, 70))
    for text in ("a\nred\tcup", "word " * 3000, "\u7ea2\u8272\u7684\u676f\u5b50"):
        out = draw_explanation(explain_item(tiny, item, text, cells=2), tmp_path / "new" / "folder" / "out.png")
        with Image.open(out) as sheet:
            assert sheet.size == (2 * 480 + 3 * 8, 373 + 40 + 2 * 8)
