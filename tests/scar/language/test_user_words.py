"""A user's words: what a file may say, and the one line about a file that cannot be used."""

from pathlib import Path

import pytest

from scar.errors import RecipeError
from scar.language.category_names import describe_category, name_category
from scar.language.user_words import Words, parse_words, read_words

FILE = """
[names]
"sky-other" = "the sky"
veh_03 = "delivery van"
Pegasus = "a winged horse"
herd = "zebus"

[plurals]
zebu = "zebus"
quinoa = "quinoa"

[scenes]
club_vip = "in a night club"
"""


def words_of(tmp_path: Path, text: str) -> Words:
    path = tmp_path / "words.toml"
    path.write_text(text, encoding="utf-8")
    return read_words(path)


def test_a_users_words_come_first(tmp_path: Path) -> None:
    words = words_of(tmp_path, FILE)
    said = {name: name_category(name, words) for name in ("Sky_Other", "VEH-03", "pegasus", "herd", "quinoa", "zebu")}
    assert {name: phrase and phrase.text for name, phrase in said.items()} == {
        "Sky_Other": "the sky",
        "VEH-03": "a delivery van",
        "pegasus": "a winged horse",
        "herd": "zebus",
        "quinoa": "quinoa",
        "zebu": "a zebu",
    }
    herd = name_category("herd", words)
    assert herd is not None and (herd.noun, herd.plural) == ("zebu", True)
    assert describe_category("herd", words).origin == "user"
    assert describe_category("dog", words).origin == "table"


def test_a_user_can_name_what_names_no_thing() -> None:
    words = Words(names=(("background", "a studio backdrop"),))
    assert describe_category("background").phrase is None
    phrase = name_category("Background", words)
    assert phrase is not None and phrase.text == "a studio backdrop"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[name]\na = "b"', "unknown table 'name': did you mean names?"),
        ('[names]\n"sky-other" = "the sky"\nSKY_OTHER = "sky"', "'sky-other' and 'SKY_OTHER' are the same name"),
        ('[scenes]\n"night club" = "a club"\nnightclub = "a club"', "are the same name; leave one out"),
        ('[names]\na = ""', "'a' = '' has no word; give the words, or leave the name out"),
        ('[names]\na = "  "', "has no word"),
        ('[names]\na = "🐶"', "has no word"),
        ("[names]\na = 3", "'a' = 3 is no text; put the words into quotes"),
        ("[names.a]\nb = 'c'", "is no text"),
        ('[names]\na = "x\\u0007y"', "has a control character"),
        (f'[names]\na = "{"dog " * 2_500}"', "has 10,000 characters, 80 are allowed; give a short phrase"),
        ('[names]\n"--" = "a dog"', "the name '--' has no letter and no digit"),
        ('[plurals]\nox = "oxen"\noxen = "oxens"', "'oxen', the plural of 'ox', is itself a noun there"),
        ('[plurals]\naxe = "axes"\naxis = "axes"', "'axes' is the plural of 'axe' and of 'axis'; leave one out"),
        (
            '[names]\nx = "a zebus"\n[plurals]\nzebu = "zebus"',
            "'a zebus' is one thing, but 'zebus' is the plural of 'zebu'",
        ),
        ('[names]\nbar = "a bar"\n[scenes]\nBar = "in a bar"', "'bar' in [names] is 'Bar' in [scenes]"),
        ("names = 3", "names = 3"),
        ("[names\n", "not TOML"),
        ('[names]\na = "b"\na = "c"', "not TOML"),
    ],
)
def test_a_file_that_cannot_be_used_gives_one_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(RecipeError) as caught:
        words_of(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "words.toml"))
    assert problem in message
    assert "\n" not in message and len(message) < 400


def test_a_missing_file_and_a_file_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="No such file"):
        read_words(tmp_path / "none.toml")
    (tmp_path / "words.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="not TOML"):
        read_words(tmp_path / "words.toml")


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert words_of(tmp_path, "") == Words()
    assert parse_words({"names": {}}, "words.toml") == Words()
