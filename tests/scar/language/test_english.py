"""Articles, plurals and verb forms."""

import pytest

from scar.language import english
from scar.language.lexicon import read_scenes, read_things


@pytest.mark.parametrize(
    ("noun", "phrase"),
    [
        ("cat", "a cat"),
        ("orange", "an orange"),
        ("oven", "an oven"),
        ("umbrella", "an umbrella"),
        ("unicycle", "a unicycle"),
        ("university", "a university"),
        ("uniform", "a uniform"),
        ("unmade bed", "an unmade bed"),
        ("hour", "an hour"),
        ("horse", "a horse"),
        ("one-way street", "a one-way street"),
        ("european city", "a european city"),
        ("used car", "a used car"),
        ("scissors", "a pair of scissors"),
        ("skis", "a pair of skis"),
        ("trees", "trees"),
        ("people", "people"),
        ("grass", "grass"),
        ("green grass", "green grass"),
        ("piece of broccoli", "a piece of broccoli"),
        ("pile of books", "a pile of books"),
        ("slices of bread", "slices of bread"),
        ("the sky", "the sky"),
        ("his dog", "his dog"),
        ("bus", "a bus"),
        ("glass", "a glass"),
        ("sheep", "a sheep"),
        ("sky", "the sky"),
        ("woods", "the woods"),
        ("home plate", "home plate"),
        ("blue sky", "a blue sky"),
        ("tissue paper", "tissue paper"),
        ("newspaper", "a newspaper"),
        ("urinal", "a urinal"),
        ("led lamp", "an led lamp"),
        ("ledge", "a ledge"),
        ("rhinoceros", "a rhinoceros"),
        ("photos", "photos"),
        ("clothes", "clothes"),
    ],
)
def test_a_noun_gets_the_article_it_needs(noun: str, phrase: str) -> None:
    assert english.with_article(noun) == phrase


@pytest.mark.parametrize("noun", [*(thing.noun for thing in read_things().values()), *read_scenes()])
def test_a_phrase_gives_its_noun_back(noun: str) -> None:
    assert english.strip_article(english.with_article(noun)) == noun


@pytest.mark.parametrize("noun", sorted({thing.noun for thing in read_things().values()}))
def test_plurals_give_their_singular_back(noun: str) -> None:
    plural = english.to_plural(noun)
    assert english.to_singular(plural) == noun
    assert english.to_plural(plural) == plural
    assert noun == plural or english.is_plural(plural) or noun == "sheep"


@pytest.mark.parametrize(
    ("singular", "plural"),
    [
        ("man", "men"),
        ("woman", "women"),
        ("snowman", "snowmen"),
        ("child", "children"),
        ("person", "people"),
        ("knife", "knives"),
        ("wine glass", "wine glasses"),
        ("bench", "benches"),
        ("box", "boxes"),
        ("puppy", "puppies"),
        ("key", "keys"),
        ("bus", "buses"),
        ("giraffe", "giraffes"),
        ("computer mouse", "computer mice"),
        ("bookshelf", "bookshelves"),
        ("scarf", "scarves"),
        ("potato", "potatoes"),
        ("menu", "menus"),
        ("lens", "lenses"),
        ("octopus", "octopuses"),
        ("vase", "vases"),
        ("olive", "olives"),
        ("mongoose", "mongooses"),
        ("cookie", "cookies"),
        ("rhinoceros", "rhinoceroses"),
        ("chest of drawers", "chests of drawers"),
    ],
)
def test_plurals(singular: str, plural: str) -> None:
    assert english.to_plural(singular) == plural
    assert english.to_singular(plural) == singular
    assert not english.is_plural(singular)
    assert english.is_plural(plural)


@pytest.mark.parametrize(
    ("verb", "ing", "s", "ed"),
    [
        ("stand", "standing", "stands", "standed"),
        ("ride", "riding", "rides", "rided"),
        ("sit", "sitting", "sits", "sitted"),
        ("lie", "lying", "lies", "lied"),
        ("carry", "carrying", "carries", "carried"),
        ("catch", "catching", "catches", "catched"),
        ("play", "playing", "plays", "played"),
        ("see", "seeing", "sees", "seed"),
        ("jog", "jogging", "jogs", "jogged"),
        ("throw", "throwing", "throws", "throwed"),
        ("feed", "feeding", "feeds", "feeded"),
        ("lean over", "leaning over", "leans over", "leaned over"),
    ],
)
def test_verb_forms(verb: str, ing: str, s: str, ed: str) -> None:
    assert (english.to_gerund(verb), english.to_third_person(verb), english.to_past_tense(verb)) == (ing, s, ed)
