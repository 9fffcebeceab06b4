"""A checkpoint -> its card, its results in the Hub's formats, and the files that are pushed of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmeb_eval.report.published import comparable
from mmeb_eval.report.report import ways_text
from mmeb_eval.report.ways import read as read_ways
from mmeb_eval.report.ways import table
from mmeb_eval.run.results import HEADLINE, Result, read_results
from scar.common.files import is_inside, write_text
from scar.errors import CheckpointError, InputError
from scar.publish.card import CARD, TEMPLATES, environment
from scar.publish.checksums import Checksums
from scar.publish.licences import OTHER, Combined, combine
from scar.publish.push import Upload, upload_of
from virtue_ref.checkpoints.format import SETTINGS, read_json, read_own
from virtue_ref.checkpoints.info import describe
from virtue_ref.checkpoints.resolve import TRAINED
from virtue_ref.training.runs import TRAINING, model_of

MARK = "<!-- Rendered by `virtue card` and rendered again by every push: your own words belong into a --template. -->"
MEMORY = ".push/checksums.json"
RESULTS = ".eval_results"
"""Folder of results on data that are on the Hub. Source: huggingface.co/docs/hub/eval-results."""

OWNED = (RESULTS,)
PICKLES = (".bin", ".pth", ".pt", ".pkl", ".ckpt")
TEMPLATE = "model.md.jinja"
WAYS = "table.json"
PROMPTED = ("prompt", "prompt and text")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a card says.

    Attributes:
        name: of the checkpoint.
        repo: where it is or will be on the Hub; None if that is not known.
        revision: of the weights.
        about: see `virtue_ref.checkpoints.info.describe`.
        licence: as stated.
        training: what `virtue train` recorded; empty if it did not.
        results: of exactly these weights.
        ways: the table of ways to tell a region as Markdown; empty if there is none.
        datasets: ids on the Hub of what it was trained on.
    """

    name: str
    repo: str | None
    revision: str
    about: Mapping[str, Any]
    licence: Combined
    training: Mapping[str, Any]
    results: tuple[Result, ...]
    ways: str
    datasets: tuple[str, ...]


def write_card(
    checkpoint: Path,
    repo: str | None = None,
    name: str | None = None,
    results: Path | None = None,
    licence: str | None = None,
    datasets: Sequence[str] = (),
    template: Path | None = None,
    *,
    force: bool = False,
) -> tuple[Path, Facts]:
    """Write ``README.md`` and ``.eval_results/`` of a checkpoint.

    Args:
        checkpoint: a folder in our layout, or of a run, which stands for its best or else last checkpoint.
        repo: where it is or will be on the Hub.
        name: title of the card; by default the repository's or the folder's name.
        results: folder that ``mmeb-eval --output`` wrote; those of exactly these weights are taken.
        licence: what the weights are under; None leaves it open and says so.
        datasets: ids on the Hub of what it was trained on.
        template: instead of ``data_cards/model.md.jinja``, which it may extend.
        force: replace a README.md that was not rendered.

    Returns:
        The checkpoint's folder and what the card says.

    Raises:
        CheckpointError: no such checkpoint, another layout, or weights that do not fit.
        DataError: results that cannot be read.
        InputError: none of the results is of these weights, an unknown licence, a template that does not render, or a
            README.md of somebody's own.
    """
    folder = _folder(checkpoint)
    card = folder / CARD
    if not force and card.is_file() and MARK not in card.read_text(encoding="utf-8", errors="replace"):
        raise InputError(
            f"{card}: was not rendered by virtue, so it stays; move it, put its words into a --template, "
            "or replace it with --force."
        )
    facts = _gather(folder, repo, name, results, licence, datasets)
    entries = eval_results(facts.results)
    text = render(facts, template)
    for old in (folder / RESULTS).glob("*.yaml"):
        if old.name not in entries:
            old.unlink()
    for file, content in entries.items():
        (folder / RESULTS).mkdir(exist_ok=True)
        write_text(content, folder / RESULTS / file)
    write_text(text, card)
    return folder, facts


def files_of(folder: Path) -> list[Upload]:
    """What is pushed of a checkpoint's folder: every file in it that is not hidden, and the results.

    Raises:
        InputError: a pickle, which would run code where it is loaded, or a link that leaves the folder.
    """
    checksums = Checksums(folder / MEMORY)
    paths = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    wanted = [
        path for path in paths if path.parts[0] == RESULTS or not any(part.startswith(".") for part in path.parts)
    ]
    if pickles := [path for path in wanted if path.suffix in PICKLES]:
        raise InputError(f"{folder / pickles[0]}: a pickle; only safetensors are pushed. Take it out of the folder.")
    files = [upload_of(folder, path.as_posix(), checksums) for path in wanted]
    checksums.save()
    return files


