"""WordNet's nouns, against a plain search in WordNet's files."""

import random
from functools import cache

import pytest

from scar.language.build_wordnet_table import DEBIAN_FOLDER
from scar.language.wordnet import find_lemma, find_senses, is_a, is_known, is_related

needs_wordnet = pytest.mark.skipif(not DEBIAN_FOLDER.exists(), reason="Debian's wordnet-base is not installed")


@cache
def index() -> dict[str, list[int]]:
    """Lemma -> synsets in the order of index.noun, read by columns."""
    found = {}
    for line in (DEBIAN_FOLDER / "index.noun").read_text().splitlines()[29:]:
        fields = line.split()
        found[fields[0].replace("_", " ")] = [int(field) for field in fields[-int(fields[2]) :]]
    return found


@cache
def parents() -> dict[int, list[int]]:
    """Synset -> hypernyms, found by the sign before each offset."""
    found = {}
    for line in (DEBIAN_FOLDER / "data.noun").read_text().splitlines()[29:]:
        fields = line.partition("|")[0].split()
        found[int(fields[0])] = [
            int(b) for a, b, c in zip(fields, fields[1:], fields[2:], strict=False) if (a, c) == ("@", "n")
        ]
    return found


def lineage(synset: int) -> set[int]:
    found, queue = set(), [synset]
    while queue:
        found.add(queue[0])
        queue += parents()[queue.pop(0)]
    return found


@needs_wordnet
def test_every_lemma_that_is_no_name_keeps_its_senses_in_order() -> None:
    chosen = random.Random(0).sample(sorted(index()), k=3000)
    checked = 0
    for noun in chosen:
        if find_lemma(noun) != noun:
            continue
        listed = [synset for synset in index()[noun] if synset in set(find_senses(noun))]
        assert listed == list(find_senses(noun))
        checked += 1
    assert checked > 2500


@needs_wordnet
def test_related_matches_a_search_in_the_files() -> None:
    rng = random.Random(1)
    nouns = [noun for noun in sorted(index()) if is_known(noun)]
    near = [
        "dog",
        "puppy",
        "animal",
        "cat",
        "person",
        "man",
        "woman",
        "car",
        "vehicle",
        "truck",
        "chair",
        "seat",
        "sofa",
    ]
    pairs = [(a, b) for a in near for b in near] + [(rng.choice(nouns), rng.choice(nouns)) for _ in range(300)]
    for a, b in pairs:
        senses_a, senses_b = (set(find_senses(noun)) for noun in (a, b))
        up, down = (set().union(*map(lineage, synsets)) for synsets in (senses_a, senses_b))
        assert is_related(a, b) == (a == b or bool(up & senses_b or down & senses_a)), (a, b)
        assert is_related(a, b) == is_related(b, a)


@pytest.mark.parametrize(
    ("form", "noun"),
    [
        ("dogs", "dog"),
        ("wine glasses", "wine glasses"),
        ("Tennis  Rackets", "tennis racket"),
        ("women", "woman"),
        ("mice", "mouse"),
        ("knives", "knife"),
        ("boxes", "box"),
        ("puppies", "puppy"),
        ("firemen", "fireman"),
        ("teddy bears", "teddy bear"),
        ("scissors", "scissors"),
    ],
)
def test_plurals_lead_to_their_lemma(form: str, noun: str) -> None:
    assert find_lemma(form) == (noun if noun != "wine glasses" else None)
    assert find_senses(form) == find_senses(noun)


def test_words_that_wordnet_lacks_have_no_meaning() -> None:
    assert not is_known("xyzzy")
    assert find_senses("xyzzy") == ()
    assert not is_related("xyzzy", "dog")
    assert is_related("xyzzy", "xyzzy")


def test_a_phrase_that_wordnet_lacks_means_what_its_head_means() -> None:
    assert find_senses("big muddy dogs") == find_senses("dog")
    assert is_related("big dog", "animal")


def test_only_common_meanings_count() -> None:
    assert not is_related("dog", "person"), "a dog may be a fellow, but hardly ever is"
    assert is_related("hot dog", "sandwich"), "without counts every meaning is common"


@pytest.mark.parametrize(("noun", "kind", "so"), [("dog", 15388, True), ("man", 7846, True), ("chair", 15388, False)])
def test_is_a_looks_up_the_lineage(noun: str, kind: int, so: bool) -> None:
    assert is_a(noun, kind) == so
    assert is_a(noun, 1740), "everything is an entity"


@pytest.mark.parametrize(("noun", "is_person"), [("pole", False), ("german", True), ("villager", True)])
def test_names_of_peoples_count_only_where_nothing_else_is_meant(noun: str, is_person: bool) -> None:
    assert is_related(noun, "person") == is_person
