"""Make the generators behind a model: what the build calls."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Literal, TypeAlias

from scar.generators.default import make_rules_generator
from scar.generators.generator import Generator, GoldOfTask
from scar.generators.rules.fit import fit_generator
from scar.generators.vlm import write
from scar.generators.vlm.complete import complete_golds
from scar.generators.vlm.conversation import Chat, name_prompt
from scar.generators.vlm.judge import judge_negatives
from scar.generators.vlm.ledger import LedgerModel
from scar.generators.vlm.pending import CollectingModel

ChatMode: TypeAlias = Literal["complete", "write", "judge"]
"""What a model does: golds where the rules have no natural one; all ten captions; or judging those of the rules."""


def make_chat_generator(
    mode: ChatMode,
    model: LedgerModel | CollectingModel,
    model_name: str,
    kind: str = "openai",
    parser: str | None = None,
) -> Generator:
    """Make a generator that asks a model.

    It is for one process: its functions hold the ledger and the connections. Nothing is asked before it is fitted.

    Args:
        mode: what the model does.
        model: answers and keeps the replies, or collects what is asked.
        model_name: name of the model; it is part of every request.
        kind: name of the generator in the build report, such as "openai".
        parser: package of the parser of texts.
    """
    chat, rules = Chat(model, model_name), make_rules_generator()
    version = f"{name_prompt(mode)}, {model_name}"
    if mode == "write":
        return Generator(
            kind,
            version,
            partial(write.write_golds, chat=chat),
            write.write_negatives,
            usage=model.usage,
        )

    def fit(generator: Generator, golds: Sequence[GoldOfTask], seed: str, is_complete: bool) -> Generator:
        fitted = fit_generator(rules, golds, seed, is_complete)
        if mode == "complete":
            completed = partial(complete_golds, write_golds=fitted.write_golds, chat=chat, parser=parser)
            return dataclasses.replace(generator, write_golds=completed, write_negatives=fitted.write_negatives)
        judged = partial(judge_negatives, write_negatives=fitted.write_negatives, chat=chat)
        return dataclasses.replace(generator, write_golds=fitted.write_golds, write_negatives=judged)

    return Generator(
        kind,
        f"{version}, rules {rules.version}",
        rules.write_golds,
        rules.write_negatives,
        fit,
        reads_texts=True,
        usage=model.usage,
    )
