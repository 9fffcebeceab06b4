"""Helpers of several adapters: grouping of items by content, revisions, rows of L2 norm 1, and refusal of prompts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mmeb_eval.item import Item, describe_item
from mmeb_eval.templates.protocols import Protocol
from mmeb_eval.vectors import make_rows
from scar.common.files import hash_file_once
from scar.errors import DataError, EvalError

if TYPE_CHECKING:
    from numpy.typing import NDArray

HUB_TIMEOUT_S = 5.0
"""Seconds after which the hub counts as out of reach."""

Key = TypeVar("Key", bound=Hashable)


def list_items(items: Iterable[Item], name: str, allowed: tuple[type, ...] = ()) -> list[Item]:
    """List the items of any iterable, such as a generator, and refuse prompts that the model does not take.

    Args:
        items: the items.
        name: name of the model, for messages.
        allowed: types of prompt that the model takes; empty refuses every prompt.

    Raises:
        DataError: an item has a prompt of another type; the message names the model, the item and the way out.
    """
    listed = list(items)
    for item in listed:
        if item.prompt is not None and not isinstance(item.prompt, allowed):
            raise DataError(
                f"{name}: takes no such prompt as {describe_item(item)} has; give the region with --region."
            )
    return listed


def group_rows_by_kind(items: Sequence[Item]) -> dict[tuple[bool, bool], list[int]]:
    """(has text, has image) -> indices of the items of that kind; an item with neither counts as an empty text."""
    rows: dict[tuple[bool, bool], list[int]] = {}
    for row, item in enumerate(items):
        has_image = item.image is not None
        rows.setdefault((bool(item.text) or not has_image, has_image), []).append(row)
    return rows


def group_items(keys: Sequence[Key]) -> dict[Key, list[int]]:
    """Key -> indices of the items that have it, in the order of their first item."""
    groups: dict[Key, list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, []).append(row)
    return groups


def embed_by_kind(
    items: Iterable[Item], name: str, embed: Callable[[list[Item], bool, bool], Any], *, several: bool = False
) -> Any:
    """(len(items), D) rows for items of any kinds, made by one call for each kind; see `group_rows_by_kind`.

    Args:
        items: the items.
        name: name of the model, for messages.
        embed: called with the items of a kind, whether they have text and whether they have an image; returns their
            rows.
        several: whether an item has several rows; then a list of them is returned.

    Raises:
        DataError: an item has a prompt.
        ContractError: two kinds have vectors of different widths.
        Exception: what ``embed`` raises.
    """
    items = list_items(items, name)
    vectors: dict[int, Any] = {}
    for (has_text, has_image), rows in group_rows_by_kind(items).items():
        vectors.update(zip(rows, embed([items[row] for row in rows], has_text, has_image), strict=True))
    listed = [vectors[row] for row in range(len(items))]
    return listed if several else make_rows(listed, name, len(items))


TEXT_ALONE = "it reads text alone, and the item has an image"
"""Why a model of texts refuses an item."""


def make_refusal_error(name: str, item: Item, reason: str) -> DataError:
    """The error for an item that a model does not take."""
    return DataError(f"{name}: {describe_item(item)}: {reason}.", item)


def count_cut_texts(items: Sequence[Item], tokenizer: Any, max_tokens: int) -> dict[str, int]:
    """``texts_cut``: number of items whose text has more than ``max_tokens`` tokens, the tokenizer's own included."""
    texts = [item.text for item in items if item.text]
    tokens = tokenizer(texts)["input_ids"] if texts else []
    return {"texts_cut": sum(len(ids) > max_tokens for ids in tokens)}


def split_revision(model_id: str) -> tuple[str, str | None]:
    """Split a model id at ``@`` into name and revision (None without ``@``); the path of a folder stays whole.

    >>> split_revision("openai/clip-vit-base-patch32@3d74acf")
    ('openai/clip-vit-base-patch32', '3d74acf')
    """
    if Path(model_id).is_dir():
        return model_id, None
    name, _, revision = model_id.partition("@")
    return name, revision or None


def name_model(model_id: str) -> str:
    """The name of a model in results: a folder has one name, however its path is written; a hub id stays as it is.

    A folder below the working directory is named by its path from there, any other one by its whole path; links are
    followed.

    >>> name_model("openai/clip-vit-base-patch32@3d74acf")
    'openai/clip-vit-base-patch32@3d74acf'
    """
    if not Path(model_id).is_dir():
        return model_id
    folder, here = Path(model_id).resolve(), Path.cwd().resolve()
    is_below = folder != here and folder.is_relative_to(here)
    return (folder.relative_to(here) if is_below else folder).as_posix()


