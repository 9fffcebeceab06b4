"""Options of `scar build` for a model that writes captions, and the generator that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from scar.errors import BuildInterrupted, InputError

if TYPE_CHECKING:
    from scar.generators.generator import Generator
    from scar.generators.vlm.budget import Bill
    from scar.generators.vlm.ledger import Ledger
    from scar.recipe import Recipe

CHAT_OPTIONS = frozenset(
    {"chat_mode", "chat_model", "base_url", "ledger", "replay", "budget", "price", "concurrency", "batch"}
)
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
    batch: Path | None
    poll_s: float = 30.0


@contextmanager
def open_generator(
    options: ChatOptions, recipe: Recipe, out: Path, force: bool, tell: Callable[[str], object]
) -> Iterator[Generator | None]:
    """Open the generator that options name; None stands for the rules. At the end, the bill is told.

    With --batch, all that the model is asked is sent as files first, and the generator repeats the answers.

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

    name = _check_options(options, recipe.parser)
    price = parse_price(options.price) if options.price else None
    bill = Bill(parse_limit(options.budget, price) if options.budget else None, price)
    with ExitStack() as stack:
        path = options.ledger or out.absolute().parent / "ledger.sqlite"
        path.parent.mkdir(parents=True, exist_ok=True)
        ledger = Ledger(path, is_readonly=options.replay)
        stack.callback(ledger.close)
        model: ChatModel | None = None
        if options.batch is not None:
            _ask_in_batches(options, name, recipe, out, force, ledger, bill, tell)
        elif not options.replay and options.generator == "openai":
            from scar.generators.vlm.openai_model import Endpoint, OpenAIModel

            model = server = OpenAIModel(Endpoint(options.base_url, options.concurrency), bill)
            stack.callback(server.close)
        elif not options.replay:
            from scar.generators.vlm.transformers_model import TransformersModel

            model = TransformersModel(name, bill)
        stack.callback(lambda: tell(f"{name}: {bill.describe()}; {path} has every reply"))
        yield make_chat_generator(options.mode, LedgerModel(ledger, model), name, options.generator, recipe.parser)


def make_estimating_generator(options: ChatOptions, parser: str | None) -> Generator | None:
    """The generator whose requests are counted and not sent; None stands for the rules."""
    if options.generator == "rules":
        return None
    from scar.generators.vlm.make_generator import make_chat_generator
    from scar.generators.vlm.pending import CollectingModel

    name = _check_options(options, parser)
    return make_chat_generator(options.mode, CollectingModel(), name, options.generator, parser)


def _ask_in_batches(
    options: ChatOptions,
    name: str,
    recipe: Recipe,
    out: Path,
    force: bool,
    ledger: Ledger,
    bill: Bill,
    tell: Callable[[str], object],
) -> None:
    """Send what the model is asked as files, again and again until the ledger has every reply.

    Raises:
        BuildInterrupted: batches come back without an answer.
    """
    from scar.build.ask_ahead import ask_ahead
    from scar.common.progress import show_progress
    from scar.generators.vlm.batches import BatchFolder
    from scar.generators.vlm.ledger import LedgerModel
    from scar.generators.vlm.make_generator import make_chat_generator
    from scar.generators.vlm.openai_model import Endpoint
    from scar.generators.vlm.pending import CollectingModel

    folder = BatchFolder(options.batch or out, name, Endpoint(options.base_url), bill, tell, poll_s=options.poll_s)
    is_new = False
    while True:
        collecting = CollectingModel()
        generator = make_chat_generator(
            options.mode, LedgerModel(ledger, collecting), name, options.generator, recipe.parser
        )
        ask_ahead(recipe, out, generator, force, show_progress)
        if not collecting.requests:
            return
        folder.send_unsent()
        found = folder.finish(ledger)
        if not found and is_new:
            raise BuildInterrupted(f"{options.batch}: {bill.describe()}; the last batches gave no answer; look at them")
        is_new = not found
        if is_new:
            tell(f"{len(collecting.requests):,} requests in {folder.submit(list(collecting.requests.values()))} files")


def _check_options(options: ChatOptions, parser: str | None) -> str:
    """The name of the model, if the options go together."""
    if options.model is None:
        raise InputError(f"--generator {options.generator}: missing --chat-model; give the name of the model.")
    if options.batch is not None and (options.generator != "openai" or options.replay or options.budget):
        raise InputError("--batch goes with --generator openai, without --replay and --budget.")
    if options.generator == "transformers" and options.base_url is not None:
        raise InputError("--base-url: a local model has no server; leave it out.")
    if options.base_url is not None and not options.base_url.startswith(("http://", "https://")):
        raise InputError(f"--base-url {options.base_url!r}: give an address such as http://localhost:8000/v1.")
    if options.mode == "complete":
        from scar.language.parse_texts import open_texts
        from scar.language.parser import WAY_OUT

        if open_texts(parser, None)[0] is None:
            said = "what a model writes is parsed, and no parser is installed"
            raise InputError(f"--chat-mode complete: {said}: {WAY_OUT}.")
    return options.model