def render(facts: Facts, template: Path | None = None) -> str:
    """The card as Markdown with the Hub's YAML.

    Raises:
        InputError: the template cannot be read or has an error.
    """
    from jinja2 import TemplateError

    made = environment(template)
    made.filters["versions"] = lambda found: ", ".join(f"{name} {number}" for name, number in found.items())
    try:
        text = made.get_template(template.name if template else TEMPLATE).render(
            facts=facts, header=header(facts), mark=MARK
        )
    except (TemplateError, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{template or TEMPLATES}: no template that renders: {type(error).__name__}: {error}"
        ) from None
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def header(facts: Facts) -> str:
    """The YAML that the Hub reads; results on data that the Hub does not have are in its ``model-index``."""
    from huggingface_hub import EvalResult, ModelCardData

    unnamed = facts.licence.id == OTHER
    recipe = facts.training.get("recipe", {})
    bases = [recipe.get("backbone"), recipe.get("segmenter")] if recipe.get("backbone") else [recipe.get("model")]
    own = [
        EvalResult(
            task_type="image-feature-extraction",
            task_name=f"region told by {result.settings['region']}",
            dataset_type=result.task,
            dataset_name=result.task,
            metric_type="accuracy",
            metric_name=HEADLINE,
            metric_value=round(result.metrics[HEADLINE], 4),
        )
        for result in facts.results
        if not comparable(result)
    ]
    return ModelCardData(
        model_name=facts.name,
        language=["en"],
        license=facts.licence.id,
        license_name="not-settled" if unnamed else None,
        library_name="scar-virtue",
        pipeline_tag="image-feature-extraction",
        tags=["virtue", "visual-interactive-embedding", "multimodal-embedding", "feature-extraction", "region"],
        base_model=[base for base in bases if base and _is_repo(base)] or None,
        datasets=list(facts.datasets) or None,
        metrics=["accuracy"] if facts.results else None,
        eval_results=own or None,
    ).to_yaml()


def eval_results(results: Sequence[Result]) -> dict[str, str]:
    """Files of `RESULTS`: name -> YAML, of results on published data; one file a way to tell the region."""
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
    from huggingface_hub.utils import yaml_dump  # type: ignore[attr-defined] # not re-exported

    files = {}
    for result in results:
        if not comparable(result):
            continue
        region = result.settings["region"]
        told = "" if region in ("none", *PROMPTED) else f"_{region}"
        entry = EvalResultEntry(
            dataset_id=result.settings["dataset"],
            task_id=result.task,
            value=result.metrics[HEADLINE],
            notes=f"{HEADLINE}, a fraction of 1; ties: {result.settings['ties']}; region told by {region}",
        )
        files[f"{result.task}{told}.yaml"] = yaml_dump(eval_result_entries_to_yaml([entry]), sort_keys=False)
    return files


def _folder(checkpoint: Path) -> Path:
    if not checkpoint.is_dir() or is_inside(checkpoint, TRAINED):
        raise CheckpointError(
            f"{checkpoint}: no folder of yours; `virtue convert {checkpoint} FOLDER` makes one, for this command."
        )
    folder = model_of(checkpoint) or checkpoint
    if not (folder / SETTINGS).is_file():
        raise CheckpointError(f"{folder}: not in our layout; `virtue convert {folder} FOLDER` makes one that is.")
    return folder


def _gather(
    folder: Path, repo: str | None, name: str | None, results: Path | None, licence: str | None, datasets: Sequence[str]
) -> Facts:
    stored = read_own(folder)
    combined = combine({"the weights": licence})
    if licence is not None and combined.id == OTHER:
        raise InputError(f"--licence {licence!r}: {'; '.join(combined.reasons)}; give one such as cc-by-nc-4.0.")
    own: tuple[Result, ...] = ()
    if results is not None:
        found = read_results(results)
        own = tuple(each for each in found if each.settings.get("embedder", {}).get("revision") == stored.revision)
        if not own:
            raise InputError(
                f"{results}: none of {len(found)} results is of these weights (revision {stored.revision}); "
                f"`mmeb-eval --model virtue:{folder} --tasks ... --output {results}` makes some."
            )
    training = read_json(folder / TRAINING) if (folder / TRAINING).is_file() else {}
    return Facts(
        name=name or (repo or folder.resolve().name).rpartition("/")[2],
        repo=repo,
        revision=stored.revision,
        about=describe(folder),
        licence=combined,
        training=training if {"recipe", "data", "model"} <= training.keys() else {},
        results=own,
        ways=ways_text(table(read_ways(folder / WAYS))) if (folder / WAYS).is_file() else "",
        datasets=tuple(datasets),
    )


def _is_repo(name: str) -> bool:
    """Whether a name is a repository's and not a path of this machine."""
    return bool(re.fullmatch(r"[\w.-]+/[\w.-]+", name)) and not Path(name).exists()
