"""Each way to break the contract gives one line that says what to do; a sound embedder gives none."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mmeb_eval.adapters.baselines import Constant, Random, TextOnly
from mmeb_eval.contract import PLURALS, check
from mmeb_eval.data.images import open_rgb
from mmeb_eval.item import PROMPT_KINDS, Item
from mmeb_eval.media import Media, find_media
from mmeb_eval.models import load_model
from scar.errors import EvalError


class Sound(Random):
    """Depends on each item's text, image and prompt and on nothing else."""

    prompts: Any = ("box", "points", "mask")


class Broken(Sound):
    """A sound embedder whose vectors are spoilt."""

    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        return vectors

    def embed(self, items: Sequence[Item]) -> Any:
        return self.spoil(super().embed(items), items)


class WrongShape(Broken):
    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        return vectors[0]


class NotANumber(Broken):
    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        return np.where([[item.image is not None] for item in items], np.nan, vectors)


class TooLong(Broken):
    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        return vectors * 2


class Integers(Broken):
    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        return (vectors * 127).astype(np.int8)


class Shuffled(Broken):
    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        return vectors[np.argsort([len(item.text) for item in items])]


class Neighbours(Broken):
    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        mixed = vectors + 0.1 * vectors.mean(axis=0) * (len(items) > 1)
        return mixed / np.linalg.norm(mixed, axis=1, keepdims=True)


class Dropout(Broken):
    rng = np.random.default_rng()

    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        kept = vectors * (self.rng.random(vectors.shape) > 0.1)
        return kept / np.linalg.norm(kept, axis=1, keepdims=True)


class Growing(Broken):
    def spoil(self, vectors: NDArray[np.float32], items: Sequence[Item]) -> Any:
        return np.eye(len(items), 8 + len(items), dtype=np.float32)


class Blind(Sound):
    """Says that it takes boxes and looks at none."""

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        return super().embed([replace(item, prompt=None) for item in items])


class BoxesOnly(Sound):
    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        if any(type(item.prompt).__name__ == "Mask" for item in items):
            raise TypeError("no masks yet")
        return super().embed(items)


class Crash(Sound):
    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        raise KeyError("pixel_values")


class RoiBlind(Sound):
    def embed_roi(self, items: Sequence[Item]) -> NDArray[np.float32]:
        return self.embed([replace(item, prompt=None) for item in items])


class RoiNever(Sound):
    def embed_roi(self, items: Sequence[Item]) -> NDArray[np.float32]:
        raise EvalError("it has no patches.")


class BareBlind(Sound):
    def embed_bare(self, items: Sequence[Item]) -> NDArray[np.float32]:
        return self.embed([replace(item, text="") for item in items])


class OddLayout(Sound):
    layout = "qwen3"


class OddPrompts(Sound):
    prompts = ("bbox",)


def _lines(embedder: Any) -> list[str]:
    return [f"{finding.level}: {finding.text}" for finding in check(embedder)]


def test_pooled_regions_are_tried_too() -> None:
    assert _lines(RoiBlind()) == ["error: embed_roi gives two different boxes the same vector: pool inside the box."]
    (line,) = _lines(RoiNever())
    assert line.startswith("note: --region roi does not work: ")
    assert line.endswith("it has no patches.")
    assert _lines(BareBlind()) == ["error: embed_bare gives two different texts the same vector: read the text."]


