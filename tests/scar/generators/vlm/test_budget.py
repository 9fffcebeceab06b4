"""Budgets and prices are read as people write them; what is none is refused in one line."""

from __future__ import annotations

import pytest

from scar.errors import InputError
from scar.generators.vlm.budget import Bill, Limit, Price, parse_limit, parse_price


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("500 requests", Limit(500, "requests")),
        ("1 request", Limit(1, "requests")),
        ("2e6 tokens", Limit(2e6, "tokens")),
        ("1,000,000 Tokens", Limit(1e6, "tokens")),
        ("12.5 money", Limit(12.5, "money")),
    ],
)
def test_budgets(text: str, limit: Limit) -> None:
    assert parse_limit(text, Price(1, 2)) == limit


@pytest.mark.parametrize(
    "text", ["", "500", "requests", "-5 requests", "0 tokens", "5 pounds", "1e999 tokens", "1.2.3 tokens"]
)
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--budget"):
        parse_limit(text, None)


def test_money_needs_a_price() -> None:
    with pytest.raises(InputError, match="--price"):
        parse_limit("5 money", None)


def test_prices() -> None:
    assert parse_price("2.5,10") == Price(2.5, 10)
    assert parse_price("2.5,10").compute(2e6, 1e6) == 15
    for text in ("2.5", "a,b", "-1,2", "1,2,3", "inf,1", ""):
        with pytest.raises(InputError, match="--price"):
            parse_price(text)


def test_a_bill_names_what_failed_and_what_it_cost() -> None:
    bill = Bill(price=Price(1, 1))
    bill.count_failure("status 429")
    assert bill.describe() == "0 answers, 0 + 0 tokens, 0.00 in money, 1 attempts failed: status 429 1"
