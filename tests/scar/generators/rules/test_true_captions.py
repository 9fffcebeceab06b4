"""All captions of a region have evidence, name a landmark, and are false of the things for which it may be taken."""

import numpy as np

from scar.evidence.picture_evidence import PictureEvidence
from scar.generators.rules.true_captions import list_true_captions, name_region
from scar.language.noun_phrase import NounPhrase
from scar.language.statements import Statement
from scar.sample import Box, Mask, Picture, Region, Relation

WIDTH, HEIGHT = 320, 240


def region_of(number: int, category: str, x0: int, y0: int, x1: int, y1: int, phrases: tuple[str, ...] = ()) -> Region:
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[y0:y1, x0:x1] = True
    return Region(number, Box(x0, y0, x1, y1), category, Mask.from_array(pixels), phrases=phrases)


def told(
    picture: Picture, region: Region, statements: dict[str, tuple[Statement, ...]] | None = None
) -> dict[str, str]:
    """Text -> reason of all true captions."""
    evidence = PictureEvidence(picture, statements or {})
    return {true.phrases.caption.text: true.reason for true in list_true_captions(evidence, region)}


TABLE = region_of(1, "dining table", 20, 120, 300, 220)
CUP = region_of(2, "cup", 60, 90, 90, 140)


def test_contact_is_told_with_the_scene_if_the_picture_has_one() -> None:
    picture = Picture(1, "a.jpg", WIDTH, HEIGHT, (TABLE, CUP))
    assert told(picture, CUP)["a cup on a table"] == "mask"
    with_scene = Picture(2, "a.jpg", WIDTH, HEIGHT, (TABLE, CUP), scene="kitchen")
    assert told(with_scene, CUP)["a cup on a table in a kitchen"] == "mask"


def test_what_is_hardly_seen_is_no_landmark_and_a_strip_at_the_frame_is_not_told() -> None:
    person, phone = region_of(1, "person", 100, 20, 180, 220), region_of(2, "cell phone", 140, 80, 165, 105)
    tiny = region_of(2, "cell phone", 140, 80, 152, 92)
    assert "a person holding a cell phone" in told(Picture(6, "a.jpg", WIDTH, HEIGHT, (person, phone)), person)
    assert told(Picture(7, "a.jpg", WIDTH, HEIGHT, (person, tiny)), person) == {}
    oven, strip = region_of(1, "oven", 200, 60, 300, 200), region_of(2, "refrigerator", 303, 20, 320, 200)
    picture = Picture(8, "a.jpg", WIDTH, HEIGHT, (oven, strip), scene="kitchen")
    assert told(picture, strip) == {}
    assert not any("refrigerator" in text for text in told(picture, oven))


def test_a_small_thing_is_at_no_place_of_the_picture() -> None:
    large, small = region_of(1, "dog", 20, 100, 80, 160), region_of(1, "dog", 20, 100, 50, 130)
    for dog, is_told in ((large, True), (small, False)):
        texts = told(Picture(9, "a.jpg", WIDTH, HEIGHT, (dog,), scene="field"), dog)
        assert ("a dog on the left of a picture of a field" in texts) == is_told


def test_a_relation_that_a_rival_has_too_is_not_told() -> None:
    first, second = region_of(2, "cup", 60, 80, 100, 140), region_of(3, "cup", 200, 80, 240, 140)
    picture = Picture(3, "a.jpg", WIDTH, HEIGHT, (TABLE, first, second))
    assert "a cup on a table" not in told(picture, first)
    assert told(picture, first)["a cup to the left of another one"] == "ordinal"


def test_the_place_alone_is_told_of_a_thing_without_rivals() -> None:
    picture = Picture(3, "a.jpg", WIDTH, HEIGHT, (TABLE, CUP), scene="kitchen")
    assert told(picture, CUP)["a cup in a kitchen"] == "annotated"
    second = region_of(3, "cup", 200, 90, 230, 140)
    assert "a cup in a kitchen" not in told(replace_regions(picture, (TABLE, CUP, second)), CUP)
    assert "a cup in a kitchen" not in told(Picture(4, "a.jpg", WIDTH, HEIGHT, (TABLE, CUP)), CUP)


def test_what_is_apart_from_the_table_is_not_said_to_be_on_one() -> None:
    shelf_cup = region_of(2, "cup", 60, 10, 90, 40)
    on, apart = (Picture(5, "a.jpg", WIDTH, HEIGHT, (TABLE, cup), scene="table") for cup in (CUP, shelf_cup))
    assert any(text.endswith("on a table") for text in told(on, CUP))
    assert not any(text.endswith("on a table") for text in told(apart, shelf_cup))


def test_an_annotated_relation_is_told_in_our_words() -> None:
    dog, bench = region_of(1, "dog", 40, 60, 90, 120), region_of(2, "bench", 150, 60, 290, 130)
    relations = (Relation(1, "in back of", 2),)
    picture = Picture(4, "a.jpg", WIDTH, HEIGHT, (dog, bench), relations=relations)
    assert told(picture, dog)["a dog behind a bench"] == "annotated"


