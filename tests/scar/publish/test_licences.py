from __future__ import annotations

import pytest

from scar.publish.corpus_summary import read_known_sources
from scar.publish.licences import combine_licences, find_licences


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("CC BY 4.0", ["cc-by-4.0"]),
        ("cc-by-4.0", ["cc-by-4.0"]),
        ("CC BY-NC 4.0", ["cc-by-nc-4.0"]),
        ("CC-BY-NC-SA 4.0", ["cc-by-nc-sa-4.0"]),
        ("CC0-1.0", ["cc0-1.0"]),
        ("Flickr terms", []),
        ("permitted", []),
        ("", []),
        ("RefCOCO+: for research; COCO annotations CC BY 4.0", ["cc-by-4.0", "other"]),
        ("ADE20K terms of use: research and education; annotations BSD-3-Clause", ["bsd-3-clause", "other"]),
    ],
)
def test_licences_that_words_name(words: str, ids: list[str]) -> None:
    assert [licence.id for licence in find_licences(words)] == ids


@pytest.mark.parametrize(
    ("stated", "result", "commercial"),
    [
        (["CC0"], "cc0-1.0", True),
        (["CC BY 4.0", "CC BY 4.0"], "cc-by-4.0", True),
        (["CC0", "CC BY 4.0"], "cc-by-4.0", True),
        (["MIT", "Apache 2.0"], "cc-by-4.0", True),
        (["MIT"], "mit", True),
        (["CC BY 4.0", "CC BY-NC 4.0"], "cc-by-nc-4.0", False),
        (["CC BY 4.0", "for research"], "cc-by-nc-4.0", False),
        (["CC BY 4.0", "CC BY-SA 4.0"], "cc-by-sa-4.0", True),
        (["CC BY-NC 4.0", "CC BY-NC-SA 4.0"], "cc-by-nc-sa-4.0", False),
        (["CC BY-SA 4.0", "CC BY-NC 4.0"], "other", False),
        (["CC BY-SA 4.0", "ODbL"], "other", True),
        (["CC BY-ND 4.0", "CC0"], "other", True),
        (["CC BY 4.0", None], "other", False),
        (["CC BY 4.0", "ask me"], "other", False),
    ],
)
def test_what_one_source_asks_holds_for_the_whole(stated: list[str | None], result: str, commercial: bool) -> None:
    combined = combine_licences({f"source{number}": words for number, words in enumerate(stated)})
    assert (combined.id, combined.commercial) == (result, commercial)
    assert combined.reasons
    turned = combine_licences({f"source{number}": words for number, words in reversed(list(enumerate(stated)))})
    assert turned.id == combined.id


def test_the_reason_names_the_source_and_its_words() -> None:
    assert combine_licences({"A": "CC BY 4.0", "B": "for research"}).reasons == (
        "B (for research) is not for commercial use",
    )
    assert combine_licences({"A": None}).reasons == ("A states no licence",)
    assert combine_licences({"A": "ask me"}).reasons == ("A says 'ask me', which is none that is known here",)


@pytest.mark.parametrize("name", read_known_sources())
def test_the_licence_of_every_known_source_is_understood(name: str) -> None:
    assert find_licences(read_known_sources()[name]["licence"])


def test_the_papers_sources_together_are_not_for_commercial_use() -> None:
    combined = combine_licences({name: row["licence"] for name, row in read_known_sources().items()})
    assert combined.id == "cc-by-nc-4.0"
    assert len(combined.reasons) == 4


def test_no_source_is_no_licence() -> None:
    with pytest.raises(ValueError, match="a corpus without a source has no licence"):
        combine_licences({})
