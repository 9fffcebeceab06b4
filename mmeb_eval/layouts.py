"""How texts are put together: the few ways MMEB joins instruction and text, and what a model's layout makes of them.

The joins reproduce the official evaluators (TIGER-AI-Lab/VLM2Vec v2.1.0, sony/virtue 36d8a8b) character by character,
odd spaces included, because published weights were trained on such strings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mmeb_eval.errors import UnknownName
from mmeb_eval.tasks import Task
from scar.sample import Box

DATA_TOKEN = "<|image_1|>"  # noqa: S105 - a token of text
"""Where the published data say that an image goes."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What one kind of model wants its texts to look like.

    Attributes:
        image: the model's own image token; empty if it has none.
        exact: whether texts stay exactly as the official code makes them: outer white space, the box in the text even
            for a model that is shown the box, and coordinates in full precision. Otherwise outer white space goes and
            boxes are in whole pixels, which short contexts such as CLIP's 77 tokens have room for.
    """

    image: str
    exact: bool


LAYOUTS: Mapping[str, Layout] = {
    "plain": Layout(image="", exact=False),
    "qwen2_vl": Layout(image="<|image_pad|>", exact=True),
}
"""The values of an embedder's ``layout``."""


def get_layout(name: str) -> Layout:
    """The layout of that name.

    Raises:
        UnknownName: there is none.
    """
    try:
        return LAYOUTS[name]
    except KeyError:
        raise UnknownName("layout", name, LAYOUTS, f"an embedder's layout is one of {', '.join(LAYOUTS)}.") from None


def space(instruction: str, text: str, image: str) -> str:
    r"""Classification, image to text: image, instruction and, if there is one, text.

    >>> space("<|image_1|>\nIdentify the scene:", "at night", "<|image_pad|>")
    '<|image_pad|>\nIdentify the scene: at night'
    """
    return _squeeze(f"{image} {instruction.replace(DATA_TOKEN, '')}" + (f" {text}" if text else ""))


def newline(instruction: str, text: str, image: str) -> str:
    r"""Questions, composed retrieval and grounding: as `space`, the bare instruction on a line of its own.

    >>> newline(" <|image_1|> Answer: ", "Why?", "<|image_pad|>")
    '<|image_pad|>\nAnswer: Why?'
    """
    return space("\n" + instruction.replace(DATA_TOKEN, "").strip(), text, image)


def text(instruction: str, text: str, image: str) -> str:
    """Queries without an image; a stray image token in the instruction becomes the model's, as in the official code.

    >>> text("Find:", "", "<|image_pad|>")
    'Find: '
    """
    return f"{instruction.replace(DATA_TOKEN, image)} {text}"


def region(instruction: str, text: str, image: str) -> str:
    r"""SCaR, where instruction and text are one string: as `space`, with the data's token taken out of the text.

    >>> region("", "<|image_1|>\nFind the caption.", "<|image_pad|>")
    '<|image_pad|> \nFind the caption.'
    """
    return space(instruction, text.replace(DATA_TOKEN, ""), image)


JOINS: Mapping[str, Callable[[str, str, str], str]] = {
    "space": space,
    "newline": newline,
    "text": text,
    "region": region,
}
"""The values of a task's ``join``: (instruction, text, image token) -> query text without its end."""


def query_text(task: Task, layout: Layout, instruction: str, text: str, box: Box | None = None) -> str:
    """The text of a query.

    Args:
        task: says how instruction and text are joined.
        layout: of the model.
        instruction: as in the data, with `DATA_TOKEN` where an image goes.
        text: as in the data.
        box: the region, if the text is to tell it.
    """
    whole = JOINS[task.join](instruction, text, layout.image) + task.query_end
    if box is not None:
        corners = [box.x0, box.y0, box.x1, box.y1]
        whole += f"Referring object bbox: {corners if layout.exact else [round(corner) for corner in corners]}"
    return whole if layout.exact else whole.strip()


def candidate_text(task: Task, layout: Layout, instruction: str, text: str | None) -> str:
    """The text of a candidate; `text` None stands for an image without words."""
    if task.candidates == "text":
        return text or ""
    whole = f"{layout.image} {instruction.replace(DATA_TOKEN, '')}"
    whole = _squeeze(whole) + task.bare_end if text is None else _squeeze(f"{whole} {text}") + "\n"
    return whole if layout.exact else whole.strip()


def _squeeze(text: str) -> str:
    """One space in front of each newline goes, ordinary spaces only, once."""
    return text.replace(" \n", "\n")
