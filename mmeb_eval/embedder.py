"""What is embedded, and what embeds it: `Item`, `Prompt`, the one-method `Embedder`, and how a name becomes one."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mmeb_eval.item import PROMPT_KINDS, Item, describe_item
from scar.errors import ContractError, EvalError, UnknownName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Embedder(Protocol):
    """Anything with a name and one method. No base class and no import of ours is needed.

    More is read where it exists:

    - ``layout``: how instruction and text are joined, a name from
      `mmeb_eval.templates.fused.LAYOUTS` (default ``"plain"``).
    - ``prompts``: kinds of prompt it takes, of ``"box"``, ``"points"``, ``"mask"`` (default none); for the others the
      evaluator says the region in another way and the result names it.
    - ``settings``: a mapping of JSON values that stand in the result, those of `SETTINGS_FILE` and more; vectors made
      under
      other settings are never taken from the store.
    - ``counts(items)``: a mapping of names to numbers that stand in the result, such as how many texts it cuts.
    - ``stored``: False where making a vector costs less than storing it.
    - ``embed_roi(items)``: as ``embed`` for items with boxes or none, with the vision features inside a box, pooled, in
      the place of its image or of what else tells a region; ``--region roi`` asks for it.
    - ``embed_bare(items)``: as ``embed`` for items without prompts, and without the tokens that a region would have;
      ``--region text-bare`` asks for it.
    """

    @property
    def name(self) -> str:
        """Model and revision, as results and the cache key show it."""
        ...

    def embed(self, items: Sequence[Item]) -> NDArray[np.float32]:
        """Return (len(items), D) float32 rows of L2 norm 1, in the order given."""
        ...


SETTINGS = ("revision", "processor", "min_pixels", "max_pixels", "dtype")
"""What every result says of its embedder's `settings`, None for what they do not tell.

The revision of the weights, what prepares images, the areas in pixels between which it keeps them, the number format.
"""

NORM_TOLERANCE = 1e-3
"""How far a vector's length may be from 1: what float16 arithmetic leaves."""


def load_embedder(path: str, *arguments: object, **options: object) -> Embedder:
    """Call ``module:function`` and return the embedder that it makes; the working directory is searched too.

    Args:
        path: an importable module, a colon and a function in it.
        arguments: passed on to the function.
        options: likewise, by name.

    Raises:
        EvalError: no such module, or the thing named is not a function.
        UnknownName: no such function in the module.
        ContractError: what it returns has no name or no `embed`.
    """
    name, _, attribute = path.partition(":")
    if not name or not attribute:
        raise EvalError(f"{path!r}: an embedder is named module:function, for example my_module:load.")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # a module that it imports in its turn is missing: the traceback tells more
        raise EvalError(f"{path}: no module {error.name!r} here or installed; run where {name}.py lies.") from error
    function = getattr(module, attribute, None)
    if function is None:
        public = [known for known in vars(module) if not known.startswith("_")]
        raise UnknownName(f"function in {name}", attribute, public, "write module:function.")
    if not callable(function):
        raise EvalError(f"{path}: {attribute} is {type(function).__name__}, not a function that returns an embedder.")
    embedder: Embedder = function(*arguments, **options)
    if not isinstance(getattr(embedder, "name", None), str) or not embedder.name:
        raise ContractError(f"{path}: the embedder has no name; give it an attribute `name` with model and revision.")
    if not callable(getattr(embedder, "embed", None)):
        raise ContractError(f"{path}: the embedder has no method embed(items).")
    return embedder


def get_layout_name(embedder: Embedder) -> str:
    """The name of the layout that it wants."""
    return str(getattr(embedder, "layout", "plain"))


def get_prompt_kinds(embedder: Embedder) -> frozenset[str]:
    """The kinds of prompt that it takes.

    Raises:
        UnknownName: a kind that there is not.
    """
    kinds = frozenset(getattr(embedder, "prompts", ()))
    for kind in kinds - PROMPT_KINDS.keys():
        raise UnknownName("kind of prompt", str(kind), PROMPT_KINDS, f"prompts holds {', '.join(PROMPT_KINDS)}.")
    return kinds


def get_settings(embedder: Embedder) -> dict[str, Any]:
    """What it says of itself for the result."""
    return dict(getattr(embedder, "settings", {}))


def get_counts(embedder: Embedder, items: Sequence[Item]) -> dict[str, int]:
    """What it counts among the distinct items of a task."""
    counts = getattr(embedder, "counts", None)
    return {} if counts is None else {name: int(value) for name, value in counts(items).items()}


def check_vectors(vectors: object, items: Sequence[Item], embedder_name: str) -> NDArray[np.float32]:
    """``vectors`` as (len(items), D) float32 rows of length 1, or the first way in which they are not.

    Raises:
        ContractError: another type, shape or number format, a value that is not finite, or a length that is not 1;
            names embedder, item and value.
    """
    import numpy as np

    if not isinstance(vectors, np.ndarray):
        raise ContractError(
            f"{embedder_name}: embed returned {type(vectors).__name__}; return a numpy array of float32."
        )
    if vectors.ndim != 2 or len(vectors) != len(items) or vectors.shape[1] == 0:
        wanted = f"({len(items)}, D), one row for each item"
        raise ContractError(f"{embedder_name}: embed returned an array of shape {vectors.shape}; return {wanted}.")
    if not np.issubdtype(vectors.dtype, np.floating):
        raise ContractError(f"{embedder_name}: embed returned numbers of type {vectors.dtype}; return float32.")
    finite = np.isfinite(vectors)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        value = f"{vectors[row, column]} at position {column}"
        message = f"{embedder_name}: the vector of {describe_item(items[row])} holds {value}; return finite numbers."
        raise ContractError(message, items[row])
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    off = np.abs(lengths - 1) > NORM_TOLERANCE
    if off.any():
        row = int(np.argmax(off))
        length = f"has length {lengths[row]:.4g}, not 1"
        message = f"{embedder_name}: the vector of {describe_item(items[row])} {length}; divide it by its L2 norm."
        raise ContractError(message, items[row])
    return vectors.astype(np.float32, copy=False)
