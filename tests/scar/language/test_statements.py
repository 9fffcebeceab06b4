"""Statements of parsed texts: pieces of their sentences, with the relation's parts kept."""

from __future__ import annotations

import importlib.util
import json
import random

import pytest

from scar.language.human_text import clean_text, find_unread_reason
from scar.language.noun_phrase import NounPhrase
from scar.language.parsed_noun_phrase import has_limbs
from scar.language.parser import DEFAULT_PIPELINE, Parse, open_parser
from scar.language.statements import Statement, find_statements
from tests.scar.language.parses import CAT_ON_TABLE, make_parse
from tests.shared import SHARED

CAPTIONS = SHARED / "data" / "coco-captions" / "captions_val2017.json"

needs_parser = pytest.mark.skipif(
    importlib.util.find_spec("spacy") is None or importlib.util.find_spec(DEFAULT_PIPELINE) is None,
    reason="the extra `parser` is not installed",
)

SAID = {
    "A stuffed animal inside of a microwave": ["a stuffed animal inside of a microwave"],
    "A black cat sitting on the table in front of a laptop": [
        "a black cat sitting on a table",
        "a black cat sitting on a table in front of a laptop",
    ],
    "salad fork on table": ["a salad fork on a table"],
    "A man is riding a wave on a surfboard": ["a man riding a wave", "a man riding a wave on a surfboard"],
    "A dog is laying on the grass": ["a dog lying on the grass"],
    "There are two men that are standing next to a bus": ["two men standing next to a bus"],
    "A group of people sitting at a table": ["a group of people sitting at a table"],
    "A man holds a tennis racket in his hand": [
        "a man holding a tennis racket",
        "a man holding a tennis racket in his hand",
    ],
    "A slice of pizza on a white plate": ["a slice of pizza on a white plate"],
    "The clock is hanging from the ceiling": ["a clock hanging from a ceiling"],
    "A girl playing tennis on a court": ["a girl playing tennis on a court"],
    "A dog with a red frisbee in its mouth": [],
    "A cow being milked by a machine": ["a cow being milked by a machine"],
    "A bus parked between two cars": ["a bus parked between two cars"],
    "A young boy rides a skateboard on a trail": [
        "a young boy riding a skateboard",
        "a young boy riding a skateboard on a trail",
    ],
    "A bike parked under a traffic light": ["a bike parked under a traffic light"],
    "A woman preparing a sandwich on a plate": [
        "a woman preparing a sandwich",
        "a woman preparing a sandwich on a plate",
    ],
    "A clock is seen at the top of a building": ["a clock at the top of a building"],
    "A train going down a track": ["a train going down a track"],
    "A clock mounted to a wall": ["a clock mounted to a wall"],
    "A train sitting inside of a station": ["a train sitting inside of a station"],
    "A train sitting parked at a station": ["a train parked at a station"],
    "A kitchen has a microwave on the counter": ["a microwave on a counter"],
    "A man standing on a hill with sheep": ["a man standing on a hill", "a man standing on a hill with sheep"],
}
"""Sentence -> what is read of it."""

UNSAID = [
    "A man is not sitting on a bench",  # negation
    "A man might be sitting on a bench",  # a guess
    "A man waiting for a bus",  # what a picture does not show
    "A boy trying to catch a frisbee",
    "A man about to hit a ball",
    "He is riding a horse",  # a pronoun
    "A man with it",
    "A picture of a kitchen",  # no thing
    "The front of a bus",
    "A sdfgh on a table",  # no word
    "A man on a sdfgh",
    "A view of the city at night",
    "A man seems to be sitting",
    "Something on a table",
    "A man covered a hill",  # a past tense
    "Sunny day",
    "dog",
]
"""Sentences of which nothing is read."""


def test_a_statement_keeps_the_parts_of_its_relation() -> None:
    short, whole = find_statements(CAT_ON_TABLE)
    cat = NounPhrase("a black cat", "cat", ("black",))
    table, laptop = NounPhrase("a table", "table"), NounPhrase("a laptop", "laptop")
    assert short == Statement(cat, 1, "sitting", None, "on", table, verb="sit")
    assert whole == Statement(cat, 1, "sitting on", table, "in front of", laptop, verb="sit", landmark_preposition="on")
    assert whole.text == "a black cat sitting on a table in front of a laptop"
    assert whole.relation == "sitting on a table in front of"


