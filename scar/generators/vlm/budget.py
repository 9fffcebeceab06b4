"""How much a build may ask of a paid model, what it would take, and what it took."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from scar.errors import BuildInterrupted, InputError
from scar.generators.vlm.chat_request import Reply

Unit: TypeAlias = Literal["requests", "tokens", "money"]


@dataclass(frozen=True, slots=True)
class Price:
    """Money for a million tokens that are read, and that are written."""

    per_million_input: float
    per_million_output: float

    def compute(self, input_tokens: float, output_tokens: float) -> float:
        """The money for these numbers of tokens."""
        return (input_tokens * self.per_million_input + output_tokens * self.per_million_output) / 1e6


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that may be spent, in a unit."""

    most: float
    unit: Unit


@dataclass(slots=True)
class Bill:
    """What this run of a build sends and pays.

    Attributes:
        limit: the most that may be spent; None for no limit.
        price: price of tokens; None if it is not known.
        requests: number of requests that were answered.
        failures: number of attempts without an answer, by the name of the failure.
        input_tokens, output_tokens: tokens of the answers.
        in_flight: number of requests that are sent and not answered.
        bytes_sent: bytes of pictures that were sent.
    """

    limit: Limit | None = None
    price: Price | None = None
    requests: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    in_flight: int = 0
    bytes_sent: int = 0

    def reserve(self) -> None:
        """Note that a request is sent.

        Raises:
            BuildInterrupted: it may exceed the budget, if it is as long as the mean one so far.
        """
        if self.limit is not None:
            ahead = self.in_flight + 1
            spent = self._spend(self.requests + ahead, self._mean_input * ahead, self._mean_output * ahead)
            if spent > self.limit.most:
                told = f"the budget of {self.limit.most:g} {self.limit.unit} is spent ({self.describe()})"
                raise BuildInterrupted(f"{told}; give a larger --budget")
        self.in_flight += 1

    def settle(self, reply: Reply | None) -> None:
        """Note that a request was answered, or with None that it was given up."""
        self.in_flight -= 1
        if reply is not None:
            self.requests += 1
            self.input_tokens += reply.input_tokens
            self.output_tokens += reply.output_tokens

    def count_failure(self, name: str) -> None:
        """Note an attempt without an answer."""
        self.failures[name] = self.failures.get(name, 0) + 1

    @property
    def money(self) -> float | None:
        """What the answers cost; None without a price."""
        return None if self.price is None else self.price.compute(self.input_tokens, self.output_tokens)

    def describe(self) -> str:
        """The bill in one line."""
        parts = [f"{self.requests:,} answers", f"{self.input_tokens:,} + {self.output_tokens:,} tokens"]
        if self.money is not None:
            parts.append(f"{self.money:.2f} in money")
        if self.failures:
            named = ", ".join(f"{name} {count:,}" for name, count in sorted(self.failures.items()))
            parts.append(f"{sum(self.failures.values()):,} attempts failed: {named}")
        return ", ".join(parts)

    @property
    def _mean_input(self) -> float:
        return self.input_tokens / self.requests if self.requests else 0.0

    @property
    def _mean_output(self) -> float:
        return self.output_tokens / self.requests if self.requests else 0.0

    def _spend(self, requests: int, more_input: float, more_output: float) -> float:
        if self.limit is None or self.limit.unit == "requests":
            return requests
        tokens = self.input_tokens + more_input, self.output_tokens + more_output
        if self.limit.unit == "tokens" or self.price is None:
            return sum(tokens)
        return self.price.compute(*tokens)


def parse_limit(text: str, price: Price | None) -> Limit:
    """Read a budget, such as "500 requests", "2e6 tokens" or "5 money".

    Raises:
        InputError: it is none of these, or is in money without a price.
    """
    found = re.fullmatch(r"([0-9.e+,_]+)\s*([a-z]+)", text.strip().lower())
    try:
        most = float(found[1].replace(",", "").replace("_", "")) if found else 0.0
    except ValueError:
        most = 0.0
    unit = next((each for each in get_args(Unit) if found and each.rstrip("s") == found[2].rstrip("s")), None)
    if unit is None or not 0 < most < float("inf"):
        raise InputError(f"--budget {text!r}: give a number and {', '.join(get_args(Unit))}, such as '500 requests'.")
    if unit == "money" and price is None:
        raise InputError(f"--budget {text!r}: give --price too, the money for a million tokens read and written.")
    return Limit(most, unit)


def parse_price(text: str) -> Price:
    """Read a price, such as "2.5,10": money for a million tokens that are read, and that are written.

    Raises:
        InputError: it is none.
    """
    try:
        read, written = (float(number) for number in text.split(","))
    except ValueError:
        read = written = -1.0
    if not (0 <= read < float("inf") and 0 <= written < float("inf")):
        raise InputError(f"--price {text!r}: give money for a million tokens read and written, such as 2.5,10.")
    return Price(read, written)
