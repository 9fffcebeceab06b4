"""How texts are put together: the few ways MMEB joins instruction and text, and what a model's layout makes of them.

The joins reproduce the official evaluators (TIGER-AI-Lab/VLM2Vec v2.1.0, sony/virtue 36d8a8b) character by character,
odd spaces included, because published weights were trained on such strings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mmeb_eval.data.tasks import Task
from scar.errors import UnknownName
from scar.sample import Box

DATA_IMAGE_TOKEN = "<|image_1|>"
"""Where the published data say that an image goes."""


def token_first(instruction: str, text: str, image: str) -> str:
    """The image's token, the instruction and, if there is one, the text, with spaces between.

    >>> token_first("Say what:", "a dog", "<image>")
    '<image> Say what: a dog'
    """
    return f"{image} {instruction}" + (f" {text}" if text else "")


def without_token(instruction: str, text: str, image: str) -> str:
    """Instruction and text without a token, for models whose own code adds it; a space stands between in any case.

    >>> bare("Say what:", "", "")
    'Say what: '
    """
    return f"{instruction} {text}"


def text_only(instruction: str, text: str, image: str) -> str:
    """The text; the official code drops the instruction for video models that were trained without any.

    >>> text_alone("Say what:", "a dog", "")
    'a dog'
    """
    return text


def e5v_chat(instruction: str, text: str, image: str) -> str:
    r"""The chat that E5-V was trained on; the official code drops the instruction here too.

    >>> one_word("Say what:", "a dog", "<image>").split("<|end_header_id|>")[1]
    '\n\n<image>\na dog\nSummary above image and text in one word: <|eot_id|><|start_header_id|>assistant'
    """
    asked = f"{image}\n{text}\nSummary above image and text in one word: "
    user, assistant = (f"<|start_header_id|>{role}<|end_header_id|>\n\n" for role in ("user", "assistant"))
    return f"{user}{asked}<|eot_id|>{assistant} \n"


@dataclass(frozen=True, slots=True)
class Layout:
    """What one kind of model wants its texts to look like.

    Attributes:
        image_token: the model's own image token as it stands in texts; empty if there is none.
        exact: whether texts stay exactly as the official code makes them: outer white space, the box in the text even
            for a model that is shown the box, and coordinates in full precision. Otherwise outer white space goes and
            boxes are in whole pixels, which short contexts such as CLIP's 77 tokens have room for.
        combine: (instruction, text, image token) -> what goes with an image.
    """

    image_token: str
    exact: bool
    combine: Callable[[str, str, str], str] = token_first


LAYOUTS: Mapping[str, Layout] = {
    "plain": Layout(image_token="", exact=False),
    "qwen2_vl": Layout(image_token="<|image_pad|>", exact=True),
    "phi3_v": Layout(image_token="<|image_1|>", exact=True),
    "llava_next": Layout(image_token="<image>", exact=True),
    "colpali": Layout(image_token="", exact=True),
    "gme": Layout(image_token="", exact=True, combine=without_token),
    "lamra": Layout(image_token="", exact=True, combine=without_token),
    "internvideo2": Layout(image_token="", exact=True, combine=text_only),
    "e5_v": Layout(image_token="<image>", exact=True, combine=e5v_chat),
}
"""The values of an embedder's ``layout``: ``plain``, and the backbones of the official evaluators by their names there.

`qwen2_vl` serves Qwen2.5-VL and its like too. A model that the official code does not know takes the row with its own
token, such as `llava_next` for InternVL, and adds what its chat template has around the text in `embed`.
"""


def get_layout(name: str) -> Layout:
    """The layout of that name.

    Raises:
        UnknownName: there is none.
    """
    try:
        return LAYOUTS[name]
    except KeyError:
        raise UnknownName("layout", name, LAYOUTS, f"an embedder's layout is one of {', '.join(LAYOUTS)}.") from None


def join_with_space(instruction: str, text: str, layout: Layout) -> str:
    r"""Classification, image to text: image, instruction and, if there is one, text.

    >>> space("<|image_1|>\nIdentify the scene:", "at night", LAYOUTS["qwen2_vl"])
    '<|image_pad|>\nIdentify the scene: at night'
    """
    return _strip_before_newline(layout.combine(instruction.replace(DATA_IMAGE_TOKEN, ""), text, layout.image_token))


def join_on_new_line(instruction: str, text: str, layout: Layout) -> str:
    r"""Questions, composed retrieval and grounding: as `join_with_space`, the bare instruction on a line of its own.

    >>> newline(" <|image_1|> Answer: ", "Why?", LAYOUTS["qwen2_vl"])
    '<|image_pad|>\nAnswer: Why?'
    """
    return join_with_space("\n" + instruction.replace(DATA_IMAGE_TOKEN, "").strip(), text, layout)


def join_without_image(instruction: str, text: str, layout: Layout) -> str:
    """Queries without an image; a stray image token in the instruction becomes the model's, as in the official code.

    >>> text("Find:", "", LAYOUTS["qwen2_vl"])
    'Find: '
    """
    return f"{instruction.replace(DATA_IMAGE_TOKEN, layout.image_token)} {text}"


def join_region(instruction: str, text: str, layout: Layout) -> str:
    r"""SCaR, where instruction and text are one string: as `join_with_space`, without the data's token.

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
"""The values of a task's ``join``: (instruction, text, layout) -> query text without its end."""


def make_query_text(task: Task, layout: Layout, instruction: str, text: str, box: Box | None = None) -> str:
    """The text of a query.

    Args:
        task: says how instruction and text are joined.
        layout: of the model.
        instruction: as in the data, with `DATA_IMAGE_TOKEN` where an image goes.
        text: as in the data.
        box: the region, if the text is to tell it.
    """
    whole = JOINS[task.join](instruction, text, layout) + task.query_end
    if box is not None:
        corners = [box.x0, box.y0, box.x1, box.y1]
        whole += format_region(corners if layout.exact else [round(corner) for corner in corners])
    return whole if layout.exact else whole.strip()


def format_region(corners: Sequence[float]) -> str:
    """The sentence that names a region in a query's text.

    >>> format_region([1, 2, 4, 4])
    'Referring object bbox: [1, 2, 4, 4]'
    """
    return f"Referring object bbox: {list(corners)}"


def make_candidate_text(task: Task, layout: Layout, instruction: str, text: str | None) -> str:
    """The text of a candidate; `text` None stands for an image without words."""
    if task.candidates == "text":
        return text or ""
    said = instruction.replace(DATA_IMAGE_TOKEN, "") + ("" if text is None else f" {text}")
    whole = _strip_before_newline(layout.combine(said, "", layout.image_token)) + (
        task.bare_end if text is None else "\n"
    )
    return whole if layout.exact else whole.strip()


def make_joined_text(layout: Layout, text: str) -> str:
    r"""A text that stands in the data as the model is to have it, of a query or a candidate, but for the image's token.

    >>> joined_text(LAYOUTS["qwen2_vl"], "<|image_1|>\nIdentify the scene: ")
    '<|image_pad|>\nIdentify the scene: '
    """
    whole = text.replace(DATA_IMAGE_TOKEN, layout.image_token)
    return whole if layout.exact else whole.strip()


def _strip_before_newline(text: str) -> str:
    """One space in front of each newline goes, ordinary spaces only, once."""
    return text.replace(" \n", "\n")
