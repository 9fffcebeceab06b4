"""Ask a model about regions until each answer can be used, a few times at most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Generic, Literal, TypeAlias, TypeVar

from scar.generators.generator import GoldTask, Rejected
from scar.generators.vlm.answers import AnswerT, NoAnswer, make_schema, read_answer
from scar.generators.vlm.chat_request import ChatModel, ChatRequest, Sampling
from scar.generators.vlm.pending import PENDING

PromptName: TypeAlias = Literal["complete", "write", "judge"]

PROMPT_VERSIONS: dict[PromptName, int] = {"complete": 1, "write": 1, "judge": 1}
"""Version of each file of `prompts`; it changes with the file."""

MAX_ATTEMPTS = 3
"""Most times that a region is asked about: each time the model is told what was wrong before."""

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Chat:
    """A model and how it is asked.

    Attributes:
        model: answers requests.
        model_name: name of the model.
        sampling: parameters of the answers.
    """

    model: ChatModel
    model_name: str
    sampling: Sampling = field(default_factory=Sampling)


@dataclass(frozen=True, slots=True)
class Question(Generic[AnswerT, ResultT]):
    """A question about a region.

    Attributes:
        task: the region.
        prompt: name of the prompt.
        text: the text of the question.
        form: the form of the answer.
        use: makes the result of an answer, or says why it cannot be used.
    """

    task: GoldTask
    prompt: PromptName
    text: str
    form: type[AnswerT]
    use: Callable[[AnswerT], ResultT | NoAnswer]


@dataclass(frozen=True, slots=True)
class Answered(Generic[ResultT]):
    """The result of a question, and the key of the request that gave it."""

    result: ResultT
    key: str


def ask(questions: Sequence[Question[AnswerT, ResultT]], chat: Chat) -> list[Answered[ResultT] | Rejected]:
    """Ask questions, and those again of which the answer cannot be used.

    Returns:
        A result for each question, in their order; rejected with the reason of the last `NoAnswer` after
        `MAX_ATTEMPTS`.

    Raises:
        BuildInterrupted, InputError: see `ChatModel`.
    """
    results: list[Answered[ResultT] | Rejected] = [Rejected("chat_unasked")] * len(questions)
    texts = {number: question.text for number, question in enumerate(questions)}
    for _ in range(MAX_ATTEMPTS):
        numbers = list(texts)
        requests = [_make_request(questions[number], texts[number], chat) for number in numbers]
        replies = chat.model(requests)
        texts = {}
        for number, request, reply in zip(numbers, requests, replies, strict=True):
            if reply.finish == PENDING:
                results[number] = Rejected("chat_pending")
                continue
            answer = read_answer(reply.text, reply.finish, questions[number].form)
            result = answer if isinstance(answer, NoAnswer) else questions[number].use(answer)
            if isinstance(result, NoAnswer):
                results[number] = Rejected(result.reason)
                texts[number] = f"{request.text}\n\nAn earlier answer could not be used: {result.problem}. Try again."
            else:
                results[number] = Answered(result, request.key)
        if not texts:
            break
    return results


@cache
def read_prompt(name: PromptName) -> str:
    """The text of a prompt, with fields in braces."""
    return (Path(__file__).with_name("prompts") / f"{name}.txt").read_text(encoding="utf-8").strip()


def name_prompt(name: PromptName) -> str:
    """A prompt with its version."""
    return f"{name} {PROMPT_VERSIONS[name]}"


def _make_request(question: Question[AnswerT, ResultT], text: str, chat: Chat) -> ChatRequest:
    return ChatRequest(
        model=chat.model_name,
        task=name_prompt(question.prompt),
        text=text,
        image=question.task.image,
        box=question.task.region.box,
        schema_name=question.form.__name__,
        schema=make_schema(question.form),
        sampling=chat.sampling,
    )
