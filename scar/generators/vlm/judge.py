"""Task judge: a model looks at captions that others wrote, and refuses false golds and true negatives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

from scar.generators.generator import GoldOfTask, NineNegatives, Rejected
from scar.generators.vlm.answers import JudgementAnswer
from scar.generators.vlm.conversation import Answered, Chat, Question, ask, read_prompt

GOLD_FALSE, NEGATIVE_TRUE = "judged_gold_false", "judged_negative_true"
"""Why captions are not used: the model finds the gold false, or a negative true."""

_Negatives = list[NineNegatives | Rejected]


def judge_negatives(
    golds: Sequence[GoldOfTask],
    veto_counts: Counter[str],
    write_negatives: Callable[[Sequence[GoldOfTask], Counter[str]], _Negatives],
    chat: Chat,
) -> _Negatives:
    """Write negatives by other rules, and ask a model which of the ten captions are true.

    Returns:
        The negatives of golds whose gold alone is found true; the others are rejected.
    """
    results = write_negatives(golds, veto_counts)
    asked: list[int] = []
    orders: list[list[int]] = []
    questions: list[Question[JudgementAnswer, list[int]]] = []
    for number, ((task, gold), negatives) in enumerate(zip(golds, results, strict=True)):
        if isinstance(negatives, Rejected):
            continue
        asked.append(number)
        captions = [gold.caption.text, *(negative.caption.text for negative in negatives)]
        order = list(range(len(captions)))
        Random(f"{task.key}/judge").shuffle(order)  # noqa: S311 - choices of a corpus, not secrets
        lines = "\n".join(f"{place}. {captions[index]}" for place, index in enumerate(order, 1))
        text = read_prompt("judge").format(captions=lines)
        orders.append(order)
        questions.append(Question(task, "judge", text, JudgementAnswer, _list_numbers))
    for number, order, answered in zip(asked, orders, ask(questions, chat), strict=True):
        if not isinstance(answered, Answered):
            results[number] = answered
            continue
        true = {order[place - 1] for place in answered.result}
        if 0 not in true:
            results[number] = Rejected(GOLD_FALSE)
        elif len(true) > 1:
            veto_counts["judged_true"] += len(true) - 1
            results[number] = Rejected(NEGATIVE_TRUE)
    return results


def _list_numbers(answer: JudgementAnswer) -> list[int]:
    return answer.true
