"""Checks that an embedder keeps its contract, on a few toy items: takes seconds and downloads nothing.

Eight items are embedded in several ways, and each must have the same vector every time. Then pairs of items that differ
in one part, such as the image, are embedded: equal vectors mean that the embedder ignores that part.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mmeb_eval.embedder import Embedder, find_refusal, get_counts, get_layout_name, get_prompt_kinds, get_settings
from mmeb_eval.item import Item, describe_item
from mmeb_eval.media import Media, describe_media, find_media
from mmeb_eval.multi_vectors import check_multi_vectors, summarise_items
from mmeb_eval.templates.fused import get_layout
from mmeb_eval.toy_items import (
    IMAGE_SIDE,
    LEFT,
    RIGHT,
    Contrast,
    draw_toy_image,
    draw_toy_items,
    make_contrasts,
    make_prompts,
)
from mmeb_eval.vectors import check_vectors
from scar.errors import ContractError, EvalError, ItemError, NoAnswer

if TYPE_CHECKING:
    from numpy.typing import NDArray

VECTOR_TOLERANCE = 1e-3
"""Largest difference, in any component, between two vectors of one item that still counts as rounding."""

EQUAL_TOLERANCE = 1e-6
"""Vectors of two items count as equal if no component differs by more than this, or than two vectors of one item did,
up to `VECTOR_TOLERANCE`."""

PLURALS = {"box": "boxes", "points": "sets of points"}
"""Kinds of prompt -> what several of the kind are called, if not by an s at the end."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, as one line for the author of an embedder.

    Attributes:
        level: ``error`` if the embedder breaks the contract, or reads a part of an item beside one part and ignores
            it beside another; ``warning`` if it ignores a part everywhere, so that some scores mean little; ``note``
            for what is worth knowing.
        text: what is wrong and what to do.
    """

    level: Literal["error", "warning", "note"]
    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an embedder gave no vectors.

    Attributes:
        kind: ``refused`` if it says itself that it takes no such item; ``broken`` if its vectors break the contract or
            a server does not answer, so that other items will fail too; ``failed`` for all else.
        text: what is wrong, as one line.
    """

    kind: Literal["refused", "broken", "failed"]
    text: str

    @property
    def finding(self) -> Finding:
        """The finding that tells it."""
        return Finding("note" if self.kind == "refused" else "error", self.text)


def check(embedder: Embedder) -> list[Finding]:
    """Check an embedder on toy items; it keeps the contract if no finding has the level ``error``.

    What its `embed` raises becomes a finding. After a failure, checks that would only repeat it are left out.
    """
    with TemporaryDirectory(prefix="mmeb-eval-check-") as folder:
        return list(_iter_findings(embedder, Path(folder)))