def test_what_people_wrote_is_told_word_by_word() -> None:
    text = "A black cat sitting on a table in front of a laptop."
    table, laptop = NounPhrase("a table", "table"), NounPhrase("a laptop", "laptop")
    cat = NounPhrase("a black cat", "cat", ("black",))
    statement = Statement(cat, 1, "sitting on", table, "in front of", laptop, verb="sit", landmark_preposition="on")
    region = region_of(1, "cat", 60, 60, 160, 160)
    picture = Picture(5, "a.jpg", WIDTH, HEIGHT, (region,), (text,))
    assert told(picture, region, {text: (statement,)}) == {
        "a black cat sitting on a table in front of a laptop": "human"
    }


def test_every_caption_names_a_landmark_that_is_not_its_object() -> None:
    regions = (TABLE, CUP, region_of(3, "cup", 200, 90, 230, 140), region_of(4, "dog", 5, 20, 60, 80))
    picture = Picture(6, "a.jpg", WIDTH, HEIGHT, regions, scene="kitchen")
    for region in regions:
        for true in list_true_captions(PictureEvidence(picture), region):
            assert true.phrases.landmark.text
            assert true.phrases.landmark.text != true.phrases.object.text


def test_a_phrase_of_the_source_names_its_region() -> None:
    car = region_of(1, "car", 20, 20, 120, 90, phrases=("Red car", "the car on the left"))
    picture = Picture(7, "a.jpg", WIDTH, HEIGHT, (car,))
    assert name_region(PictureEvidence(picture), car) == NounPhrase("a red car", "car", ("red",))


def test_a_person_is_a_man_only_if_the_captions_agree_and_nobody_else_is_there() -> None:
    person = region_of(1, "person", 20, 20, 120, 200)
    captions = ("A man by a car.", "A man at home.")
    alone = Picture(8, "a.jpg", WIDTH, HEIGHT, (person,), captions)
    assert name_region(PictureEvidence(alone), person).text == "a man"
    other = replace_regions(alone, (person, region_of(2, "person", 150, 20, 250, 200)))
    assert name_region(PictureEvidence(other), person).text == "a person"


def replace_regions(picture: Picture, regions: tuple[Region, ...]) -> Picture:
    return Picture(picture.id + 100, picture.file, picture.width, picture.height, regions, picture.captions)


def test_what_several_captions_say_has_more_weight() -> None:
    dog = region_of(1, "dog", 20, 100, 120, 200)
    said = {f"{number}": (_say_near(rest),) for number, rest in enumerate(("a wall", "a wall", "a bench"))}
    evidence = PictureEvidence(Picture(10, "a.jpg", WIDTH, HEIGHT, (dog,), tuple(said)), said)
    weights = {true.phrases.scene.text: true.weight for true in list_true_captions(evidence, dog)}
    assert weights["a wall"] == 4
    assert weights["a bench"] == 1


def _say_near(rest: str) -> Statement:
    noun = rest.removeprefix("a ")
    return Statement(NounPhrase("a dog", "dog"), 1, "", None, "near", NounPhrase(rest, noun))


def test_directions_and_ranks_are_told_of_what_a_caption_names() -> None:
    left, right = region_of(1, "zebra", 20, 80, 100, 160), region_of(2, "zebra", 200, 80, 280, 160)
    for captions, is_told in (
        ((), True),
        (("Two zebras.", "Animals.", "Some animals.", "Several of them."), True),
        (("Two animals.", "Animals.", "Some animals.", "Several of them."), False),
        (("Two animals.", "Animals.", "Some animals."), True),
        (("Zwei Tiere auf dem Gras.", "Tiere und das Gras.", "Da sind Tiere.", "Das sind zwei Tiere."), True),
    ):
        picture = Picture(11, "a.jpg", WIDTH, HEIGHT, (left, right), captions)
        assert ("a zebra to the left of another one" in told(picture, left)) == is_told


def test_the_place_alone_is_told_of_small_things_only_if_a_caption_names_them() -> None:
    small, large = region_of(1, "clock", 20, 80, 40, 100), region_of(1, "clock", 20, 80, 60, 120)
    for clock, captions, is_told in (
        (large, ("A kitchen.",), True),
        (small, ("A kitchen.",), False),
        (small, ("A kitchen with a clock.",), True),
    ):
        picture = Picture(12, "a.jpg", WIDTH, HEIGHT, (clock,), captions)
        assert ("a clock in a kitchen" in told(picture, clock)) == is_told


def test_a_guessed_street_holds_what_is_on_streets_only() -> None:
    light, bench = region_of(1, "traffic light", 20, 20, 60, 80), region_of(2, "bench", 120, 100, 260, 200)
    car, person = region_of(2, "car", 120, 100, 260, 200), region_of(3, "person", 150, 60, 220, 180)
    for thing, is_on_street in ((bench, False), (car, True)):
        picture = Picture(13, "a.jpg", WIDTH, HEIGHT, (light, thing, person))
        assert any(text.endswith("street") for text in told(picture, thing)) == is_on_street
    stated = Picture(14, "a.jpg", WIDTH, HEIGHT, (light, bench, person), ("A bench on a street.",) * 2)
    assert any(text.endswith("street") for text in told(stated, bench))
