"""Pretrain the small language model and the connector to describe a thing in a picture and its surroundings.

A question is about one thing. It shows the thing by a prompt, by its box written in the text, by both, or not at all.
Heads on the last token, whose state is the embedding, predict scene, colour, shape, position and relations to other
things. A head on each image token predicts whether the token shows the thing or a neighbour of it. The heads on the
last token also read captions, so that questions and captions are embedded in a common space.
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
from scar.demo.scenes import SCENES
from scar.demo.shapes import COLOURS, SHAPES
from scar.evidence.geometry import find_positions
from scar.formats.schema import INSTRUCTION
from scar.language.relation_phrase import POSITIONS
from scar.sample import Box, Caption, Picture
from virtue_ref.demo_model.steps import Progress, Schedule, train_steps
from virtue_ref.demo_model.views import DIRECTIONS, View
from virtue_ref.model.backbones.backbone import ImageFeatures
from virtue_ref.model.batch import ItemBatch
from virtue_ref.model.prompts import PointPrompt, make_grid_prompt
from virtue_ref.model.tokens import IMAGE_TOKEN
from virtue_ref.model.virtue import Virtue

SCENE_LABELS, COLOUR_NAMES, SHAPE_NAMES = [scene.label for scene in SCENES], list(COLOURS), list(SHAPES)
POSITION_NAMES = [position for position in POSITIONS if position != "filling most of"]
THING_KINDS = len(COLOUR_NAMES) * len(SHAPE_NAMES)
HEAD_SIZES = (
    len(SCENE_LABELS),
    len(COLOUR_NAMES),
    len(SHAPE_NAMES),
    len(POSITION_NAMES),
    len(DIRECTIONS) * THING_KINDS,
    THING_KINDS,
)
EMBEDDING_SCALE = 11.3
"""Factor on embeddings of norm 1 before the heads, about the square root of the dimension: values get near 1."""

PROMPT_KINDS = {"prompt and text": 75, "prompt": 10, "text": 10, "nothing": 5}
"""How a question says which thing it means, see `RegionQuestion` -> share of the questions in percent."""


@dataclass(frozen=True, slots=True)
class RegionQuestion:
    """A question about a thing in a drawn picture.

    Attributes:
        view: index of the picture in the list of views.
        thing: index of the thing in the picture.
        prompt_kind: how the question shows the thing, a key of `PROMPT_KINDS`. "prompt": by a prompt from
            `View.draw_prompt`; "text": by its box in the text, without segment tokens; "prompt and text": by both;
            "nothing": by neither, and the prompt is the grid of points.
    """

    view: int
    thing: int
    prompt_kind: str


def write_query(box: Box | None) -> str:
    """Write the text of a query as in the evaluation on SCaR.

    Args:
        box: box in pixels of the picture, which is put into the text; None for none.
    """
    text = INSTRUCTION.replace("<|image_1|>", f"{IMAGE_TOKEN} ") + "\n"
    return text if box is None else text + format_region([box.x0, box.y0, box.x1, box.y1])


class LanguagePretraining(nn.Module):
    """Language model and connector with prediction heads.

    Args:
        model: the model, which is trained in place; its vision encoder and segmenter are frozen.
        tokenizer: tokenizer of the model.
    """

    def __init__(self, model: Virtue, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.model, self.tokenizer = model, tokenizer
        self.head = nn.Linear(model.hidden, sum(HEAD_SIZES))
        self.neighbour_head = nn.Linear(model.hidden, 5)
        self.states = torch.empty(0)
        for name, weight in model.named_parameters():
            weight.requires_grad_(not name.startswith(("backbone.visual.", "segmenter.")))
        model.backbone.language_model.register_forward_hook(self._keep_states)

    def _keep_states(self, _: object, __: object, out: object) -> None:
        self.states = out.last_hidden_state  # type: ignore[attr-defined]

    def embed_captions(self, texts: Sequence[str]) -> Tensor:
        """Embed B captions without an image; returns (B, hidden) of norm `EMBEDDING_SCALE`."""
        rows = [self.tokenizer.encode(text).ids for text in texts]
        return self._embed_rows(rows, [0] * len(rows), [None] * len(rows), [None] * len(rows), [])

    def embed_questions(
        self, views: Sequence[View], features: Sequence[ImageFeatures], questions: Sequence[RegionQuestion], rng: Random
    ) -> Tensor:
        """Embed B questions; returns (B, hidden) of norm `EMBEDDING_SCALE`.

        Args:
            views: the drawn pictures.
            features: the encoders' features of each view, in the same order.
            questions: the questions.
            rng: draws the prompts.

        Raises:
            ValueError: the model has no segmenter.
        """
        config, segmenter = self.model.config.segmenter, self.model.segmenter
        if config is None or segmenter is None:
            raise ValueError("the demo model has a segmenter.")
        rows, segment_counts, image_starts, prompts, images = [], [], [], [], []
        for question in questions:
            view = views[question.view]
            box = None if question.prompt_kind in ("prompt", "nothing") else view.boxes[question.thing]
            ids = self.tokenizer.encode(write_query(box)).ids
            start, cells = ids.index(self._image_token_id), view.grid[0] * view.grid[1]
            rows.append([*ids[:start], *[self._image_token_id] * cells, *ids[start + 1 :]])
            images.append(features[question.view])
            segment_counts.append(0 if question.prompt_kind == "text" else self.model.segment_count)
            image_starts.append(start)
            prompts.append(self._make_prompt(view, question, segmenter.size, config.points_per_side, rng))
        return self._embed_rows(rows, segment_counts, image_starts, prompts, images)

    def compute_loss(
        self,
        views: Sequence[View],
        features: Sequence[ImageFeatures],
        questions: Sequence[RegionQuestion],
        captions: Sequence[Caption],
        rng: Random,
    ) -> tuple[Tensor, float]:
        """Compute the loss of what the heads predict for some questions and captions.

        Args:
            views: the drawn pictures.
            features: the encoders' features of each view, in the same order.
            questions: the questions.
            captions: captions of the demo world, which need not belong to the questions.
            rng: draws the prompts.

        Returns:
            The loss, a scalar. It is NaN if all questions are of kind "nothing". Then, of the questions with a prompt
            for their thing, the share whose thing's shape is predicted correctly; NaN if there are none.
        """
        logits = self.head(self.embed_questions(views, features, questions, rng)).split(HEAD_SIZES, dim=1)
        states = self.states
        own = [views[question.view] for question in questions]
        things = [question.thing for question in questions]
        has_region = torch.tensor([question.prompt_kind != "nothing" for question in questions])
        has_prompt = torch.tensor([question.prompt_kind in ("prompt and text", "prompt") for question in questions])
        scene = torch.tensor([view.scene for view in own])
        colour = torch.stack([view.colour[thing] for view, thing in zip(own, things, strict=True)])
        shape = torch.stack([view.shape[thing] for view, thing in zip(own, things, strict=True)])
        positions = torch.tensor([_label_positions(view, thing) for view, thing in zip(own, things, strict=True)])
        relations = torch.stack([view.label_relations(thing) for view, thing in zip(own, things, strict=True)])
        present = torch.zeros(len(own), THING_KINDS)
        for row, view in enumerate(own):
            present[row, view.colour * len(SHAPE_NAMES) + view.shape] = 1
        total = (
            functional.cross_entropy(logits[0], scene)
            + functional.cross_entropy(logits[1][has_region], colour[has_region])
            + functional.cross_entropy(logits[2][has_region], shape[has_region])
            + functional.binary_cross_entropy_with_logits(logits[3][has_region], positions[has_region])
            + functional.binary_cross_entropy_with_logits(logits[4][has_region], relations[has_region], reduction="sum")
            / has_region.sum()
            / 4
            + 0.05 * functional.binary_cross_entropy_with_logits(logits[5], present, reduction="sum") / len(own)
            + 2 * self._compute_token_loss(states, own, questions)
            + 0.5 * self._compute_caption_loss(captions)
        )
        right = (logits[2].argmax(dim=1) == shape)[has_prompt].float().mean()
        return total, float(right)

    def _compute_token_loss(self, states: Tensor, views: Sequence[View], questions: Sequence[RegionQuestion]) -> Tensor:
        """Loss of the image tokens' head on questions with a prompt for the thing; 0 if there are none."""
        start = self.tokenizer.encode(write_query(None)).ids.index(self._image_token_id) + self.model.segment_count
        tokens, labels, masks = [], [], []
        for row, (view, question) in enumerate(zip(views, questions, strict=True)):
            if question.prompt_kind in ("prompt and text", "prompt"):
                tokens.append(states[row, start : start + view.grid[0] * view.grid[1]])
                label, mask = view.label_neighbours(question.thing)
                labels.append(label)
                masks.append(mask)
        if not tokens:
            return states.sum() * 0
        mask = torch.cat(masks)
        return (
            functional.binary_cross_entropy_with_logits(
                self.neighbour_head(torch.cat(tokens))[mask], torch.cat(labels)[mask], reduction="sum"
            )
            / mask.sum()
        )

    def _compute_caption_loss(self, captions: Sequence[Caption]) -> Tensor:
        """Loss of the predicted scene, colour, shape and relation of captions."""
        logits = self.head(self.embed_captions([caption.text for caption in captions]))
        sizes = [*HEAD_SIZES[:3], HEAD_SIZES[3] + HEAD_SIZES[4], HEAD_SIZES[5]]
        *predicted, _ = logits.split(sizes, dim=1)
        labels = torch.tensor([_label_caption(caption) for caption in captions])
        pairs = zip(predicted, labels.T, strict=True)
        return torch.stack(
            [
                functional.cross_entropy(part, each, ignore_index=-1) if (each >= 0).any() else part.sum() * 0
                for part, each in pairs
            ]
        ).sum()

    @property
    def _image_token_id(self) -> int:
        return int(self.model.config.backbone["image_token_id"])

    def _make_prompt(
        self, view: View, question: RegionQuestion, side: int, points: int, rng: Random
    ) -> PointPrompt | None:
        if question.prompt_kind == "text":
            return None
        if question.prompt_kind == "nothing":
            return make_grid_prompt(side, points)
        return view.draw_prompt(question.thing, side, rng)

    def _embed_rows(
        self,
        rows: Sequence[Sequence[int]],
        segment_counts: Sequence[int],
        image_starts: Sequence[int | None],
        prompts: Sequence[PointPrompt | None],
        features: Sequence[ImageFeatures],
    ) -> Tensor:
        """Embed rows of token ids, each after its number of segment tokens; returns (B, hidden), scaled."""
        ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.int64)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = torch.tensor(row)
        lengths = torch.tensor([len(row) for row in rows])
        starts = torch.tensor(segment_counts)
        total = int((starts + lengths).max())
        batch = ItemBatch(
            ids=ids,
            lengths=lengths,
            positions=torch.arange(total).expand(len(rows), -1),
            last_index=starts + lengths - 1,
            image_index=tuple(None if start is None else row for row, start in enumerate(image_starts)),
            image_start=tuple(image_starts),
            prompts=tuple(prompts),
            pool_weights=(None,) * len(rows),
        )
        vectors: Tensor = self.model(batch, features)
        return EMBEDDING_SCALE * vectors