def _iter_findings(embedder: Embedder, folder: Path) -> Iterator[Finding]:
    """Run the checks in order; those that would only repeat an earlier failure are left out."""
    try:
        kinds = get_prompt_kinds(embedder)
        layout = get_layout(get_layout_name(embedder))
        get_settings(embedder)
    except EvalError as error:
        yield Finding("error", str(error))
        return
    toys = draw_toy_items(folder, layout.image_token)
    if "box" not in kinds:
        toys = [replace(item, prompt=None) for item in toys]
    singles = _embed_singles(embedder, toys, layout.image_token)  # first, as they name what is refused
    if isinstance(singles, Finding):
        yield singles
        return
    items, alone = list(singles.vectors), list(singles.vectors.values())
    taken = {find_media(item, layout.image_token) for item in items}
    yield from _describe_refusals(taken, singles.refusals)
    vectors: list[NDArray[np.float32]] = []
    for call in (items, items, items[::-1]):
        found = _try_to_embed(embedder, embedder.embed, call)
        if isinstance(found, Failure):
            yield found.finding
            return
        vectors.append(found)
    whole, again, backwards = vectors[0], vectors[1], vectors[2][::-1]
    chance = list(
        _check_repeatable(items, whole, again, "two calls with the same items", "switch dropout off, fix every seed")
    )
    yield from chance
    if not chance:  # else the other calls differ by chance too, whatever their order
        yield from _check_repeatable(
            items, whole, backwards, "the items in reverse", "return rows in the order given, mask padding"
        )
        yield from _check_repeatable(
            items, whole, alone, "the item alone", "mask padding, pool each item's own last token"
        )
    yield from _check_counts(embedder, items)
    if _measure_difference(whole, whole[0]) <= EQUAL_TOLERANCE:
        text = "all items have one vector: this embedder scores 0 wherever there are two candidates."
        yield Finding("error", text)
        return
    widths = {each.shape[-1] for each in (*vectors, *alone)}
    noise = max(_measure_difference(whole, other) for other in (again, backwards, alone)) if len(widths) == 1 else 0.0
    tolerance = max(EQUAL_TOLERANCE, min(noise, VECTOR_TOLERANCE))
    contrasts = make_contrasts(folder, layout, kinds)
    contrasts = [each for each in contrasts if find_media(each.first, layout.image_token) in taken]
    yield from _check_blindness(embedder, contrasts, tolerance)
    pictures = [item for item in items if item.image is not None]
    if pictures:
        yield from _check_orientation(embedder, pictures[0], folder, tolerance)
        yield from _check_file_names(embedder, pictures[0], folder, tolerance, is_steady=not chance)
    if not kinds and "image+text" in taken:
        yield Finding("note", "it takes no prompts: the text names the region, and results say region = text.")
    if "image+text" in taken:
        yield from _check_region_methods(embedder, toys[4])


@dataclass(frozen=True, slots=True)
class Singles:
    """What an embedder made of toy items that it got one by one.

    Attributes:
        vectors: each item that it took -> its vector.
        refusals: media of which it took no item -> why.
    """

    vectors: dict[Item, NDArray[np.float32]]
    refusals: dict[Media, Failure]


def _embed_singles(embedder: Embedder, items: Sequence[Item], image_token: str) -> Singles | Finding:
    """Embed each item alone. Media whose first item fails count as not taken, if there are others that are."""
    singles = Singles({}, {})
    for item in items:
        media = find_media(item, image_token)
        if media in singles.refusals:
            continue
        found = _try_to_embed(embedder, embedder.embed, [item])
        if not isinstance(found, Failure):
            singles.vectors[item] = found[0]
        elif found.kind == "broken" or media in {find_media(other, image_token) for other in singles.vectors}:
            return Finding("error", found.text)
        else:
            singles.refusals[media] = found
    return singles if singles.vectors else Finding("error", next(iter(singles.refusals.values())).text)


def _describe_refusals(taken: Collection[Media], refusals: Mapping[Media, Failure]) -> Iterator[Finding]:
    """Yield the finding that says which media an embedder takes, if it does not take all."""
    if not refusals:
        return
    line = f"it takes {describe_media(taken)}; tasks with other items are refused"
    failed = [failure for failure in refusals.values() if failure.kind == "failed"]
    if failed:
        yield Finding("warning", f"{line}: {failed[0].text.removesuffix('.')}. If that is not meant, mend it.")
    else:
        yield Finding("note", f"{line}: {next(iter(refusals.values())).text.removesuffix('.')}.")


def _try_to_embed(
    embedder: Embedder, embed: Callable[[Sequence[Item]], object], items: Sequence[Item]
) -> NDArray[np.float32] | Failure:
    """(len(items), D) checked copies of the vectors, as an embedder may reuse its array; or what went wrong."""
    which = f"{describe_item(items[0])}{f' and {len(items) - 1} more' if len(items) > 1 else ''}"
    try:
        for item in items:
            if (reason := find_refusal(embedder, item)) is not None:
                return Failure("refused", f"{describe_item(item)}: {reason}")
        if getattr(embedder, "multi_vector", False):
            return summarise_items(check_multi_vectors(embed(items), items, embedder.name))
        return check_vectors(embed(items), items, embedder.name).copy()
    except ContractError as error:
        return Failure("broken", str(error))
    except ItemError as error:
        which = which if error.index is None else describe_item(items[error.index])
        return Failure("failed", f"{which}: {error.reason}")
    except EvalError as error:
        text = str(error)
        kind: Literal["broken", "failed"] = "broken" if isinstance(error, NoAnswer) else "failed"
        return Failure(kind, text if describe_item(items[0]) in text else f"{which}: {text}")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the author's code can raise anything
        text = f"{which}: embed raised {type(error).__name__}: {' '.join(str(error).split())}"
        return Failure("failed", f"{text}. It must take text, image, both, and the prompts that `prompts` names.")


