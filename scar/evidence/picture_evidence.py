"""All that is known about one picture before its captions are written: the annotations and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from scar.evidence.box_pairs import BoxPairs
from scar.evidence.contact import Contact, find_contacts
from scar.language import english
from scar.language.human_text import clean_text, find_unread_reason
from scar.language.lexicon import Thing, is_related, resolve_category
from scar.language.noun_phrase import NounPhrase
from scar.language.statements import Statement
from scar.sample import Picture, Region

_MIN_RIVAL_AREA = 0.05
"""Least area of another thing, relative to a region, at which a reader may take it for the region."""


_MIN_DESCRIPTIONS = 4
"""Least number of captions that name what is well seen: COCO has five. Fewer often tell the place alone."""


@dataclass(frozen=True, eq=False)
class PictureEvidence:
    """What a picture shows, for the generators.

    Attributes:
        picture: the picture with its annotations.
        statements: what each human text says, by text: captions of the picture and phrases of its regions. A text
            without a statement, or that was not parsed, is absent.
    """

    picture: Picture
    statements: Mapping[str, tuple[Statement, ...]] = field(default_factory=dict)

    @cached_property
    def things(self) -> Mapping[str, Thing]:
        """The thing that each category of the picture names, by category."""
        return {category: resolve_category(category) for category in self.picture.regions_by_category}

    @cached_property
    def nouns(self) -> tuple[str, ...]:
        """What captions call the different things."""
        return tuple(dict.fromkeys(thing.noun for thing in self.things.values()))

    @cached_property
    def regions_by_name(self) -> Mapping[str, tuple[Region, ...]]:
        """The regions by the name of their thing; categories that mean the same thing share a name."""
        found: dict[str, list[Region]] = {}
        for region in self.picture.regions:
            found.setdefault(self.things[region.category].name, []).append(region)
        return {name: tuple(regions) for name, regions in found.items()}

    @cached_property
    def is_described(self) -> bool:
        """Whether so many captions can be read that they name what is well seen."""
        readable = (find_unread_reason(clean_text(caption)) is None for caption in self.picture.captions)
        return sum(readable) >= _MIN_DESCRIPTIONS

    @cached_property
    def contacts(self) -> Mapping[int, tuple[Contact, ...]]:
        """The relations to other regions that the masks show, by the id of their subject; see `find_contacts`."""
        return find_contacts(self.picture)

    @cached_property
    def _regions_by_noun(self) -> dict[str, tuple[Region, ...]]:
        """What `find_meant_regions` has found so far."""
        return {}

    @cached_property
    def verdicts(self) -> dict[tuple[str, str, bool, int], bool]:
        """The answers that `scar.evidence.specificity` has found so far: whether a relation may hold.

        Keys are the predicate, the noun of the landmark, whether it is plural, and the id of the region.
        """
        return {}

    @cached_property
    def held(self) -> dict[tuple[str, int, int], bool]:
        """The answers that a generator has found so far: whether a relation may hold.

        Keys are the relation, and the ids of its subject and of the other region.
        """
        return {}

    @cached_property
    def box_pairs(self) -> BoxPairs:
        """Tables of the pairs of boxes of all regions, in the order of the picture."""
        return BoxPairs([region.box for region in self.picture.regions])

    @cached_property
    def indices(self) -> Mapping[int, int]:
        """Index of each region in the picture, by its id."""
        return {region.id: index for index, region in enumerate(self.picture.regions)}

    def find_meant_regions(self, noun: str) -> tuple[Region, ...]:
        """The regions of the picture that a noun of a caption may mean."""
        found = self._regions_by_noun.get(noun)
        if found is None:
            groups = (regions for name, regions in self.regions_by_name.items() if is_related(name, noun))
            found = self._regions_by_noun[noun] = tuple(region for regions in groups for region in regions)
        return found

    def list_rivals(self, region: Region) -> tuple[Region, ...]:
        """The other regions that the name of a region may mean, without those far smaller than the region."""
        name, least = self.things[region.category].name, _MIN_RIVAL_AREA * region.box.area
        return tuple(
            other for other in self.find_meant_regions(name) if other.id != region.id and other.box.area >= least
        )


@lru_cache(maxsize=1 << 16)
def name_thing(category: str) -> NounPhrase:
    """The noun phrase for one thing of a category."""
    thing = resolve_category(category)
    return NounPhrase(thing.phrase, thing.name, plural=english.is_plural(thing.noun))


@lru_cache(maxsize=1 << 16)
def name_several(category: str) -> NounPhrase:
    """The noun phrase for several things of a category: "cups", "skis"; "food" stays as it is."""
    return make_several(name_thing(category))


def make_several(one: NounPhrase) -> NounPhrase:
    """The noun phrase for several of the things that a phrase names."""
    return NounPhrase(english.to_plural(english.strip_article(one.text)), one.noun, one.attributes, plural=True)