def train_language(
    part: LanguagePretraining,
    views: Sequence[View],
    features: Sequence[ImageFeatures],
    captions: Sequence[Caption],
    schedule: Schedule,
    seed: int,
    report: Progress,
) -> None:
    """Train language model, connector and heads on questions about the views and on captions.

    Args:
        part: language model and connector with heads; it is changed in place.
        views: the drawn pictures.
        features: the frozen encoders' features of each view, in the same order.
        captions: captions of the demo world.
        schedule: steps, questions in a step, and learning rate. A step has twice as many captions as questions.
        seed: seed of the order of things, the kinds of questions, the captions and the prompts.
        report: shows progress.
    """
    rng = Random(seed)  # noqa: S311 - a draw, not a secret
    things = [(index, thing) for index, view in enumerate(views) for thing in range(len(view.colour))]

    def compute_loss(chosen: list[int]) -> tuple[Tensor, str]:
        kinds = rng.choices(tuple(PROMPT_KINDS), weights=tuple(PROMPT_KINDS.values()), k=len(chosen))
        questions = [RegionQuestion(*things[index], kind) for index, kind in zip(chosen, kinds, strict=True)]
        some = rng.sample(captions, min(2 * schedule.batch, len(captions)))
        loss, right = part.compute_loss(views, features, questions, some, rng)
        return loss, f"language model: loss {loss.item():.3f}, shape of the prompted thing right {right:.3f}"

    weights = [weight for weight in part.parameters() if weight.requires_grad]
    train_steps(weights, compute_loss, len(things), schedule, rng, report)


