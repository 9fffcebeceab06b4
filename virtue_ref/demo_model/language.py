"""What the small language model and the connector are taught: to say what is in a box and what is around it.

Questions are those of SCaR, with a box or a click, with the box in words alone, or with neither. The answer is asked of
the last token, whose state is the embedding: place, colour, shape, position and what the thing is in which direction
of; and of each image token: does it show the thing, or what it is left, right, above or below of. Captions are read
with the same heads, so that questions and captions come to mean the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from mmeb_eval.templates.fused import format_region
from scar.demo.places import SCENES
from scar.demo.shapes import COLOURS, SHAPES
from scar.evidence.geometry import POSITIONS, positions
from scar.formats.schema import INSTRUCTION
from scar.sample import Box, Caption, Picture
from virtue_ref.demo_model.parts import Say
from virtue_ref.demo_model.views import DIRECTIONS, View, rate_at
from virtue_ref.inference.batching import Batch
from virtue_ref.model.prompts import Clicks, grid
from virtue_ref.model.tokens import IMAGE
from virtue_ref.model.virtue import Seen, Virtue

PLACES, TONES, FORMS = [scene.label for scene in SCENES], list(COLOURS), list(SHAPES)
WHERE = [position for position in POSITIONS if position != "filling most of"]
THINGS = len(TONES) * len(FORMS)
SPLIT = (len(PLACES), len(TONES), len(FORMS), len(WHERE), len(DIRECTIONS) * THINGS, THINGS)
SCALE = 11.3
"""Heads read embeddings of norm 1 as if their numbers were of about that size: the root of their count."""


@dataclass(frozen=True, slots=True)
class Question:
    """A thing in a view, and how one asks for it."""

    view: int
    thing: int
    way: str


def ask(box: Box | None) -> str:
    """A query's text, as SCaR's evaluation has it."""
    text = INSTRUCTION.replace("<|image_1|>", f"{IMAGE} ") + "\n"
    return text if box is None else text + format_region([box.x0, box.y0, box.x1, box.y1])


class Speaking(nn.Module):
    """Language model and connector with heads; the encoders are frozen."""

    def __init__(self, model: Virtue, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.model, self.tokenizer = model, tokenizer
        self.head = nn.Linear(model.hidden, sum(SPLIT))
        self.near = nn.Linear(model.hidden, 5)
        self.states = torch.empty(0)
        for name, weight in model.named_parameters():
            weight.requires_grad_(not name.startswith(("backbone.visual.", "segmenter.")))
        model.backbone.language_model.register_forward_hook(self._keep)

    def _keep(self, _: object, __: object, out: object) -> None:
        self.states = out.last_hidden_state  # type: ignore[attr-defined]

    def read(self, texts: Sequence[str]) -> Tensor:
        """(B, hidden) of captions."""
        rows = [self.tokenizer.encode(text).ids for text in texts]
        return self._run(rows, [0] * len(rows), [None] * len(rows), [None] * len(rows), [])

    def look(self, views: Sequence[View], seen: Sequence[Seen], asked: Sequence[Question], rng: Random) -> Tensor:
        """(B, hidden) of questions; view i of a question has been seen as `seen[i]`."""
        config = self.model.config.segmenter
        if config is None:
            raise ValueError("the miniature has a segmenter.")
        rows, counts, clicks, shown = [], [], [], []
        for question in asked:
            view = views[question.view]
            box = None if question.way in ("click", "nothing") else view.boxes[question.thing]
            ids = self.tokenizer.encode(ask(box)).ids
            start, cells = ids.index(self._image), view.grid[0] * view.grid[1]
            rows.append([*ids[:start], *[self._image] * cells, *ids[start + 1 :]])
            shown.append(seen[question.view])
            counts.append(0 if question.way == "words" else config.tokens)
            clicks.append(self._prompt(view, question, config.size, config.points_per_side, rng))
        return self._run(rows, counts, list(range(len(rows))), clicks, shown)

    def loss(
        self,
        views: Sequence[View],
        seen: Sequence[Seen],
        asked: Sequence[Question],
        read: Sequence[Caption],
        rng: Random,
    ) -> tuple[Tensor, float]:
        """The loss, and the share of boxed things whose shape is right."""
        said = self.head(self.look(views, seen, asked, rng)).split(SPLIT, dim=1)
        states = self.states
        own = [views[question.view] for question in asked]
        things = [question.thing for question in asked]
        told = torch.tensor([question.way != "nothing" for question in asked])
        pointed = torch.tensor([question.way in ("box", "click") for question in asked])
        scene = torch.tensor([view.scene for view in own])
        colour = torch.stack([view.colour[thing] for view, thing in zip(own, things, strict=True)])
        shape = torch.stack([view.shape[thing] for view, thing in zip(own, things, strict=True)])
        where = torch.tensor([_positions(view, thing) for view, thing in zip(own, things, strict=True)])
        related = torch.stack([view.related(thing) for view, thing in zip(own, things, strict=True)])
        present = torch.zeros(len(own), THINGS)
        for row, view in enumerate(own):
            present[row, view.colour * len(FORMS) + view.shape] = 1
        total = (
            functional.cross_entropy(said[0], scene)
            + functional.cross_entropy(said[1][told], colour[told])
            + functional.cross_entropy(said[2][told], shape[told])
            + functional.binary_cross_entropy_with_logits(said[3][told], where[told])
            + functional.binary_cross_entropy_with_logits(said[4][told], related[told], reduction="sum")
            / told.sum()
            / 4
            + 0.05 * functional.binary_cross_entropy_with_logits(said[5], present, reduction="sum") / len(own)
            + 2 * self._around(states, own, asked)
            + 0.5 * self._read(read)
        )
        right = (said[2].argmax(dim=1) == shape)[pointed].float().mean()
        return total, float(right)

    def _around(self, states: Tensor, views: Sequence[View], asked: Sequence[Question]) -> Tensor:
        """Loss over image tokens of the questions with segment tokens."""
        start = self.tokenizer.encode(ask(None)).ids.index(self._image) + self.model.config.segmenter.tokens  # type: ignore[union-attr]
        tokens, labels, asks = [], [], []
        for row, (view, question) in enumerate(zip(views, asked, strict=True)):
            if question.way in ("box", "click"):
                tokens.append(states[row, start : start + view.grid[0] * view.grid[1]])
                label, ask_it = view.near(question.thing)
                labels.append(label)
                asks.append(ask_it)
        if not tokens:
            return states.sum() * 0
        wanted = torch.cat(asks)
        return (
            functional.binary_cross_entropy_with_logits(
                self.near(torch.cat(tokens))[wanted], torch.cat(labels)[wanted], reduction="sum"
            )
            / wanted.sum()
        )

    def _read(self, captions: Sequence[Caption]) -> Tensor:
        said = self.head(self.read([caption.text for caption in captions]))
        place, tone, form, fact, _ = said.split([*SPLIT[:3], SPLIT[3] + SPLIT[4], SPLIT[5]], dim=1)
        labels = torch.tensor([_labels(caption) for caption in captions])
        pairs = zip((place, tone, form, fact), labels.T, strict=True)
        return torch.stack(
            [
                functional.cross_entropy(logits, each, ignore_index=-1) if (each >= 0).any() else logits.sum() * 0
                for logits, each in pairs
            ]
        ).sum()

    @property
    def _image(self) -> int:
        return int(self.model.config.backbone["image_token_id"])

    def _prompt(self, view: View, question: Question, side: int, points: int, rng: Random) -> Clicks | None:
        if question.way == "words":
            return None
        return grid(side, points) if question.way == "nothing" else view.click(question.thing, side, rng)

    def _run(
        self,
        rows: Sequence[Sequence[int]],
        counts: Sequence[int],
        image_of: Sequence[int | None],
        clicks: Sequence[Clicks | None],
        seen: Sequence[Seen],
    ) -> Tensor:
        ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.int64)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = torch.tensor(row)
        lengths = torch.tensor([len(row) for row in rows])
        starts = torch.tensor(counts)
        total = int((starts + lengths).max())
        batch = Batch(
            ids=ids,
            lengths=lengths,
            positions=torch.arange(total).expand(len(rows), -1),
            last=starts + lengths - 1,
            image_of=tuple(image_of),
            clicks=tuple(clicks),
            pools=(None,) * len(rows),
        )
        vectors: Tensor = self.model(batch, seen)
        return SCALE * vectors


def teach(
    part: Speaking,
    views: Sequence[View],
    seen: Sequence[Seen],
    captions: Sequence[Caption],
    steps: int,
    batch: int,
    rate: float,
    seed: int,
    say: Say,
) -> None:
    """Train language model, connector and heads on what the frozen encoders have seen of the views."""
    rng = Random(seed)  # noqa: S311 - a draw, not a secret
    learning = [weight for weight in part.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=rate, weight_decay=0.01, betas=(0.9, 0.98))
    every = [(number, thing) for number, view in enumerate(views) for thing in range(len(view.colour))]
    order: list[int] = []
    for step in range(steps):
        if len(order) < batch:
            order = rng.sample(range(len(every)), len(every))
        chosen, order = order[:batch], order[batch:]
        ways = rng.choices(("box", "click", "words", "nothing"), weights=(75, 10, 10, 5), k=len(chosen))
        asked = [Question(*every[index], way) for index, way in zip(chosen, ways, strict=True)]
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, steps, rate)
        loss, right = part.loss(views, seen, asked, rng.sample(captions, min(2 * batch, len(captions))), rng)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(learning, 1.0)
        optimiser.step()
        if (step + 1) % 50 == 0 or step + 1 == steps:
            say(step + 1, steps, f"speaking: loss {loss.item():.3f}, shape of the boxed thing right {right:.3f}")


def _positions(view: View, thing: int) -> list[float]:
    picture = Picture(0, "", view.size[0], view.size[1], ())
    held = positions(view.boxes[thing], picture)
    return [float(position in held) for position in WHERE]


def _labels(caption: Caption) -> list[int]:
    """Place, colour, shape and fact that a caption tells, as numbers; -1 where it is none of the world's."""
    words = caption.scene.split(" ", 1)
    scene = words[1] if words[0] in ("a", "an", "the") else caption.scene
    colour, shape = _named(caption.object)
    fact = -1
    for number, position in enumerate(WHERE):
        if caption.relation.startswith(f"{position} "):
            fact = number
    for number, direction in enumerate(DIRECTIONS):
        if caption.relation.startswith(f"{direction} "):
            tone, form = _named(caption.relation.removeprefix(f"{direction} ").rsplit(" ", 1)[0])
            if min(tone, form) >= 0:
                fact = len(WHERE) + number * THINGS + tone * len(FORMS) + form
    return [PLACES.index(scene) if scene in PLACES else -1, colour, shape, fact]


def _named(phrase: str) -> tuple[int, int]:
    words = phrase.split()
    colour = TONES.index(words[1]) if len(words) > 1 and words[1] in TONES else -1
    return colour, FORMS.index(words[-1]) if words[-1] in FORMS else -1
