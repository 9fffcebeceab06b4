"""Find images that are both in a train split and in an eval split, also under different names.

An identity is a text that is the same for the same photo in every source. COCO's file names contain COCO's id. Visual
Genome's files give COCO's id of some images and Flickr's id of the others. All other images get an image hash, which
scaling and compression hardly change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from scar.annotations.pictures import PictureIndex, PictureKey
from scar.build.earlier_builds import EarlierBuild
from scar.build.engine import Engine
from scar.common.image_hash import HASH_PREFIX, hash_image, match_identities
from scar.common.images import locate_image
from scar.errors import BadRecord, LeakageError

_IMAGES_PER_TASK = 500
"""Images hashed by one task, which takes some tenths of a second."""


Leakage: TypeAlias = dict[tuple[str, str], frozenset[int]]
"""Ids of the train images that an eval split also has, by the keys of train source and eval source that share them."""


def find_shared_images(train: Mapping[str, Iterable[tuple[int, str]]], evals: Mapping[str, Iterable[str]]) -> Leakage:
    """Match the images of train sources and eval sources by identity.

    Args:
        train: (image id, identity) pairs of each train source, by key.
        evals: identities of the images of each eval source, by key.

    Returns:
        Image ids in the train source, by the keys of train source and eval source; without sources that share none.

    >>> find_shared_images({"A/train": [(1, "coco:7"), (2, "coco:8")]}, {"B/eval": ["coco:8"]})
    {('A/train', 'B/eval'): frozenset({2})}
    """
    eval_identities = {key: list(identities) for key, identities in evals.items()}
    leakage: Leakage = {}
    for train_key, images in train.items():
        pairs = list(images)
        for eval_key, identities in eval_identities.items():
            matches = match_identities([identity for _, identity in pairs], identities)
            ids = frozenset(image_id for (image_id, _), is_match in zip(pairs, matches, strict=True) if is_match)
            if ids:
                leakage[train_key, eval_key] = ids
    return leakage


def find_leakage(
    indexes: Sequence[PictureIndex], engine: Engine, earlier_builds: Iterable[EarlierBuild] = ()
) -> Leakage:
    """Find train images that an eval split also has, in one build and in earlier builds of its folder.

    An image that must be hashed but does not decode is left out; it gives no sample either.

    Args:
        indexes: the sources of the build.
        engine: runs the tasks that hash images.
        earlier_builds: other sources that the folder already holds.

    Returns:
        The shared images, as `find_shared_images` returns them.
    """
    train: dict[str, Iterable[tuple[int, str]]] = {}
    evals: dict[str, Iterable[str]] = {}
    for built in earlier_builds:
        if built.split == "train":
            train[built.key] = built.images
        else:
            evals[built.key] = [identity for _, identity in built.images]
    unidentified_splits = {index.source.split for index in indexes if index.lacks_id()}
    for index in indexes:
        if index.source.split == "train":
            train[index.source.key] = _iter_identities(index, engine, with_image_hash="eval" in unidentified_splits)
        else:
            pairs = _iter_identities(index, engine, with_image_hash="train" in unidentified_splits)
            evals[index.source.key] = (identity for _, identity in pairs)
    return find_shared_images(train, evals) if train and evals else {}


def describe_leakage(leakage: Leakage) -> str:
    """The numbers of shared images as one line for a message.

    >>> describe_leakage({("A/train", "B/eval"): frozenset({2, 5})})
    'A/train and B/eval: 2'
    """
    return "; ".join(f"{train} and {held}: {len(ids)}" for (train, held), ids in sorted(leakage.items()))


def refuse_leakage(
    leakage: Leakage, indexes: Sequence[PictureIndex] = (), earlier_builds: Iterable[EarlierBuild] = ()
) -> None:
    """Check that no train image is also in an eval split.

    Args:
        leakage: the shared images.
        indexes: the sources of the build.
        earlier_builds: other sources that the folder already holds.

    Raises:
        LeakageError: there are such images; the message counts them, and names two that are the same or look alike.
    """
    if not leakage:
        return
    (train, held), ids = min(leakage.items())
    named = {index.source.key: index for index in indexes}
    built = {build.key: build for build in earlier_builds}
    mine = list(_iter_named(train, named, built, min(ids)))
    theirs = _iter_named(held, named, built)
    pair = next((_describe_pair(*one, *other) for other in theirs for one in mine if _are_alike(one[1], other[1])), "")
    raise LeakageError(
        f"images of eval splits are in train splits ({describe_leakage(leakage)}){pair}; --overlap drop-train "
        '(in a recipe: overlap = "drop-train") leaves them out of the train splits, "keep" keeps them, as is right for '
        "frames of a fixed camera."
    )


def _iter_named(
    key: str, indexes: Mapping[str, PictureIndex], built: Mapping[str, EarlierBuild], only: int | None = None
) -> Iterator[tuple[str, str]]:
    """Yield a name for people and an identity of each image of a source, or of the image with the id ``only``."""
    if key in indexes:
        folder = indexes[key].source.images
        for picture in indexes[key].iter_keys():
            if only in (None, picture.id):
                own = [(picture.id, picture.identity)] if picture.identity else []
                yield from (
                    (str(folder / picture.file), identity) for _, identity in own + _hash_images(folder, [picture])
                )
    elif key in built:
        pairs = ((image, identity) for image, identity in built[key].images if only in (None, image))
        yield from ((f"image {image} of {key}", identity) for image, identity in pairs)


def _are_alike(identity: str, other: str) -> bool:
    return match_identities([identity], [other])[0]


def _describe_pair(name: str, _: str, other: str, identity: str) -> str:
    """Two images that share an identity, as a part of a message."""
    return f", such as {name} and {other}, which {'look alike' if identity.startswith(HASH_PREFIX) else 'are the same'}"


def _iter_identities(index: PictureIndex, engine: Engine, *, with_image_hash: bool) -> Iterator[tuple[int, str]]:
    """Yield the image id and the identity of each picture, those with an image hash last.

    Args:
        index: the pictures of a source.
        engine: runs the tasks that hash images.
        with_image_hash: yield a second pair, with the image hash, for each picture that has another identity.
    """
    to_hash = []
    for key in index.iter_keys():
        if key.identity is None or with_image_hash:
            to_hash.append(key)
        if key.identity is not None:
            yield key.id, key.identity
    parts = (to_hash[start : start + _IMAGES_PER_TASK] for start in range(0, len(to_hash), _IMAGES_PER_TASK))
    for pairs in engine(partial(_hash_images, index.source.images, part) for part in parts):
        yield from pairs


def _hash_images(folder: Path, keys: Sequence[PictureKey]) -> list[tuple[int, str]]:
    """Image id and image hash of each picture; pictures whose image does not decode are left out."""
    pairs = []
    for key in keys:
        where = f"image {key.id}"
        try:
            pairs.append((key.id, hash_image(locate_image(folder, key.file, where), where)))
        except BadRecord:  # the image gives no sample either
            continue
    return pairs
