"""A TOML table becomes a record, or the message names the file, the key, the value and what is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from scar.common.tables import check_values, make_record, read_toml
from scar.errors import ConfigError, DataError, RecipeError


@dataclass(frozen=True)
class Plain:
    name: str
    kind: Literal["a", "b"]
    sizes: tuple[float, ...] = ()


class Strict(msgspec.Struct, frozen=True, kw_only=True):
    count: Annotated[int, msgspec.Meta(ge=1)]
    path: Path | None = None

    def __post_init__(self) -> None:
        if self.count == 13:
            raise ValueError("13 is no count")


def to_path(_: type, value: Any) -> Path:
    return Path("base", str(value))


def test_records_of_both_styles() -> None:
    assert make_record({"name": "x", "kind": "a", "sizes": [1, 2.5]}, Plain, "here", DataError) == Plain(
        "x", "a", (1.0, 2.5)
    )
    made = make_record({"count": 2, "path": "a.txt"}, Strict, "here", RecipeError, dec_hook=to_path)
    assert made == Strict(count=2, path=Path("base/a.txt"))


def test_given_fields_are_no_keys_of_the_table() -> None:
    assert make_record({"kind": "b"}, Plain, "here", DataError, given={"name": "x"}) == Plain("x", "b")
    with pytest.raises(DataError, match=r"here: unknown column 'name': .*the columns are kind, sizes\."):
        make_record({"name": "y", "kind": "b"}, Plain, "here", DataError, what="column", given={"name": "x"})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"nmae": "x"}, r"t\.toml: unknown key 'nmae': did you mean name\? the keys are name, kind, sizes\."),
        ({"name": "x", "kind": "c"}, r"t\.toml: kind = 'c' is none of 'a', 'b'\."),
        ({"name": 3}, r"t\.toml: name = 3: Expected `str`, got `int`\."),
        ({"name": "x", "kind": "a", "sizes": ["y"]}, r"t\.toml: sizes = \['y'\]: Expected `float`, got `str`"),
        ({"sizes": []}, r"t\.toml: no key name, kind; the keys are name, kind, sizes\."),
        (3, r"t\.toml: 3 is not a table of keys\."),
    ],
)
def test_what_does_not_fit_is_named(table: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_record(table, Plain, "t.toml", ConfigError)


def test_limits_and_checks_of_the_record_hold() -> None:
    with pytest.raises(RecipeError, match=r"here: count = 0: Expected `int` >= 1\."):
        make_record({"count": 0}, Strict, "here", RecipeError)
    with pytest.raises(RecipeError, match=r"here: 13 is no count\."):
        make_record({"count": 13}, Strict, "here", RecipeError)


def test_a_table_may_be_checked_without_a_record() -> None:
    assert check_values({"size": 2}, {"size": float, "url": str}, "here", DataError) == {"size": 2.0}
    with pytest.raises(DataError, match="here: size = True: Expected `float`, got `bool`"):
        check_values({"size": True}, {"size": float}, "here", DataError)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("\ufeffa = 1", encoding="utf-8")
    assert read_toml(path, DataError) == {"a": 1}
    path.write_text("a = ")
    with pytest.raises(DataError, match=r"x\.toml: not TOML: Invalid value"):
        read_toml(path, DataError)
    path.write_bytes(b"\xff")
    with pytest.raises(DataError, match=r"x\.toml: not TOML: 'utf-8' codec"):
        read_toml(path, DataError)
    with pytest.raises(RecipeError, match=r"y\.toml: No such file or directory\."):
        read_toml(tmp_path / "y.toml", RecipeError)
