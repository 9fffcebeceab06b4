"""What a text-only model can learn about a part of a caption: the features that the fit balances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from scar.generators.rules.draws import Ints
from scar.generators.rules.gold_batch import GoldBatch
from scar.generators.rules.noun_table import Numbers
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import RelationPhrase
from scar.sample import Part

Contexts: TypeAlias = tuple[Sequence[str], Ints]
"""The names of contexts, and (T, C) the numbers of those of each gold."""

_CENTERS = (0.25, 0.4, 0.6, 0.75)
"""Edges between the cells of a box's center, as shares of the image's side."""

_SIDES = (0.1, 0.2, 0.4, 0.7)
"""Edges between the cells of a box's width and height, as shares of the image's side."""

_ASPECTS = (0.5, 0.8, 1.25, 2.0)
"""Edges between the cells of width by height."""


def scene_features(phrase: NounPhrase, preposition: str) -> tuple[str, ...]:
    """The features of the scene of a caption after a preposition: texts such as "scene in a kitchen"."""
    return (f"scene {preposition} {phrase.text}",)


def object_features(phrase: NounPhrase, relation: RelationPhrase) -> tuple[str, str]:
    """The features of the object of a caption with a relation."""
    role = "acting " if relation.form == "action" else ""
    return f"object {role}{phrase.noun}", f"attributes {' '.join(phrase.attributes)}"


def relation_features(predicate: str, form: str, landmark: str, preposition: str) -> tuple[str, str, str]:
    """The features of a relation: of its predicate with its form, its landmark's noun and its preposition."""
    return f"predicate {predicate}", f"landmark {form} {landmark}", f"scene_preposition {preposition}"


def list_contexts(batch: GoldBatch, part: Part) -> Contexts:
    """What goes with a part: the cells of the box, and the nouns of other parts, and their predicate."""
    numbers = Numbers()
    boxes = np.array(
        [(box.x0, box.y0, box.x1, box.y1) for box in (task.region.box for task in batch.tasks)], float
    ).reshape(-1, 4)
    sizes = np.array([(task.evidence.picture.width, task.evidence.picture.height) for task in batch.tasks], float)
    sides = (boxes[:, 2:] - boxes[:, :2]) / sizes
    centers = (boxes[:, 2:] + boxes[:, :2]) / 2 / sizes
    aspects = sides[:, 0] * sizes[:, 0] / np.maximum(sides[:, 1] * sizes[:, 1], 1e-9)
    cells = {
        "x": np.digitize(centers[:, 0], _CENTERS),
        "y": np.digitize(centers[:, 1], _CENTERS),
        "width": np.digitize(sides[:, 0], _SIDES),
        "height": np.digitize(sides[:, 1], _SIDES),
        "aspect": np.digitize(aspects, _ASPECTS),
    }
    columns = [[f"{name} {cell}" for cell in several.tolist()] for name, several in cells.items()]
    if part != "object":
        columns.append([f"object {gold.object.noun}" for gold in batch.golds])
    if part != "relation":
        columns.append([f"predicate {gold.relation.predicate}" for gold in batch.golds])
    if part != "scene":
        columns.append([f"scene {gold.scene.noun}" for gold in batch.golds])
    if part == "object":
        columns.append([f"landmark {gold.landmark.noun}" for gold in batch.golds])
    found = [[numbers[name] for name in column] for column in columns]
    return list(numbers), np.array(found, np.intp).reshape(len(columns), len(batch)).T
