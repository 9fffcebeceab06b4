"""Texts of items: how MMEB joins an instruction and a text into one string, and which image token a model wants in it.

The joins reproduce the official evaluators (TIGER-AI-Lab/VLM2Vec v2.1.0, sony/virtue 36d8a8b) character by character,
odd spaces included, because published weights were trained on such strings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scar.errors import UnknownName
from scar.sample import Box

DATA_IMAGE_TOKEN = "<|image_1|>"
"""The image token in the texts of the published data; each model's own token replaces it."""

REGION_WORDS = "Referring object bbox: "
"""What stands before the numbers of a region in a query's text."""


def token_first(instruction: str, text: str, image: str) -> str:
    """Image token, instruction and text, joined by spaces; an empty text adds neither a space nor a text.

    >>> token_first("Say what:", "a dog", "<image>")
    '<image> Say what: a dog'
    """
    return f"{image} {instruction}" + (f" {text}" if text else "")


def without_token(instruction: str, text: str, image: str) -> str:
    """Instruction, a space and text, for models whose own code adds the image token; ``image`` is ignored.

    >>> without_token("Say what:", "", "")
    'Say what: '
    """
    return f"{instruction} {text}"


def text_only(instruction: str, text: str, image: str) -> str:
    """The text alone: the official code drops instruction and image token for video models trained without them.

    >>> text_only("Say what:", "a dog", "")
    'a dog'
    """
    return text


def e5v_chat(instruction: str, text: str, image: str) -> str:
    r"""The chat that E5-V was trained on; the official code drops the instruction here too.

    >>> e5v_chat("Say what:", "a dog", "<image>").split("<|end_header_id|>")[1]
    '\n\n<image>\na dog\nSummary above image and text in one word: <|eot_id|><|start_header_id|>assistant'
    """
    question = f"{image}\n{text}\nSummary above image and text in one word: "
    user, assistant = (f"<|start_header_id|>{role}<|end_header_id|>\n\n" for role in ("user", "assistant"))
    return f"{user}{question}<|eot_id|>{assistant} \n"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a kind of model wants its texts.

    Attributes:
        image_token: the model's own image token, which replaces the data's; empty if it wants none in its texts.
        exact: True keeps texts exactly as the official code makes them: with outer white space, with coordinates in
            full precision, and with the box in the text even if the model also gets it as a prompt. False strips outer
            white space and rounds boxes to whole pixels, to fit short contexts such as CLIP's 77 tokens.
        combine: function from (instruction, text, image token) to the text of an item with an image.
        apart: whether items hold the instruction and their side beside the text, see `mmeb_eval.templates.apart`;
            ``combine`` then plays no part.
    """

    image_token: str
    exact: bool
    combine: Callable[[str, str, str], str] = token_first
    apart: bool = False


LAYOUTS: Mapping[str, Layout] = {
    "plain": Layout(image_token="", exact=False),
    "apart": Layout(image_token="", exact=True, apart=True),
    "qwen2_vl": Layout(image_token="<|image_pad|>", exact=True),
    "phi3_v": Layout(image_token="<|image_1|>", exact=True),
    "llava_next": Layout(image_token="<image>", exact=True),
    "colpali": Layout(image_token="", exact=True),
    "gme": Layout(image_token="", exact=True, combine=without_token),
    "lamra": Layout(image_token="", exact=True, combine=without_token),
    "internvideo2": Layout(image_token="", exact=True, combine=text_only),
    "e5_v": Layout(image_token="<image>", exact=True, combine=e5v_chat),
}
"""Layouts by name, the values of an embedder's ``layout``: ``plain``; ``apart``, which today's models want; and the
official evaluators' names of backbones.