def test_a_sound_embedder_gives_no_finding() -> None:
    assert check(Sound()) == []


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (WrongShape, "embed returned an array of shape (256,); return (1, D), one row for each item."),
        (NotANumber, "holds nan at position 0; return finite numbers."),
        (TooLong, "has length 2, not 1; divide it by its L2 norm."),
        (Integers, "numbers of type int8; return float32."),
        (Shuffled, "the items in reverse: the item "),
        (Neighbours, "the item alone: the item "),
        (Dropout, "two calls with the same items: the item "),
        (Growing, "the item alone: the width is 9 and was 16; it must not change."),
        (Blind, "two different boxes have the same vector: the box is ignored. Use item.prompt."),
        (
            BoxesOnly,
            "question: Wh...') and 1 more: embed raised TypeError: no masks yet. It must take text, image, both, and",
        ),
        (
            Crash,
            "the item (text 'a red square'): embed raised KeyError: 'pixel_values'. It must take text, image, both",
        ),
        (OddLayout, "unknown layout 'qwen3': "),
        (OddPrompts, "unknown kind of prompt 'bbox': did you mean box?"),
    ],
)
def test_each_fault_has_a_line(kind: type[Sound], expected: str) -> None:
    lines = _lines(kind())
    assert any(line.startswith("error: ") and expected in line for line in lines), lines
    assert all("\n" not in line for line in lines)


class Sees(Sound):
    """Sees an item as `view` shows it; its vectors are those of a sound embedder."""

    prompts: Any = ()

    def __init__(self, view: Callable[[Item], Item], prompts: Sequence[str] = ()) -> None:
        super().__init__()
        self.view, self.prompts = view, prompts

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        return super().embed([self.view(item) for item in items])


NO_PROMPTS = "note: it takes no prompts: the text names the region, and results say region = text."


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (
            lambda item: replace(item, image=None) if item.text else item,
            "error: the image beside a text is ignored: two different ones have the same vector, though the embedder "
            "reads it alone. Use item.image wherever it is.",
        ),
        (
            lambda item: replace(item, text="") if item.image else item,
            "error: the text beside an image is ignored: two different ones have the same vector, though the embedder "
            "reads it alone. Use item.text wherever it is.",
        ),
        (
            lambda item: item if item.text else replace(item, image=None),
            "error: the image alone is ignored: two different ones have the same vector, though the embedder reads it "
            "beside a text. Use item.image wherever it is.",
        ),
        (
            lambda item: replace(item, image=None),
            "warning: every image has one vector, alone and beside a text: the image is ignored. Tasks that need it "
            "score chance.",
        ),
        (
            lambda item: replace(item, text=""),
            "warning: every text has one vector, alone and beside an image: the text is ignored. Tasks that need it "
            "score chance.",
        ),
        (
            lambda item: replace(item, text=item.text[-13:]),
            "warning: the instruction beside a text and beside an image and a text is ignored: two different ones have "
            "the same vector.",
        ),
        (
            lambda item: replace(item, text=item.text[:100]),
            "warning: a region that the text names makes no difference: is the text cut? SCaR scores say nothing about "
            "regions.",
        ),
    ],
)
def test_blindness_is_found(view: Callable[[Item], Item], expected: str) -> None:
    assert _lines(Sees(view)) == [expected, NO_PROMPTS]


@pytest.mark.parametrize("kind", ["box", "points", "mask"])
@pytest.mark.parametrize("part", ["text", "image"])
def test_blindness_beside_a_prompt_is_found(kind: str, part: str) -> None:
    def view(item: Item) -> Item:
        return item if item.prompt is None else replace(item, **{part: type(getattr(item, part))()})

    lines = _lines(Sees(view, [kind]))
    assert len(lines) == 1
    assert lines[0].startswith(f"error: the {part} beside a")
    assert f"with a {kind} is ignored" in lines[0]


@pytest.mark.parametrize("kind", PROMPT_KINDS)
def test_a_prompt_that_is_ignored_is_found_and_one_that_is_not_taken_is_no_fault(kind: str) -> None:
    def hide(item: Item) -> Item:
        return item if type(item.prompt).__name__.lower() != kind else replace(item, prompt=None)

    several = PLURALS.get(kind, f"{kind}s")
    assert _lines(Sees(hide, list(PROMPT_KINDS))) == [
        f"error: two different {several} have the same vector: the {kind} is ignored. Use item.prompt."
    ]
    others = [other for other in ("box", "points", "mask") if other != kind]
    assert check(Sees(hide, others)) == []