def name_options(options: Mapping[str, object]) -> str:
    """What follows a model's name in results: the options that were given; None and empty ones are left out.

    >>> name_options({"dtype": "bfloat16", "truncate_dim": None, "model_kwargs": {"a": 1}})
    '?dtype=bfloat16&model_kwargs={"a": 1}'
    """
    given = [
        f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in options.items() if value
    ]
    return f"?{'&'.join(given)}" if given else ""


def local_revision(model_id: str) -> str | None:
    """Revision of a model in a local folder: a digest of its files, 16 hexadecimal digits; None for a hub id."""
    folder = Path(model_id)
    if not folder.is_dir():
        return None
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = "".join(f"{path.relative_to(folder).as_posix()} {hash_file_once(path)}\n" for path in files)
    return hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def pixel_range(processor: Any) -> dict[str, int | None]:
    """``min_pixels`` and ``max_pixels``: the areas in pixels between which an image processor resizes images.

    None where it has no limit. Both are equal if it gives all images one size.
    """
    least, most = getattr(processor, "min_pixels", None), getattr(processor, "max_pixels", None)
    if patches := getattr(processor, "max_num_patches", None):
        most = patches * processor.patch_size**2
    for key in ("size", "crop_size"):  # a crop is made last, so its size counts
        size: Any = getattr(processor, key, None)
        if hasattr(processor, "merge_size") and getattr(size, "longest_edge", None):  # the Qwen-VL family: areas
            least, most = size.shortest_edge, size.longest_edge
        if getattr(size, "height", None) and getattr(size, "width", None):
            least = most = size.height * size.width
    return {"min_pixels": least, "max_pixels": most}


def find_offline(name: str, model_id: str, revision: str | None) -> bool:
    """Whether a model must be loaded from the cache, as the hub cannot be reached.

    The libraries ask again for a minute; here, one attempt of `HUB_TIMEOUT_S` decides. A local folder needs no hub.

    Raises:
        EvalError: the hub cannot be reached, and the cache does not hold the model.
    """
    if Path(model_id).is_dir():
        return False
    import huggingface_hub
    from huggingface_hub import constants

    if not constants.HF_HUB_OFFLINE:
        try:
            huggingface_hub.HfApi().model_info(model_id, revision=revision, timeout=HUB_TIMEOUT_S)
        except (OSError, huggingface_hub.errors.HfHubHTTPError) as error:
            if getattr(error, "response", None) is not None:
                return False  # the hub answered: the library says what is wrong
        except Exception as error:  # noqa: BLE001 - huggingface_hub does not say which errors of its client it lets pass
            if "httpx" not in type(error).__module__ and "httpcore" not in type(error).__module__:
                return False
        else:
            return False
    if isinstance(huggingface_hub.try_to_load_from_cache(model_id, "config.json", revision=revision), str):
        return True
    raise EvalError(f"{name}: neither a local folder, nor in the cache, and {constants.ENDPOINT} cannot be reached.")


def set_pixel_range(processor: Any, protocol: Protocol) -> None:
    """Give an image processor the protocol's smallest and largest area, if it has any and the processor has areas.

    Of the families in the table, that is Qwen-VL's. Results hold what `pixel_range` finds, beside the protocol.
    """
    size: Any = getattr(processor, "size", None)
    if not hasattr(processor, "merge_size") or getattr(size, "longest_edge", None) is None:
        return
    least, most = protocol.min_pixels or size.shortest_edge, protocol.max_pixels or size.longest_edge
    processor.size = type(size)(shortest_edge=least, longest_edge=most)


def make_load_error(name: str, error: Exception) -> EvalError:
    """The error for a model that its library cannot load; its message holds the first line of the library's error."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    if "trust_remote_code" in str(error):
        question = "?" if "?" not in name else "&"
        return EvalError(
            f"{name}: this model runs code that comes with it; read that code, then ask for it: "
            f"'{name}{question}trust_remote_code=true'."
        )
    return EvalError(f"{name}: neither a readable local folder nor a model of the hub: {reason}")


def normalise_rows(vectors: object, name: str, count: int) -> NDArray[np.float32]:
    """(count, D) float32 rows of L2 norm 1 from an array, tensor or list; a zero row stays, and is refused later.

    Raises:
        ContractError: they are something else, such as several vectors for one item; the message names the model.
    """
    rows = make_rows(vectors, name, count).astype(np.float64)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / np.where(lengths == 0, 1, lengths)).astype(np.float32)