def _label_positions(view: View, thing: int) -> list[float]:
    """For each of `POSITION_NAMES`: 1 if the thing has this position in the picture, else 0."""
    picture = Picture(0, "", view.size[0], view.size[1], ())
    positions = find_positions(view.boxes[thing], picture)
    return [float(position in positions) for position in POSITION_NAMES]


def _label_caption(caption: Caption) -> list[int]:
    """Indices of a caption's scene, colour, shape and relation; -1 for one that the demo world does not have."""
    words = caption.scene.split(" ", 1)
    scene = words[1] if words[0] in ("a", "an", "the") else caption.scene
    colour, shape = _parse_thing(caption.object)
    relation = -1
    for index, position in enumerate(POSITION_NAMES):
        if caption.relation.startswith(f"{position} "):
            relation = index
    for index, direction in enumerate(DIRECTIONS):
        if caption.relation.startswith(f"{direction} "):
            other_colour, other_shape = _parse_thing(caption.relation.removeprefix(f"{direction} ").rsplit(" ", 1)[0])
            if min(other_colour, other_shape) >= 0:
                kind = other_colour * len(SHAPE_NAMES) + other_shape
                relation = len(POSITION_NAMES) + index * THING_KINDS + kind
    return [SCENE_LABELS.index(scene) if scene in SCENE_LABELS else -1, colour, shape, relation]


def _parse_thing(phrase: str) -> tuple[int, int]:
    """Indices of colour and shape in a phrase such as "a red star"; -1 if it has no such word."""
    words = phrase.split()
    colour = COLOUR_NAMES.index(words[1]) if len(words) > 1 and words[1] in COLOUR_NAMES else -1
    return colour, SHAPE_NAMES.index(words[-1]) if words[-1] in SHAPE_NAMES else -1
