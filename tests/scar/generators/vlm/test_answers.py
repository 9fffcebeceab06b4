"""A reply is an answer of its form, or has a reason why not."""

from __future__ import annotations

import json

import pytest

from scar.generators.vlm.answers import (
    CaptionsAnswer,
    JudgementAnswer,
    NoAnswer,
    PhraseAnswer,
    make_schema,
    read_answer,
)

GOOD = {
    "object": "a cup",
    "relation": "on",
    "scene": "a table",
    "false_objects": ["a plate", "a fork", "a bowl"],
    "false_relations": ["under", "behind", "next to"],
    "false_scenes": ["a shelf", "a chair", "a bed"],
}


@pytest.mark.parametrize("form", [PhraseAnswer, CaptionsAnswer, JudgementAnswer])
def test_a_schema_is_a_closed_object_without_references(form: type) -> None:
    schema = make_schema(form)
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert set(schema["required"]) == set(schema["properties"])
    assert "$ref" not in json.dumps(schema)


@pytest.mark.parametrize(
    "text", ['{"phrase": "a cup"}', '```json\n{"phrase": "a cup"}\n```', ' \n{"phrase":"a cup"}\n']
)
def test_json_is_read_with_and_without_a_fence(text: str) -> None:
    assert read_answer(text, "stop", PhraseAnswer) == PhraseAnswer("a cup")


@pytest.mark.parametrize(
    ("text", "finish", "reason"),
    [
        ("", "stop", "chat_empty"),
        ("  \n", "stop", "chat_empty"),
        ("I cannot help with that.", "stop", "chat_refused"),
        ('{"phrase": "a cup"}', "content_filter", "chat_refused"),
        ('{"phrase": "a c', "length", "chat_truncated"),
        ('{"phrase": "a c', "stop", "chat_not_json"),
        ('{"phrase": 7}', "stop", "chat_wrong_form"),
        ('{"phrase": ""}', "stop", "chat_wrong_form"),
        ('{"phrase": "a cup", "note": "x"}', "stop", "chat_wrong_form"),
        ('["a cup"]', "stop", "chat_wrong_form"),
    ],
)
def test_what_is_no_answer_has_a_reason(text: str, finish: str, reason: str) -> None:
    found = read_answer(text, finish, PhraseAnswer)
    assert isinstance(found, NoAnswer)
    assert found.reason == reason


def test_captions_are_three_of_each() -> None:
    assert isinstance(read_answer(json.dumps(GOOD), "stop", CaptionsAnswer), CaptionsAnswer)
    for key in ("false_objects", "false_relations", "false_scenes"):
        short = json.dumps(GOOD | {key: GOOD[key][:2]})
        assert isinstance(read_answer(short, "stop", CaptionsAnswer), NoAnswer)


@pytest.mark.parametrize("numbers", [[0], [11], ["1"]])
def test_a_judgement_names_captions_that_were_shown(numbers: list[object]) -> None:
    assert isinstance(read_answer(json.dumps({"true": numbers}), "stop", JudgementAnswer), NoAnswer)
    assert read_answer('{"true": [1, 10]}', "stop", JudgementAnswer) == JudgementAnswer([1, 10])