def test_a_region_that_is_declared_is_not_asked_of_the_text() -> None:
    assert check(Sees(lambda item: replace(item, text=item.text[:100]), ["box"])) == []


def test_chance_is_not_blamed_on_the_order_or_on_padding() -> None:
    (line,) = _lines(Dropout())
    assert line.startswith("error: two calls with the same items: ")


def test_an_embedder_that_reads_the_path_and_not_the_file_is_found() -> None:
    class ByPath(Sound):
        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            texts = [
                item if item.image is None else replace(item, image=None, text=f"{item.text} {item.image}")
                for item in items
            ]
            return super().embed(texts)

    assert _lines(ByPath()) == [
        "error: an image in another folder has another vector: read the file's pixels, not its path."
    ]


def test_an_embedder_that_ignores_the_instruction_apart_is_warned_of() -> None:
    class Apart(Sound):
        layout = "apart"

        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            return super().embed([replace(item, text=f"{item.text} {item.instruction}") for item in items])

    class Deaf(Sound):
        layout = "apart"

    assert not [line for line in _lines(Apart()) if not line.startswith("note")]
    (line,) = [line for line in _lines(Deaf()) if not line.startswith("note")]
    assert line.startswith("warning: the instruction beside a text and beside an image and a text is ignored")


def test_images_that_are_told_by_file_name_are_found() -> None:
    class ByName(Sound):
        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            names = [item if item.image is None else replace(item, image=Path(Path(item.image).name)) for item in items]
            return super().embed(names)

    assert _lines(ByName()) == [
        "error: two images with one file name in two folders have one vector: tell images by their pixels, not by name."
    ]


def test_rounding_does_not_hide_blindness() -> None:
    class Rounded(Sees):
        calls = 0

        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            self.calls += 1
            vectors = super().embed(items) + np.float32(1e-4) * np.sin(np.arange(len(items)) + self.calls)[:, None]
            unit: NDArray[np.float32] = np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
            return unit

    lines = _lines(Rounded(lambda item: replace(item, image=None) if item.text else item))
    assert [line.partition(":")[0] for line in lines] == ["error", "note"]
    assert "the image beside a text is ignored" in lines[0]
    assert _lines(Rounded(lambda item: item)) == [NO_PROMPTS]


def test_one_vector_for_everything_is_an_error_and_a_text_only_model_is_warned_of() -> None:
    assert _lines(Constant()) == [
        "error: all items have one vector: this embedder scores 0 wherever there are two candidates."
    ]
    assert [line.partition(":")[0] for line in _lines(TextOnly())] == ["warning", "note"]


class Takes(Sound):
    """Takes some media only: says so before, or raises an error when it gets others."""

    prompts: Any = ()

    def __init__(self, media: Sequence[Media], *, says_so: bool = True) -> None:
        super().__init__()
        self.media = media
        if says_so:
            self.find_refusal = self.tell

    def tell(self, item: Item) -> str | None:
        return None if find_media(item) in self.media else "not my medium"

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        for item in items:
            if self.tell(item):
                raise KeyError("pixel_values")
        return super().embed(items)


MEDIA = [
    (["text"], "text only"),
    (["image"], "images only"),
    (["image+text"], "an image with a text only"),
    (["text", "image"], "a text or an image, not both at once"),
    (["text", "image+text"], "no image without a text"),
    (["image", "image+text"], "no text without an image"),
]


@pytest.mark.parametrize(("media", "words"), MEDIA)
def test_an_embedder_of_some_media_passes_with_a_line_that_says_which(media: list[Media], words: str) -> None:
    said, *_ = _lines(Takes(media))
    assert said.startswith(f"note: it takes {words}; tasks with other items are refused: the item (")
    assert said.endswith("not my medium.")
    tried, *others = _lines(Takes(media, says_so=False))
    assert tried.startswith(f"warning: it takes {words}; tasks with other items are refused: the item (")
    assert "embed raised KeyError: 'pixel_values'" in tried
    assert others == [NO_PROMPTS] * ("image+text" in media)


