"""One self-contained HTML page about results: tables, plots, settings and a gallery of samples."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from mmeb_eval.errors import DataError, EvalError
from mmeb_eval.gallery import cards
from mmeb_eval.results import HEADLINE, GroupMean, Result, group_means, models_of
from mmeb_eval.tasks import GROUPS, tasks
from scar.sample import NEGATIVES_PER_PART, PARTS

TEMPLATE = Path(__file__).with_name("report.html")


@dataclass(frozen=True, slots=True)
class Score:
    """A result as the page shows it.

    Attributes:
        result: where it is from.
        hit: hit@1, 0 to 1.
        low: lower end of its 95 % interval; `high` is the upper one.
        high: see `low`.
        first: share of the queries in which each kind of caption came first; empty where candidates have no kinds.
    """

    result: Result
    hit: float
    low: float
    high: float
    first: Mapping[str, float]

    @property
    def beats_chance(self) -> bool:
        """Whether the whole interval is above the chance level."""
        return self.low > self.result.chance


def write_report(
    results: Sequence[Result], corpora: Sequence[Path], out: Path, *, samples: int = 24, seed: int = 0
) -> None:
    """Write a page that needs no network and no other file: open it, mail it, keep it.

    Args:
        results: what to show; models and tasks in the order given.
        corpora: SCaR folders that samples are drawn from.
        out: the HTML file; replaced if it is there.
        samples: most samples to show.
        seed: of the draw of samples.

    Raises:
        DataError: no results, or a corpus or picture that cannot be used.
        ScarError: a corpus that cannot be read.
        EvalError: the file cannot be written.
    """
    if not results:
        raise DataError("report: no results to show; `mmeb-eval --model NAME --tasks DIR` makes some.")
    models = models_of(results)
    means = {model: group_means([r for r in results if r.model == model]) for model in models}
    page = _template().render(
        headline=HEADLINE,
        models=models,
        tasks=list(dict.fromkeys(result.task for result in results)),
        scores={(result.model, result.task): score_of(result) for result in results},
        groups=_groups(means),
        means={(model, mean.group): mean for model in models for mean in means[model]},
        settings={model: [_settings(result) for result in results if result.model == model] for model in models},
        kinds=("gold", *PARTS),
        cards=cards(results, corpora, samples, seed),
    )
    _write(out, page)


def score_of(result: Result) -> Score:
    """The headline score with its interval, and what came first instead of the gold candidate."""
    queries = result.counts["queries"]
    low, high = wilson(round(result.metrics[HEADLINE] * queries), queries)
    return Score(result, result.metrics[HEADLINE], low, high, _first(result))


def wilson(hits: int, queries: int) -> tuple[float, float]:
    """95 % interval of a share; it stays inside 0 to 1 and is honest for few queries.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).

    >>> [round(end, 3) for end in wilson(5, 50)]
    [0.043, 0.214]
    """
    z = 1.959964
    share, weight = hits / queries, z * z / queries
    middle = (share + weight / 2) / (1 + weight)
    reach = z * math.sqrt(share * (1 - share) / queries + weight / (4 * queries)) / (1 + weight)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _first(result: Result) -> dict[str, float]:
    """Shares by kind on a SCaR task, whose candidates stand in a fixed order: gold, then three of each part."""
    known = tasks().get(result.task)
    if known is not None and known.benchmark != "SCaR":
        return {}
    kinds = ["gold", *(part for part in PARTS for _ in range(NEGATIVES_PER_PART))]
    if result.counts["candidates"] != len(kinds) * result.counts["queries"]:
        return {}
    first = [kinds[best[0]] for best in result.top]
    return {kind: first.count(kind) / len(first) for kind in dict.fromkeys(kinds)}


def _groups(means: Mapping[str, Sequence[GroupMean]]) -> list[str]:
    """The groups that any model has results in, in the leaderboard's order."""
    present = {mean.group for own in means.values() for mean in own}
    return [name for name in GROUPS if name in present]


def _settings(result: Result) -> tuple[str, list[tuple[str, str]]]:
    """A task's name, and its settings as texts."""
    rows = []
    for key, value in result.settings.items():
        entries = value.items() if isinstance(value, dict) else [("", value)]
        texts = [entry if isinstance(entry, str) else json.dumps(entry) for _, entry in entries]
        rows += [(f"{key} {name}".strip(), text) for (name, _), text in zip(entries, texts, strict=True)]
    return result.task, rows


def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(TEMPLATE.parent)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(TEMPLATE.name)


def _write(out: Path, page: str) -> None:
    """Write under a temporary name and rename: a reader sees the old page or the new one."""
    temporary = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(page, encoding="utf-8")
        temporary.replace(out)
    except OSError as error:
        raise EvalError(f"{out}: cannot be written: {error.strerror}. Give another --out FILE.") from error
    finally:
        temporary.unlink(missing_ok=True)
