"""Which texts of people are read."""

from __future__ import annotations

import json

import pytest

from scar.language.human_text import MAX_WORDS, clean_text, find_unread_reason
from tests.scar.language.test_odd_words import ODD
from tests.shared import SHARED

CAPTIONS = SHARED / "data" / "coco-captions" / "captions_val2017.json"


@pytest.mark.parametrize(
    "text",
    [
        "Ein Mann sitzt auf einem Stuhl", "Zwei Hunde spielen im Park", "Das Auto fährt in der Stadt an einem Haus",
        "Eine Frau mit Hut", "Un homme assis sur une chaise",
        "Deux chats dorment sur un canapé", "chat noir sur la table",
        "Des gens au bord de la mer", "一个男人骑着自行车", "海滩上的狗", "Un hombre monta en bicicleta por la calle",
        "Dos perros juegan en la playa", "la mesa roja", "Una mujer con un paraguas", "Un uomo seduto su una sedia",
        "Um homem andando de bicicleta", "Een man op een fiets", "Собака на диване", "ソファの上の犬", "رجل على دراجة",
    ],
)  # fmt: skip
def test_other_languages_are_known(text: str) -> None:
    assert find_unread_reason(clean_text(text)) == "not_english"


@pytest.mark.parametrize(
    "text",
    [
        "salad fork on table", "man left", "guy with hat", "A café in Paris with a piñata", "two giraffes", "dog",
        "An elderly woman's T-shirt", "A MAN ON A BUS", "A Boeing 747 taxiing at LAX", "a person skateboards", "red",
    ],
)  # fmt: skip
def test_english_is_known(text: str) -> None:
    assert find_unread_reason(clean_text(text)) is None


@pytest.mark.skipif(not CAPTIONS.exists(), reason="needs the real captions")
def test_hardly_a_real_caption_is_refused() -> None:
    captions = [row["caption"] for row in json.loads(CAPTIONS.read_text())["annotations"]][::5]
    refused = [text for text in captions if find_unread_reason(clean_text(text)) is not None]
    assert len(refused) < 0.001 * len(captions), refused


def test_long_texts_are_refused_before_they_are_parsed() -> None:
    words = "a dog " * (MAX_WORDS // 2)
    assert find_unread_reason(clean_text(words)) is None
    assert find_unread_reason(clean_text(f"{words} more")) == "too_long"
    assert find_unread_reason(clean_text("a dog " * 5_000)) == "too_long"
    assert find_unread_reason("x" * 10_000) == "too_long"
    assert find_unread_reason(clean_text("狗" * 10_000)) == "too_long"


@pytest.mark.parametrize("text", ["", " ", "\0\x1c", "...", "123", "🐶", "_"])
def test_a_text_without_words_is_counted(text: str) -> None:
    assert find_unread_reason(clean_text(text)) == "no_words"


def test_control_characters_become_spaces() -> None:
    assert clean_text("A\x00man\ton\u2028a\ufeff bus\ud800 .\n") == "A man on a bus"


@pytest.mark.parametrize("text", ODD)
def test_every_text_is_cleaned_once(text: str) -> None:
    clean = clean_text(text)
    assert clean_text(clean) == clean
    clean.encode()
    find_unread_reason(clean)
