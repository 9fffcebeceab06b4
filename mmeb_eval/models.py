"""From the name a user gives to an embedder; a model that is not asked for is not imported."""

from __future__ import annotations

from mmeb_eval.embedder import Embedder, load
from mmeb_eval.errors import EvalError, UnknownName

NAMES = ("constant", "random", "text-only", "virtue", "clip:<folder or hub id>", "<module>:<function>")
"""What `load_model` takes."""


def load_model(name: str, *, config: str | None = None, seed: int = 0) -> Embedder:
    """The embedder of that name.

    Args:
        name: one of `NAMES`.
        config: ``tiny``, ``2b``, ``7b`` or a file, for virtue.
        seed: of the random floor.

    Raises:
        UnknownName: there is none.
        EvalError: it cannot be loaded; says why.
    """
    if name in ("constant", "random", "text-only"):
        from mmeb_eval import floors

        made: dict[str, Embedder] = {
            "constant": floors.Constant(),
            "random": floors.Random(seed),
            "text-only": floors.TextOnly(),
        }
        return made[name]
    if name == "virtue":
        return _virtue({} if config is None else {"config": config})
    if name.startswith("clip:"):
        return load("mmeb_eval.adapters.clip:load", model_id=name.removeprefix("clip:"))
    if ":" in name:
        return load(name)
    raise UnknownName("model", name, NAMES, f"a model is one of {', '.join(NAMES)}.")


def _virtue(options: dict[str, str]) -> Embedder:
    """The reference model, which alone needs torch."""
    try:
        return load("virtue_ref.embedder:load", **options)
    except ModuleNotFoundError as error:
        raise EvalError(f"virtue: {error}; `pip install 'scar-virtue[virtue]'` installs it.") from error
