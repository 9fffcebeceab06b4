"""Say in a sentence why many records of a source give no sample, and what to add."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from scar.accounting import Tally
from scar.annotations.pictures import PictureIndex
from scar.build.pipeline import PHRASE_NO_RELATION
from scar.build.word_list import count_names
from scar.language.category_names import name_category
from scar.language.lexicon import resolve_scene
from scar.language.scene_names import describe_scene
from scar.language.user_words import Words

_LOOKED_AT = 300
"""Pictures whose categories and scenes are looked at."""

_NAMED = 4
"""Most names that a sentence lists."""

_SOME, _MOST = 0.2, 0.5
"""Shares of the records from which on a reason is explained: one that names records, one that is common."""


def iter_advice(index: PictureIndex, tally: Tally, words: Words) -> Iterator[str]:
    """Yield a sentence for each reason for which many records of a source give no sample.

    Args:
        index: the source, of which some pictures are read for the names that a sentence lists.
        tally: counts of its records.
        words: the user's words.
    """
    shares = Counter({reason: count / max(tally.records, 1) for reason, count in tally.rejected.items()})
    if shares["no_thing"] > _SOME:
        yield _explain_names(index, words)
    if shares["no_caption"] + shares["position_share"] > _MOST:
        scene = ', or a key `scene` to the images of the instances file, such as "a kitchen"'
        yield (
            "Nothing tells the things of these images apart, except their place in the picture, which at most a fifth "
            "of the captions may say: give --captions with people's captions of the images, in English"
            f"{'' if _count_names(index, 'scene') else scene}."
        )
    if shares["few_negatives"] > _MOST:
        yield (
            "The images show too few different things for false captions that are surely false: give more images, "
            "more categories, or --captions with people's captions of the images."
        )
    if shares["no_caption"] + shares["position_share"] + shares["few_negatives"] > _MOST and (
        labels := _list_unknown_scenes(index, words)
    ):
        yield (
            f"No table knows whether the scenes {_join_names(labels)} exclude each other or others, so no caption says "
            "another scene in their place: say in a words file which known scene each is, such as [scenes] "
            '"clinic_2" = "in a hospital" (--word-file, word_file in a recipe).'
        )
    if tally.ignored[PHRASE_NO_RELATION] > _MOST * max(tally.records, 1):
        yield (
            'Most phrases of the things say no relation to another thing, as "the bottle on the left" does not, and no '
            'caption says them: captions say what "a bottle on a table" or "a man holding an umbrella" does.'
        )
    if shares["crowd"] > _MOST:
        yield (
            "`iscrowd` is 1 where a mask covers a group; some tools, such as CVAT, set it for every mask. Set it to 0 "
            "in the annotations of single things."
        )


def _explain_names(index: PictureIndex, words: Words) -> str:
    counts = _count_names(index, "category")
    names = [name for name in counts if name_category(name, words) is None]
    return (
        f"The categories {_join_names(names)} name nothing that a caption could say: they are placeholders, numbers or "
        f'ids. Say in a words file what they are, such as [names] "{names[0] if names else "object"}" = "a parcel" '
        "(--word-file, word_file in a recipe); --words lists what captions say."
    )


def _list_unknown_scenes(index: PictureIndex, words: Words) -> list[str]:
    """Scene labels of which no table has a scene, the most frequent first."""
    labels = _count_names(index, "scene")
    described = ((label, describe_scene(label, words).phrase) for label in labels)
    return [label for label, phrase in described if phrase is None or not resolve_scene(phrase).side]


def _count_names(index: PictureIndex, kind: str) -> list[str]:
    """The categories or the scenes of some pictures, evenly spread, the most frequent first."""
    some = min(len(index), _LOOKED_AT)
    refs = [index[number * len(index) // some] for number in range(some)]
    counts = count_names(refs, skip_bad=True)
    return [name for (what, name), _ in counts.most_common() if what == kind]


def _join_names(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(repr, names[:_NAMED])) + more
