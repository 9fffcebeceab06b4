"""The forms of a model's answers, and why a reply is none."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class PhraseAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A caption in one phrase."""

    phrase: Text


class CaptionsAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A true caption in three parts, and three false ones of each."""

    object: Text
    relation: Text
    scene: Text
    false_objects: Annotated[list[Text], msgspec.Meta(min_length=3, max_length=3)]
    false_relations: Annotated[list[Text], msgspec.Meta(min_length=3, max_length=3)]
    false_scenes: Annotated[list[Text], msgspec.Meta(min_length=3, max_length=3)]


class JudgementAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers, from 1, of the captions that are true."""

    true: list[Annotated[int, msgspec.Meta(ge=1, le=10)]]


AnswerT = TypeVar("AnswerT", PhraseAnswer, CaptionsAnswer, JudgementAnswer)


class NoAnswer(msgspec.Struct, frozen=True):
    """Why a reply is no answer: ``reason`` for the counts of a build, ``problem`` in words for the model."""

    reason: str
    problem: str


@cache
def make_schema(form: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON schema of an answer, as servers with structured output take it: all keys, and no others."""
    _, components = msgspec.json.schema_components([form])
    schema = dict(components[form.__name__])
    return {"type": "object", **{key: schema[key] for key in ("properties", "required")}, "additionalProperties": False}


def read_answer(text: str, finish: str, form: type[AnswerT]) -> AnswerT | NoAnswer:
    """Read a reply.

    Args:
        text: the reply; a code fence around it is passed over.
        finish: see `scar.generators.vlm.chat_request.Reply.finish`.
        form: the form that the answer must have.
    """
    if finish == "content_filter":
        return NoAnswer("chat_refused", "you refused")
    if finish == "length":
        return NoAnswer("chat_truncated", "your answer was too long")
    fenced = re.fullmatch(r"\s*```(?:json)?\s*(.*?)\s*```\s*", text, re.DOTALL)
    content = fenced[1] if fenced else text.strip()
    if not content:
        return NoAnswer("chat_empty", "your answer was empty")
    try:
        return msgspec.json.decode(content, type=form)
    except msgspec.ValidationError as error:
        return NoAnswer("chat_wrong_form", f"your JSON has another form: {error}")
    except msgspec.DecodeError:
        reason = "chat_not_json" if "{" in content else "chat_refused"
        return NoAnswer(reason, "your answer was no JSON")
