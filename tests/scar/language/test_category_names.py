"""Categories of sources become English noun phrases; names of no thing become none."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scar.language import english
from scar.language.category_names import describe_category, name_category, parse_noun_phrase
from scar.language.scene_names import describe_scene
from scar.language.user_words import Words

SAID = {
    # COCO-Stuff and COCO panoptic
    "wall-concrete": "a concrete wall",
    "wall-wood": "a wooden wall",
    "floor-tile": "a tiled floor",
    "sky-other": "the sky",
    "wall-other-merged": "a wall",
    "food-other-merged": "food",
    "dirt-merged": "dirt",
    "furniture-other": "a piece of furniture",
    "window-blind": "window blinds",
    "door-stuff": "a door",
    # ADE20K
    "person, individual, someone, somebody, mortal, soul": "a person",
    "cabinet, cupboard": "a cabinet",
    "windowpane, window": "a window",
    "ashcan, trash can, garbage can, wastebin, ash bin, ash-bin, ashbin, dustbin": "a trash can",
    "folding chairs": "folding chairs",
    "telephone, phone, telephone set": "a phone",
    "earth, ground": "the ground",
    "woods": "the woods",
    # LVIS
    "baseball_bat": "a baseball bat",
    "bow_(decorative_ribbons)": "a bow",
    "Ferris_wheel": "a Ferris wheel",
    "monitor_(computer_equipment) computer_monitor": "a computer monitor",
    "straw_(for_drinking)": "a drinking straw",
    # VOC
    "diningtable": "a dining table",
    "pottedplant": "a potted plant",
    "tvmonitor": "a screen",
    "aeroplane": "an airplane",
    # Open Images, Objects365
    "Human face": "a face",
    "Tree house": "a tree house",
    "Wild Bird": "a wild bird",
    "Cabinet/shelf": "a cabinet",
    "SUV": "an SUV",
    # DOTA, VisDrone, KITTI, nuScenes, Mapillary
    "large-vehicle": "a large vehicle",
    "ground-track-field": "a running track",
    "storage-tank": "a storage tank",
    "awning-tricycle": "a tricycle with an awning",
    "Van": "a van",
    "Person_sitting": "a sitting person",
    "vehicle.car": "a car",
    "object--vehicle--bicycle": "a bicycle",
    # Visual Genome
    "people": "people",
    "stop sign,stopsign": "a stop sign",
    "head light": "a headlight",
    "grafitti": "graffiti",
    "glasses": "a pair of glasses",
    "wine glasses": "wine glasses",
    "the man": "a man",
    "The dining table": "a table",
    "his hat": "a hat",
    "menus": "menus",
    # spellings
    "trafficLight": "a traffic light",
    "FIRE_HYDRANT": "a fire hydrant",
    "trafficcone": "a traffic cone",
    "t-shirt": "a T-shirt",
    "green house": "a green house",
    "dog_001": "a dog",
    "broccoli": "a piece of broccoli",
    "underwear": "underwear",
    "urinal": "a urinal",
    "hourglass": "an hourglass",
}

NO_THINGS = ["DontCare", "void", "background", "unlabeled", "other", "ignored regions", "solid-other", "Ego Vehicle"]
NO_THINGS += [
    "LABEL_2",
    "cls0",
    "Class A",
    "obj-3",
    "c0",
    "n02084071",
    "/m/01g317",
    "m.01g317",
    "type 1",
    "unnamed",
    "bbox",
]
ODD = ["", " ", "\0", "\x07\x1b", "🐶", "---", "__", ",", "()", "123", "#1", "\ud800", "x" * 10_000, "dog " * 2_500]


@pytest.mark.parametrize(("category", "text"), SAID.items())
def test_a_category_is_said_as_people_say_it(category: str, text: str) -> None:
    phrase = name_category(category)
    assert phrase is not None and phrase.text == text
    assert describe_category(category).origin in ("table", "rule")


@pytest.mark.parametrize("name", [*NO_THINGS, *ODD], ids=lambda name: ascii(name)[:30])
def test_what_names_no_thing_is_never_said(name: str) -> None:
    assert describe_category(name).phrase is None
    assert describe_category(name).origin == "no_thing"


@pytest.mark.parametrize("name", ["xyzzy", "xyzzy4", "狗", "собака", "red xyzzy"])
def test_what_no_dictionary_knows_is_said_as_it_is_written_and_unknown(name: str) -> None:
    described = describe_category(name)
    assert described.phrase is not None and described.phrase.text == f"a {name}"
    assert described.origin == "unknown"


@pytest.mark.parametrize("category", SAID)
def test_no_spelling_of_a_file_is_left(category: str) -> None:
    phrase = name_category(category)
    assert phrase is not None
    assert not re.search(r"[_/,()]|--|[a-z][A-Z]|  ", phrase.text)
    words = phrase.text.split()
    if words[0] in ("a", "an"):
        vowel = words[1][0].lower() in "aeiou" or words[1] in ("SUV", "hourglass")
        assert (words[0] == "an") == (vowel and words[1] not in ("urinal", "unicycle"))


@pytest.mark.parametrize("category", SAID)
def test_a_phrase_names_itself_again(category: str) -> None:
    phrase = name_category(category)
    assert phrase is not None
    again = name_category(english.strip_article(phrase.text))
    assert again is not None and phrase.noun.endswith(again.noun)
    assert phrase.noun == phrase.noun.lower()
    assert phrase.noun in english.to_singular(phrase.text.lower()) or phrase.plural or "of" in phrase.text


@pytest.mark.parametrize("category", SAID)
def test_head_nouns_have_a_plural_and_its_singular(category: str) -> None:
    phrase = name_category(category)
    assert phrase is not None
    if phrase.text.startswith("a pair of") or english.is_mass(phrase.noun):
        return
    plural = english.to_plural(phrase.noun)
    assert english.is_plural(plural)
    assert english.to_singular(plural) == phrase.noun


@pytest.mark.parametrize(
    ("text", "noun", "attributes", "plural"),
    [
        ("a black cat", "cat", ("black",), False),
        ("two men", "man", ("two",), True),
        ("wild grass", "grass", ("wild",), False),
        ("a wooden wall", "wall", ("wooden",), False),
        ("a traffic light", "traffic light", (), False),
        ("people", "person", (), True),
        ("a pair of scissors", "scissors", (), False),
        ("a piece of furniture", "furniture", (), False),
        ("slices of bread", "bread", (), True),
        ("a chest of drawers", "chest of drawers", (), False),
        ("a man in a hat", "man", (), False),
        ("eaves", "eaves", (), True),
    ],
)
def test_a_phrase_knows_its_noun(text: str, noun: str, attributes: tuple[str, ...], plural: bool) -> None:
    phrase = parse_noun_phrase(text)
    assert (phrase.text, phrase.noun, phrase.attributes, phrase.plural) == (text, noun, attributes, plural)


def test_every_thing_of_the_tables_is_named() -> None:
    from scar.language.lexicon import read_things

    for name, thing in read_things().items():
        described = describe_category(name)
        assert described.phrase is not None and described.phrase.text == thing.phrase
        assert described.origin == "table"


@given(st.text(max_size=40) | st.text("aA-_/,.() 1s'of", max_size=12))
@example("a_")
@example("(a)")
@example("of of of")
@example("pair of ")
@example("-s")
def test_no_text_raises(text: str) -> None:
    for words in (None, Words(names=(("a", "dog"),), plurals=(("o", "s"),))):
        described = describe_category(text, words)
        assert (described.phrase is None) == (described.origin == "no_thing")
        assert described.phrase is None or described.phrase.text.strip()
        scene = describe_scene(text, words)
        assert (scene.phrase is None) == (scene.origin == "no_thing")