def test_faults_of_an_embedder_of_one_medium_are_found() -> None:
    class OneText(Takes):
        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            return super().embed([replace(item, text=item.text[-5:]) for item in items])

    (line,) = [line for line in _lines(OneText(["text"])) if not line.startswith("note")]
    assert line == "warning: the instruction beside a text is ignored: two different ones have the same vector."

    class Long(Takes):
        def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
            if len(items[0].text) > 20:
                raise ValueError("too long")
            return super().embed(items)

    assert "error: the item (text 'a blue disc on the grass" in _lines(Long(["text"]))[0]
    assert _lines(Takes([]))[0].startswith("error: the item (text 'a red square'): not my medium")


@pytest.mark.parametrize("wrong", [True, "no images", lambda item: False])
def test_a_find_refusal_that_is_no_method_of_texts_is_named(wrong: Any) -> None:
    embedder = Sound()
    embedder.find_refusal = wrong  # type: ignore[attr-defined]
    assert "make it a method find_refusal(item) that returns a text or None" in _lines(embedder)[0]


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [
        (
            "settings",
            {"weights": Path("w.pt")},
            r"settings\['weights'\] holds .*w.pt.* of type pathlib.PosixPath, which",
        ),
        (
            "settings",
            {"dims": np.int64(3)},
            r"settings\['dims'\] holds .*3.* of type numpy.int64, which is no JSON value",
        ),
        ("settings", {"rate": float("nan")}, r"settings\['rate'\] holds nan of type float, which is no JSON value"),
        ("settings", {"tags": {"a"}}, r"settings\['tags'\] holds {'a'} of type set, which is no JSON value"),
        ("settings", {3: "x"}, r"the key 3 of settings is no text"),
        ("settings", [("a", 1)], r"settings is list; set a dict of JSON values"),
        ("prompts", "box", r"prompts is the text 'box'; set a tuple such as \('box',\)"),
        ("counts", {"cut": 1}, r"counts is dict; make it a method counts\(items\)"),
        (
            "counts",
            lambda items: {"cut": 0.5},
            r"counts returned {'cut': 0.5}; return a dict of names to whole numbers",
        ),
        ("counts", lambda items: None, r"counts returned None; return a dict of names to whole numbers"),
        ("counts", lambda items: items[99], r"counts raised IndexError: list index out of range"),
    ],
)
def test_attributes_that_cannot_be_used_are_named(attribute: str, value: Any, expected: str) -> None:
    embedder = Sound()
    setattr(embedder, attribute, value)
    (line,) = [line for line in _lines(embedder) if line.startswith("error: ")]
    assert re.search(expected, line), line


def test_the_tiny_reference_model_keeps_the_contract() -> None:
    pytest.importorskip("virtue_ref.embedder", reason="the reference model needs torch")
    assert check(load_model("virtue", config="tiny")) == []


class Looks(Sound):
    """Sees the pixels, as Pillow opens them or as they are displayed."""

    def __init__(self, open_image: Callable[[Path], Any]) -> None:
        super().__init__()
        self.open_image = open_image

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        def describe(item: Item) -> str:
            image = self.open_image(item.image) if isinstance(item.image, Path) else None
            return f"{item.text} {item.prompt} {image and (image.size, hash(image.tobytes()))}"

        return super().embed([Item(text=describe(item)) for item in items])


def test_an_embedder_that_ignores_exif_is_warned() -> None:
    (finding,) = check(Looks(lambda path: Image.open(path).convert("RGB")))
    assert (finding.level, finding.text.partition(":")[0]) == (
        "warning",
        "an image that EXIF turns has the vector of its pixels as they are stored, but boxes are in pixels of the "
        "displayed image",
    )
    assert check(Looks(open_rgb)) == []