`qwen2_vl` also serves Qwen2.5-VL and its relatives. A model that the official code does not know takes the layout with
its image token, such as `llava_next` for InternVL; its `embed` adds what its chat template puts around the text.
"""


def get_layout(name: str) -> Layout:
    """The layout of that name.

    Raises:
        UnknownName: there is no such layout.
    """
    try:
        return LAYOUTS[name]
    except KeyError:
        raise UnknownName("layout", name, LAYOUTS, f"an embedder's layout is one of {', '.join(LAYOUTS)}.") from None


def join_with_space(instruction: str, text: str, layout: Layout) -> str:
    r"""Text of a classification or image-to-text query: image token, instruction and, if there is one, text.

    >>> join_with_space("<|image_1|>\nIdentify the scene:", "at night", LAYOUTS["qwen2_vl"])
    '<|image_pad|>\nIdentify the scene: at night'
    """
    return _strip_before_newline(layout.combine(instruction.replace(DATA_IMAGE_TOKEN, ""), text, layout.image_token))


def join_on_new_line(instruction: str, text: str, layout: Layout) -> str:
    r"""Text of a VQA, composed-retrieval or grounding query: as `join_with_space`, with the instruction on a new line.

    White space around the instruction is removed.

    >>> join_on_new_line(" <|image_1|> Answer: ", "Why?", LAYOUTS["qwen2_vl"])
    '<|image_pad|>\nAnswer: Why?'
    """
    return join_with_space("\n" + instruction.replace(DATA_IMAGE_TOKEN, "").strip(), text, layout)


def join_without_image(instruction: str, text: str, layout: Layout) -> str:
    """Text of a query without an image: instruction, a space and text, whatever the layout's ``combine``.

    Like the official code, it replaces an image token in the instruction, which does not belong there, by the model's.

    >>> join_without_image("Find:", "", LAYOUTS["qwen2_vl"])
    'Find: '
    """
    return f"{instruction.replace(DATA_IMAGE_TOKEN, layout.image_token)} {text}"


def join_region(instruction: str, text: str, layout: Layout) -> str:
    r"""Text of a SCaR query: as `join_with_space`, but the data's image token is in ``text`` and is removed there.

    >>> join_region("", "<|image_1|>\nFind the caption.", LAYOUTS["qwen2_vl"])
    '<|image_pad|> \nFind the caption.'
    """
    return join_with_space(instruction, text.replace(DATA_IMAGE_TOKEN, ""), layout)


JOINS: Mapping[str, Callable[[str, str, Layout], str]] = {
    "space": join_with_space,
    "newline": join_on_new_line,
    "text": join_without_image,
    "region": join_region,
}
"""Value of a task's ``join`` -> function from (instruction, text, layout) to the query's text without its end."""


def make_query_text(
    layout: Layout, join: str, instruction: str, text: str, *, end: str = "\n", box: Box | None = None
) -> str:
    """The text of a query: instruction and text, joined; then ``end``; then the sentence that names the box, if any.

    Args:
        layout: layout of the model; one that is not exact strips outer white space and rounds the box.
        join: a key of `JOINS`.
        instruction: the instruction in the data, with `DATA_IMAGE_TOKEN` where the image belongs.
        text: the text in the data.
        end: what the official code appends to the query.
        box: the region that the text shall name, in pixels of the displayed image; None if it shall name none.
    """
    whole = JOINS[join](instruction, text, layout) + end
    if box is not None:
        corners = [box.x0, box.y0, box.x1, box.y1]
        whole += format_region(corners if layout.exact else [round(corner) for corner in corners])
    return whole if layout.exact else whole.strip()


def format_region(corners: Sequence[float]) -> str:
    """The sentence that names a region in a query's text; ``corners`` are x0, y0, x1, y1.

    >>> format_region([1, 2, 4, 4])
    'Referring object bbox: [1, 2, 4, 4]'
    """
    return f"{REGION_WORDS}{list(corners)}"


def make_candidate_text(layout: Layout, instruction: str, text: str | None, *, bare_end: str = "") -> str:
    """The text of a candidate that has an image: image token, instruction, text and a newline.

    Args:
        layout: layout of the model; one that is not exact strips outer white space.
        instruction: the instruction in the data.
        text: the candidate's text in the data; None for an image without a text.
        bare_end: what stands instead of the newline where there is no text.
    """
    words = instruction.replace(DATA_IMAGE_TOKEN, "") + ("" if text is None else f" {text}")
    end = bare_end if text is None else "\n"
    whole = _strip_before_newline(layout.combine(words, "", layout.image_token)) + end
    return whole if layout.exact else whole.strip()


def fill_image_token(layout: Layout, text: str) -> str:
    r"""A text that the data have joined already, with the data's image token replaced by the model's.

    A layout that is not exact strips outer white space.

    >>> fill_image_token(LAYOUTS["qwen2_vl"], "<|image_1|>\nIdentify the scene: ")
    '<|image_pad|>\nIdentify the scene: '
    """
    whole = text.replace(DATA_IMAGE_TOKEN, layout.image_token)
    return whole if layout.exact else whole.strip()


def _strip_before_newline(text: str) -> str:
    """Remove one ordinary space in front of each newline, as the official code does."""
    return text.replace(" \n", "\n")
