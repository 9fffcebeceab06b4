"""Probe of the instruction: how much does a model use it? Queries get none, the same in other words, or a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mmeb_eval.embedder import Embedder, get_prompt_kinds
from mmeb_eval.item import Item
from mmeb_eval.templates.apart import clean_instruction
from mmeb_eval.templates.fused import DATA_IMAGE_TOKEN
from mmeb_eval.wrapped_embedder import WrappedEmbedder
from scar.errors import UnknownName

INSTRUCTION_PROBES: Mapping[str, Callable[[str], str]] = {
    "none": lambda _: "",
    "paraphrase": lambda words: f"Your task is as follows: {words[:1].lower()}{words[1:]}",
    "wrong": lambda _: "Identify the language in which the given sentence is written.",
}
"""Name of a probe, a value of ``--instruction`` -> function from a task's instruction to the one that queries get.

The wrong one is of no task of the table.
"""


def rewrite_instruction(instruction: str, probe: str) -> str:
    r"""The instruction of a row under a probe; the data's image token stays in front if there is one.

    >>> rewrite_instruction("<|image_1|>\nIdentify the scene:", "paraphrase")
    '<|image_1|>\nYour task is as follows: identify the scene:'
    """
    token = f"{DATA_IMAGE_TOKEN}\n" if DATA_IMAGE_TOKEN in instruction else ""
    return token + INSTRUCTION_PROBES[probe](clean_instruction(instruction))


class InstructionAdapter(WrappedEmbedder):
    """An embedder whose queries get other instructions; the evaluator changes them when it reads the rows.

    Attributes:
        instruction_probe: name of the probe, a key of `INSTRUCTION_PROBES`.
    """

    def __init__(self, inner: Embedder, probe: str) -> None:
        super().__init__(inner, f"+instruction-{probe}")
        self.instruction_probe = probe
        self.prompts = tuple(sorted(get_prompt_kinds(inner)))
        self.region: str | None = getattr(inner, "region", None)

    def embed(self, items: Iterable[Item]) -> Any:
        """The inner embedder's vectors."""
        return self.inner.embed(list(items))


def apply_instruction_probe(embedder: Embedder, probe: str) -> Embedder:
    """Wrap an embedder so that its queries get the instructions of a probe; it is named ``<name>+instruction-<probe>``.

    Raises:
        UnknownName: there is no such probe.
    """
    if probe not in INSTRUCTION_PROBES:
        known = ", ".join(INSTRUCTION_PROBES)
        raise UnknownName("probe of the instruction", probe, INSTRUCTION_PROBES, f"--instruction is one of {known}.")
    return InstructionAdapter(embedder, probe)
