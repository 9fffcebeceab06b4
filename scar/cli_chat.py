"""Options of `scar build` for a model that writes captions, and the generator that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from scar.errors import InputError

if TYPE_CHECKING:
    from scar.generators.generator import Generator

CHAT_OPTIONS = frozenset({"chat_mode", "chat_model", "base_url", "ledger", "replay", "budget", "price", "concurrency"})
"""Names of the options that need a model."""


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """The options as they are given; `scar build --help` says what they mean."""

    generator: Literal["rules", "openai", "transformers"]
    mode: Literal["complete", "write", "judge"]
    model: str | None
    base_url: str | None
    ledger: Path | None
    replay: bool
    budget: str | None
    price: str | None
    concurrency: int


@contextmanager
def open_generator(
    options: ChatOptions, out: Path, parser: str | None, tell: Callable[[str], object]
) -> Iterator[Generator | None]:
    """Open the generator that options name; None stands for the rules. At the end, the bill is told.

    Raises:
        InputError: options do not go together, a package is missing, or the ledger cannot be used.
    """
    if options.generator == "rules":
        yield None
        return
    from scar.generators.vlm.budget import Bill, parse_limit, parse_price
    from scar.generators.vlm.chat_request import ChatModel
    from scar.generators.vlm.ledger import Ledger, LedgerModel
    from scar.generators.vlm.make_generator import make_chat_generator

    if options.model is None:
        raise InputError(f"--generator {options.generator}: missing --chat-model; give the name of the model.")
    if options.mode == "complete":
        _need_parser(parser)
    price = parse_price(options.price) if options.price else None
    bill = Bill(parse_limit(options.budget, price) if options.budget else None, price)
    with ExitStack() as stack:
        path = options.ledger or out.absolute().parent / "ledger.sqlite"
        ledger = Ledger(path, is_readonly=options.replay)
        stack.callback(ledger.close)
        model: ChatModel | None = None
        if not options.replay and options.generator == "openai":
            from scar.generators.vlm.openai_model import Endpoint, OpenAIModel

            model = server = OpenAIModel(Endpoint(options.base_url, options.concurrency), bill)
            stack.callback(server.close)
        elif not options.replay:
            from scar.generators.vlm.transformers_model import TransformersModel

            model = TransformersModel(options.model, bill)
        stack.callback(lambda: tell(f"{options.model}: {bill.describe()}; {path} has every reply"))
        yield make_chat_generator(options.mode, LedgerModel(ledger, model), options.model, options.generator, parser)


def _need_parser(name: str | None) -> None:
    from scar.language.parse_texts import open_texts
    from scar.language.parser import WAY_OUT

    if open_texts(name, None)[0] is None:
        raise InputError(f"--chat-mode complete: what a model writes is parsed, and no parser is installed: {WAY_OUT}.")
