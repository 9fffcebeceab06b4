"""Records of the rules generator: captions in phrases."""

from __future__ import annotations

from typing import Self

import msgspec

from scar.errors import InputError
from scar.generators.generator import Gold
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import RelationPhrase
from scar.sample import Caption, Part, Reason


class CaptionPhrases(msgspec.Struct, frozen=True):
    """A caption whose parts are still phrases: an object, its relation, and the noun phrase that ends the caption.

    The scene is a place, or the thing to which the relation relates the object: "a cup next to a sink in a kitchen",
    "a cup next to a sink".
    """

    object: NounPhrase
    relation: RelationPhrase
    scene: NounPhrase

    @property
    def landmark(self) -> NounPhrase:
        """The thing to which the predicate relates the object; after a position, the scene."""
        return self.relation.landmark or self.scene

    @property
    def caption(self) -> Caption:
        """The caption as text."""
        return Caption(self.object.text, self.relation.text, self.scene.text)

    def swap(self, part: Part, value: NounPhrase | RelationPhrase) -> Self:
        """This caption with one part replaced; a relation replaces "relation", a noun phrase the other parts."""
        return msgspec.structs.replace(self, **{part: value})


class TrueCaption(msgspec.Struct, frozen=True):
    """A caption that is true of a region.

    Attributes:
        phrases: the caption.
        reason: the evidence for its relation.
        weight: how natural and how sure it is, relative to other captions with the same reason.
        is_scene_only: whether it tells no more than the place: "an oven in a kitchen".
    """

    phrases: CaptionPhrases
    reason: Reason
    weight: float = 1.0
    is_scene_only: bool = False


class RulesGold(Gold, frozen=True):
    """A gold caption of the rules generator, with its phrases."""

    phrases: CaptionPhrases

    @classmethod
    def of(cls, gold: Gold) -> Self:
        """Return the gold itself, if the rules wrote it.

        Raises:
            InputError: another generator did; its captions have no phrases.
        """
        if not isinstance(gold, cls):
            raise InputError(f"{gold.caption.text!r} is no gold caption of the rules: they replace parts of their own.")
        return gold