def _check_repeatable(
    items: Sequence[Item],
    first: Iterable[NDArray[np.float32]],
    second: Iterable[NDArray[np.float32]],
    comparison: str,
    remedy: str,
) -> Iterator[Finding]:
    """Yield a finding for the first item whose two vectors differ."""
    for item, a, b in zip(items, first, second, strict=True):
        if a.shape != b.shape:
            yield Finding("error", f"{comparison}: the width is {len(b)} and was {len(a)}; it must not change.")
            return
        if (difference := _measure_difference(a, b)) > VECTOR_TOLERANCE:
            yield Finding(
                "error", f"{comparison}: {describe_item(item)} has another vector (by {difference:.2g}); {remedy}."
            )
            return


def _check_counts(embedder: Embedder, items: Sequence[Item]) -> Iterator[Finding]:
    """Yield a finding if the embedder's counts cannot be written into results."""
    try:
        get_counts(embedder, items)
    except EvalError as error:
        yield Finding("error", str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the author's code can raise anything
        yield Finding("error", f"counts raised {type(error).__name__}: {error}.")


def _check_blindness(embedder: Embedder, contrasts: Sequence[Contrast], tolerance: float) -> Iterator[Finding]:
    """Yield a finding for each part that makes no difference to the vectors, or only in some places."""
    equal: dict[str, list[str]] = {}
    seen: dict[str, list[str]] = {}
    refused: set[type] = set()
    for contrast in contrasts:  # one pair a call: a server or model with a small batch takes them too
        if type(contrast.first.prompt) in refused:
            continue
        vectors = _try_to_embed(embedder, embedder.embed, [contrast.first, contrast.second])
        if isinstance(vectors, Failure):
            refused.add(type(contrast.first.prompt))
            yield vectors.finding
            continue
        places = equal if _measure_difference(vectors[0], vectors[1]) <= tolerance else seen
        places.setdefault(contrast.part, []).append(contrast.beside)
    for part in ("text", "image"):
        if part in equal and part not in seen:
            yield Finding(
                "warning",
                f"every {part} has one vector, {' and '.join(equal[part])}: the {part} is ignored. "
                "Tasks that need it score chance.",
            )
        elif part in equal:
            yield Finding(
                "error",
                f"the {part} {' and '.join(equal[part])} is ignored: two different ones have the same vector, though "
                f"the embedder reads it {' and '.join(seen[part])}. Use item.{part} wherever it is.",
            )
    has_mixed = any(each.beside == "beside an image" for each in contrasts)
    texts_read = ("beside an image" if has_mixed else "alone") in seen.get("text", ())
    if texts_read and "instruction" in equal:
        where = " and ".join(equal["instruction"])
        yield Finding("warning", f"the instruction {where} is ignored: two different ones have the same vector.")
    if texts_read and "region" in equal and "box" not in equal and "box" not in seen:
        yield Finding(
            "warning",
            "a region that the text names makes no difference: is the text cut? SCaR scores say nothing about regions.",
        )
    for kind in (kind for kind in make_prompts() if kind in equal):
        several = PLURALS.get(kind, f"{kind}s")
        yield Finding("error", f"two different {several} have the same vector: the {kind} is ignored. Use item.prompt.")


def _check_orientation(embedder: Embedder, item: Item, folder: Path, tolerance: float) -> Iterator[Finding]:
    """Yield a finding if an image that EXIF turns has the vector of its pixels as they are stored.

    Args:
        embedder: the embedder.
        item: a toy item with an image and no prompt.
        folder: the folder of the toy images.
        tolerance: see `EQUAL_TOLERANCE`.
    """
    from PIL import Image

    stored, exif = Image.new("RGB", (IMAGE_SIDE, IMAGE_SIDE // 2), "white"), Image.Exif()
    stored.paste((0, 0, 0), (0, 0, IMAGE_SIDE // 2, IMAGE_SIDE // 4))
    exif[0x0112] = 6
    stored.save(folder / "stored.png")
    stored.save(folder / "turned.png", exif=exif)
    stored.transpose(Image.Transpose.ROTATE_270).save(folder / "upright.png")
    items = [replace(item, image=folder / f"{name}.png") for name in ("turned", "stored", "upright")]
    vectors = _try_to_embed(embedder, embedder.embed, items)
    if isinstance(vectors, Failure):
        return  # it takes no images, which another check says
    turned, plain, upright = vectors
    if _measure_difference(turned, plain) <= tolerance < _measure_difference(plain, upright):
        text = (
            "an image that EXIF turns has the vector of its pixels as they are stored, but boxes are in pixels of the "
        )
        yield Finding("warning", f"{text}displayed image: open images by mmeb_eval.data.images.open_rgb.")


def _check_file_names(
    embedder: Embedder, item: Item, folder: Path, tolerance: float, *, is_steady: bool
) -> Iterator[Finding]:
    """Yield a finding if vectors follow the names of image files.

    Two images with one file name, in two folders, must have two vectors, which a cache by file name would not give. An
    image in another data folder must have the vector that it had, which an embedder that reads paths does not give.

    Args:
        embedder: the embedder.
        item: a toy item with an image and no prompt.
        folder: the folder of the toy images.
        tolerance: see `EQUAL_TOLERANCE`.
        is_steady: whether an item has the same vector in every call; else nothing is said of moved images.
    """
    images = [folder / side / "same_name.png" for side in ("one", "other")]
    for image, colour in zip(images, ("red", "blue"), strict=True):
        image.parent.mkdir()
        draw_toy_image(image, colour)
    plain = [replace(item, image=folder / f"{colour}.png") for colour in ("red", "blue")]
    moved = folder / "moved" / folder.name / "red.png"
    moved.parent.mkdir(parents=True)
    draw_toy_image(moved, "red")
    others = [replace(item, image=image) for image in (*images, moved)]
    vectors = _try_to_embed(embedder, embedder.embed, [*plain, *others])
    if isinstance(vectors, Failure):
        return  # it takes no images, which another check says
    if is_steady and _measure_difference(vectors[0], vectors[4]) > VECTOR_TOLERANCE:
        text = "an image in another folder has another vector: read the file's pixels, not its path."
        yield Finding("error", text)
    elif _measure_difference(vectors[2], vectors[3]) <= tolerance < _measure_difference(vectors[0], vectors[1]):
        text = "two images with one file name in two folders have one vector: tell images by their pixels, not by name."
        yield Finding("error", text)


def _check_region_methods(embedder: Embedder, item: Item) -> Iterator[Finding]:
    """Yield a finding for `embed_roi` or `embed_bare` if the embedder has one that fails or ignores what it is given.

    Args:
        embedder: the embedder.
        item: a toy item with an image and a text.
    """
    pairs = {
        "embed_roi": (replace(item, prompt=LEFT), replace(item, prompt=RIGHT), "boxes", "pool inside the box"),
        "embed_bare": (item, replace(item, text=f"{item.text} {LEFT}"), "texts", "read the text"),
    }
    for method, (first, second, what, remedy) in pairs.items():
        if (embed := getattr(embedder, method, None)) is None:
            continue
        vectors = _try_to_embed(embedder, embed, [first, second])
        if isinstance(vectors, Failure):
            option = "roi" if method == "embed_roi" else "text-bare"
            yield Finding("note", f"--region {option} does not work: {vectors.text}")
        elif _measure_difference(vectors[0], vectors[1]) <= EQUAL_TOLERANCE:
            yield Finding("error", f"{method} gives two different {what} the same vector: {remedy}.")


def _measure_difference(first: Any, second: Any) -> float:
    """Largest difference, in any component, between vectors."""
    return float(abs(np.asarray(first) - np.asarray(second)).max())
