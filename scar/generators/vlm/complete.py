"""Task complete: a model names what the rules find no natural caption for; the rules write the negatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from scar.evidence.grounding import ground_statements
from scar.evidence.specificity import find_undenied
from scar.generators.generator import Gold, GoldTask, Rejected
from scar.generators.rules.negatives import FEW_NEGATIVES, have_false_relations, list_nouns
from scar.generators.rules.noun_table import NounTable
from scar.generators.rules.records import CaptionPhrases, RulesGold
from scar.generators.rules.true_captions import make_phrases
from scar.generators.vlm.answers import NoAnswer, PhraseAnswer
from scar.generators.vlm.conversation import Answered, Chat, Question, ask, name_prompt, read_prompt
from scar.language.parse_texts import open_texts, parse_all
from scar.sample import RANKING_REASONS

UNREAD, NOT_OF_REGION, OF_OTHERS = "chat_unread", "chat_not_of_region", "chat_of_others"
"""Why a phrase is not used: it has no relation that can be read, is denied by the boxes, or may mean other things."""


class CompletedGold(RulesGold, frozen=True):
    """A gold that a model wrote, in phrases, so that the rules can replace its parts."""

    author: str


def complete_golds(
    tasks: Sequence[GoldTask],
    write_golds: Callable[[Sequence[GoldTask]], list[Gold | Rejected]],
    chat: Chat,
    parser: str | None = None,
) -> list[Gold | Rejected]:
    """Write golds by rules, and ask a model where they give none, or only a rank or a position.

    Args:
        tasks: the regions.
        write_golds: the fitted function of the rules.
        chat: the model.
        parser: package of the parser of texts; see `scar.recipe.Recipe.parser`.

    Returns:
        A gold or a rejection for each task. Where the model gives nothing, a rank or position stays, and a rejection
        has the model's reason.
    """
    results = write_golds(tasks)
    weak = [number for number, result in enumerate(results) if not _is_natural(result)]
    questions = [
        Question(
            tasks[number],
            "complete",
            read_prompt("complete").format(category=tasks[number].region.category),
            PhraseAnswer,
            partial(read_phrase, tasks[number], parser=parser),
        )
        for number in weak
    ]
    for number, answered in zip(weak, ask(questions, chat), strict=True):
        old = results[number]
        if isinstance(answered, Answered):
            author = f"{chat.model_name}, {name_prompt('complete')}, {answered.key}"
            phrases = answered.result
            results[number] = CompletedGold(phrases.caption, "model", phrases, author)
        elif isinstance(old, Rejected):
            results[number] = answered
    return results


def read_phrase(task: GoldTask, answer: PhraseAnswer, parser: str | None = None) -> CaptionPhrases | NoAnswer:
    """Read a model's phrase as what a person said of the region: it is parsed, grounded, and must mean no other thing.

    Raises:
        InputError: no parser is installed.
    """
    text = answer.phrase.strip().rstrip(".")
    statements, _ = parse_all([text], *open_texts(parser, None))
    said = msgspec.structs.replace(task.region, phrases=(text,))
    others = tuple(said if each.id == said.id else each for each in task.evidence.picture.regions)
    picture = msgspec.structs.replace(task.evidence.picture, regions=others, captions=())
    if not statements.get(text):
        return NoAnswer(UNREAD, f"{text!r} is not a thing, one relation, and another thing or a place")
    found = ground_statements(picture, said, statements, task.evidence.contacts)
    if not found:
        return NoAnswer(
            NOT_OF_REGION, f"{text!r} does not begin with the thing, {task.region.category!r}, or is not so"
        )
    phrases = make_phrases(found[0])
    if find_undenied(phrases.relation.predicate, phrases.landmark, task.evidence, task.region):
        return NoAnswer(OF_OTHERS, f"{text!r} may mean another {task.region.category} of the photograph as well")
    nouns = NounTable(list_nouns(task, [phrases]))
    if not have_false_relations([(task, phrases)], nouns)[0]:
        return NoAnswer(FEW_NEGATIVES, f"the relation in {text!r} is so vague that no other one is false")
    return phrases


def _is_natural(result: Gold | Rejected) -> bool:
    return isinstance(result, Gold) and result.reason not in RANKING_REASONS
