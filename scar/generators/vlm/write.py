"""Task write: a model writes the true caption and the nine false ones; what may be true is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from scar.generators.generator import Gold, GoldOfTask, GoldTask, NineNegatives, Rejected
from scar.generators.vlm.answers import CaptionsAnswer, NoAnswer
from scar.generators.vlm.caption_vetoes import find_text_problem, find_truth_problem
from scar.generators.vlm.conversation import Answered, Chat, Question, ask, name_prompt, read_prompt
from scar.sample import PARTS, Caption, Negative

BAD_TEXT, MAY_BE_TRUE = "chat_text", "chat_negative_true"
"""Why captions are not used: a text is malformed or repeated, or a negative may be true."""


class WrittenGold(Gold, frozen=True):
    """A gold whose negatives came with it."""

    author: str
    negatives: NineNegatives


def write_golds(tasks: Sequence[GoldTask], chat: Chat) -> list[Gold | Rejected]:
    """Ask a model for all ten captions of each region."""
    questions = [
        Question(
            task,
            "write",
            read_prompt("write").format(category=task.region.category),
            CaptionsAnswer,
            partial(read_captions, task),
        )
        for task in tasks
    ]
    results: list[Gold | Rejected] = []
    for answered in ask(questions, chat):
        if isinstance(answered, Answered):
            gold, negatives = answered.result
            author = f"{chat.model_name}, {name_prompt('write')}, {answered.key}"
            results.append(WrittenGold(gold, "model", author, negatives))
        else:
            results.append(answered)
    return results


def write_negatives(golds: Sequence[GoldOfTask], veto_counts: Counter[str]) -> list[NineNegatives | Rejected]:
    """Return the negatives that came with the golds; nothing is counted, as vetoed answers are asked for again."""
    return [gold.negatives if isinstance(gold, WrittenGold) else Rejected(BAD_TEXT) for _, gold in golds]


def read_captions(task: GoldTask, answer: CaptionsAnswer) -> tuple[Caption, NineNegatives] | NoAnswer:
    """Make the captions of an answer, if each text is English of our form, all differ, and no negative may be true."""
    gold = Caption(answer.object, answer.relation, answer.scene)
    false = {"object": answer.false_objects, "relation": answer.false_relations, "scene": answer.false_scenes}
    negatives = tuple(Negative(part, gold.swap(part, value)) for part in PARTS for value in false[part])
    for caption in (gold, *(negative.caption for negative in negatives)):
        if problem := find_text_problem(caption):
            return NoAnswer(BAD_TEXT, problem)
    texts = [caption.text.lower() for caption in (gold, *(negative.caption for negative in negatives))]
    if repeated := next((text for text, count in Counter(texts).items() if count > 1), None):
        return NoAnswer(BAD_TEXT, f"{repeated!r} comes twice")
    for negative in negatives:
        if problem := find_truth_problem(task, gold, negative):
            return NoAnswer(MAY_BE_TRUE, problem)
    return gold, negatives