def test_a_negated_verb_says_nothing() -> None:
    parse = make_parse(
        "A/a/DT/det/1 cat/cat/NN/nsubj/4 is/be/VBZ/aux/4 not/not/RB/neg/4 sitting/sit/VBG/ROOT/4 on/on/IN/prep/4 "
        "a/a/DT/det/7 table/table/NN/pobj/5"
    )
    assert find_statements(parse) == ()


@pytest.mark.parametrize("words", [(), ("dog",), ("on",) * 50, ("a",) * 50, ("dog",) * 50, ("'s", "-", ",", "'")])
@pytest.mark.parametrize("tag", ["NN", "IN", "VBG", "DT"])
@pytest.mark.parametrize("dep", ["ROOT", "prep", "pobj", "acl", "nsubj"])
def test_no_parse_is_too_odd(words: tuple[str, ...], tag: str, dep: str) -> None:
    rng = random.Random(f"{words} {tag} {dep}")
    heads = tuple(rng.randrange(index + 1) for index in range(len(words)))  # no circles, as in every parse
    find_statements(Parse(words, words, (tag,) * len(words), (dep,) * len(words), heads))


@needs_parser
@pytest.mark.slow
def test_sentences_give_their_statements() -> None:
    parser = open_parser()
    assert parser is not None
    found = {
        text: [statement.text for statement in find_statements(parse)]
        for text, parse in zip(SAID, parser.parse(list(SAID)), strict=True)
    }
    assert found == SAID
    unsaid = dict(zip(UNSAID, map(find_statements, parser.parse(UNSAID)), strict=True))
    assert {text: statements for text, statements in unsaid.items() if statements} == {}


@needs_parser
@pytest.mark.slow
def test_articles_and_counts() -> None:
    parser = open_parser()
    assert parser is not None
    texts = [
        "two men on an orange boat",
        "a couple of dogs on sand",
        "Some water in the bowl",
        "bananas on the ground",
    ]
    subjects = [find_statements(parse)[0] for parse in parser.parse(texts)]
    assert [(s.subject.text, s.count, s.subject.noun, s.subject.plural) for s in subjects] == [
        ("two men", 2, "man", True),
        ("a couple of dogs", 2, "dog", True),
        ("water", None, "water", False),
        ("bananas", None, "banana", True),
    ]
    assert [s.rest.text for s in subjects] == ["an orange boat", "sand", "a bowl", "the ground"]
    assert subjects[0].rest.attributes == ("orange",)


@needs_parser
@pytest.mark.slow
@pytest.mark.skipif(not CAPTIONS.exists(), reason="needs the real captions")
def test_statements_of_real_captions_are_pieces_of_them() -> None:
    parser = open_parser()
    assert parser is not None
    rows = json.loads(CAPTIONS.read_text())["annotations"][::25]
    texts = [text for row in rows if find_unread_reason(text := clean_text(row["caption"])) is None]
    found = list(zip(texts, map(find_statements, parser.parse(texts)), strict=True))
    assert sum(1 for _, statements in found if statements) > 0.3 * len(texts)
    articles = {"a", "an", "the", "another", "several", "some"}
    for text, statements in found:
        words = text.lower().replace("-", " ").replace(",", "").replace("'s", " 's").split()
        for statement in statements:
            said = statement.text.lower().replace("-", " ").replace(",", "").replace("'s", " 's").split()
            new = {word for word in said if word not in words} - articles
            assert {word for word in new if not word.endswith("ing") and not word.isalpha()} == set(), (text, said)
            assert len([word for word in new if not word.endswith("ing")]) <= 1, (text, statement.text)
            assert statement.text == " ".join(statement.text.split())
            assert statement.text == f"{statement.subject.text} {statement.relation} {statement.rest.text}"


@pytest.mark.parametrize(
    ("noun", "limbs"),
    [
        ("skier", True), ("cat", True), ("guy", True), ("teddy bear", False), ("video game controller", False),
        ("controller", False), ("table", False), ("little girl", True),
    ],
)  # fmt: skip
def test_who_has_hands(noun: str, limbs: bool) -> None:
    assert has_limbs(noun) == limbs
