"""Protocols: a row of the table says how a family wants an item; Qwen3-VL-Embedding's chats are those of its code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmeb_eval.item import Item
from mmeb_eval.templates.fused import LAYOUTS
from mmeb_eval.templates.protocols import read_protocols, select_protocol
from scar.errors import EvalError, UnknownName

PROTOCOLS = read_protocols()
QWEN = PROTOCOLS["qwen3-vl-embedding"]


def _chat(fields: dict[str, Any], side: Any) -> list[dict[str, Any]]:
    image = fields.get("image")
    item = Item(fields.get("text") or "", image and Path(image), instruction=fields.get("instruction", ""), side=side)
    limits = {"min_pixels": QWEN.min_pixels, "max_pixels": QWEN.max_pixels}
    return QWEN.make_messages(item, {"type": "image", "image": f"file://{image}", **limits} if image else None)


def test_chats_are_those_of_the_reference(qwen3_fields: Any) -> None:
    images = [case for case in qwen3_fields["messages"] if "video" not in case["input"]]
    assert len(images) >= 25
    for case in images:
        side = "query" if " query " in case["what"] else "document"
        assert _chat(case["input"], side) == case["messages"], case["what"]


def test_odd_inputs_give_the_chats_of_the_reference(qwen3_fields: Any) -> None:
    compared = 0
    for case in qwen3_fields["odd_inputs"]:
        fields = case["input"]
        if (
            fields.keys() <= {"text", "image", "instruction"}
            and isinstance(fields.get("text"), str)
            and (isinstance(fields.get("image", ""), str))
        ):  # an item always has a text, and no video
            compared += 1
            assert [turn["content"][-1] for turn in _chat(fields, "query")] == [
                turn["content"][-1] for turn in case["messages"]
            ]
    assert compared >= 10


def test_the_budget_of_the_row_is_that_of_the_reference(qwen3_fields: Any) -> None:
    for name, value in (
        ("min_pixels", QWEN.min_pixels),
        ("max_pixels", QWEN.max_pixels),
        ("max_length", QWEN.max_tokens),
    ):
        assert qwen3_fields["constants"][name] == value
    assert qwen3_fields["constants"]["default_instruction"] == QWEN.document == QWEN.default_instruction


@pytest.mark.parametrize("row", PROTOCOLS.values(), ids=lambda row: row.name)
def test_each_row_has_a_layout_a_source_and_a_date(row: Any) -> None:
    assert row.layout in LAYOUTS
    assert "http" in row.source or "arXiv" in row.source
    assert row.read.year >= 2026
    assert all(part == part.lower() for part in row.match)
    if row.place != "none":
        told = row.query if row.layout == "apart" else "{instruction}"
        assert "{instruction}" in told  # no instruction that stands apart is lost
    json.dumps(row.settings)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Qwen/Qwen3-VL-Embedding-2B", "qwen3-vl-embedding"),
        ("models/my-qwen3-vl-embedding-tuned", "qwen3-vl-embedding"),
        ("Alibaba-NLP/gme-Qwen2-VL-2B-Instruct", "gme"),
        ("jinaai/jina-embeddings-v4", "jina-embeddings-v4"),
        ("intfloat/multilingual-e5-large-instruct", "e5-instruct"),
        ("intfloat/multilingual-e5-large", "e5"),
        ("intfloat/e5-base-v2", "e5"),
        ("Qwen/Qwen3-Embedding-0.6B", "qwen3-embedding"),
        ("voyage-multimodal-3.5", "voyage-multimodal"),
        ("embed-v4.0", "cohere-embed-v4"),
        ("openai/clip-vit-base-patch32", "plain"),
    ],
)
def test_a_name_finds_its_row(model: str, name: str) -> None:
    assert select_protocol(model).name == name


def test_words_stand_in_front_of_the_text_where_they_belong() -> None:
    query, page = Item("a boat", instruction="Find it", side="query"), Item("a boat", side="document")
    blank = Item("", Path("a.png"), instruction="Find it", side="query")
    e5 = select_protocol("x", "e5")
    assert [e5.make_text(item) for item in (query, page, blank)] == [
        "query: Find it a boat", "passage: a boat", "query: Find it"
    ]  # fmt: skip
    instruct = select_protocol("x", "e5-instruct")
    assert instruct.make_text(query) == "Instruct: Find it\nQuery: a boat"
    assert instruct.make_text(page) == "a boat"
    assert QWEN.make_text(query) == "a boat"
    assert select_protocol("voyage-multimodal-3").get_arguments(query) == {"input_type": "query"}


def test_an_own_row_is_a_file_and_what_is_wrong_with_it_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    row = (
        '[mine]\nlayout = "apart"\nplace = "text"\nquery = "Q {instruction} "\nsource = "http://x"\nread = 2026-01-02\n'
    )
    path.write_text(row)
    assert select_protocol("x", str(path)).make_text(Item("a", instruction="do", side="query")) == "Q do a"
    path.write_text(row.replace("place", "plaec"))
    with pytest.raises(EvalError, match=r"mine.toml, \[mine\].*plaec"):
        select_protocol("x", str(path))
    path.write_text(row + row.replace("mine", "other"))
    with pytest.raises(EvalError, match="holds 2 protocols; give a file with one"):
        select_protocol("x", str(path))
    with pytest.raises(UnknownName, match="unknown protocol 'gmee': did you mean gme"):
        select_protocol("x", "gmee")


def test_no_instruction_leaves_no_leading_space() -> None:
    for protocol in read_protocols().values():
        text = protocol.make_text(Item("a dog", side="query"))
        assert text == text.lstrip(), protocol.name
        assert text.endswith("a dog"), protocol.name
        assert protocol.make_text(Item(" a dog")).endswith(" a dog")
