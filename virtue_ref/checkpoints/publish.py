"""Publish a checkpoint: write its model card and its results in the Hub's formats, and list the files to push."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmeb_eval.report.markdown import render_strategy_table
from mmeb_eval.report.published import is_on_published_data
from mmeb_eval.report.strategy_table import make_strategy_table, read_strategy_scores
from mmeb_eval.run.results import HEADLINE_METRIC, Result, read_results
from scar.common.files import is_inside, write_text
from scar.errors import CheckpointError, InputError
from scar.publish.card import CARD, TEMPLATES, make_environment
from scar.publish.checksums import StoredHashes
from scar.publish.licences import OTHER, CombinedLicence, combine_licences
from scar.publish.upload import Upload, make_upload
from virtue_ref.checkpoints.format import SETTINGS_FILE, read_own_layout
from virtue_ref.checkpoints.info import describe_model
from virtue_ref.checkpoints.resolve import SHIPPED_FOLDER
from virtue_ref.checkpoints.run_folder import TRAINING_FILE, find_model
from virtue_ref.checkpoints.tensors import read_json

RENDERED_MARK = (
    "<!-- Rendered by `virtue card` and rendered again by every push: your own words belong into a --template. -->"
)
CHECKSUM_CACHE = ".push/checksums.json"
RESULTS_FOLDER = ".eval_results"
"""Folder for results on published data, one YAML file each. Source: huggingface.co/docs/hub/eval-results."""

PICKLE_SUFFIXES = (".bin", ".pth", ".pt", ".pkl", ".ckpt")
WEIGHT_PATTERNS = ("*.safetensors", "*.index.json", "adapter_config.json", *(f"*{end}" for end in PICKLE_SUFFIXES))
"""Names of files that a loader would read beside or in place of the pushed weights."""

TEMPLATE_FILE = "model.md.jinja"
STRATEGY_TABLE_FILE = "table.json"
PROMPT_STRATEGIES = ("prompt", "prompt and text")


@dataclass(frozen=True, slots=True)
class CardContents:
    """The contents of a model card.

    Attributes:
        name: title of the card.
        repo: the model's repository on the Hub, which need not exist yet; None if that is not known.
        revision: revision of the weights, see `Checkpoint`.
        about: sizes and settings from `virtue_ref.checkpoints.info.describe_model`.
        licence: licence of the weights.
        training: content of the training.json that `virtue train` wrote; empty if there is none.
        results: evaluation results of exactly these weights.
        strategy_table: Markdown table that compares the region strategies; "" if there is none.
        datasets: Hub ids of the data sets that the model was trained on.
    """

    name: str
    repo: str | None
    revision: str
    about: Mapping[str, Any]
    licence: CombinedLicence
    training: Mapping[str, Any]
    results: tuple[Result, ...]
    strategy_table: str
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
) -> tuple[Path, CardContents]:
    """Write the model card ``README.md`` and the results ``.eval_results/`` into a checkpoint's folder.

    Result files in ``.eval_results/`` that do not belong to this card are deleted.

    Args:
        checkpoint: folder of a checkpoint in our layout, or of a run: then its best checkpoint, else its last.
        repo: the model's repository on the Hub, which need not exist yet; None if that is not known.
        name: title of the card; None takes the name of the repository, else of the folder.
        results: folder that ``mmeb-eval --output`` wrote. Only results of exactly these weights are used. None writes a
            card without results.
        licence: licence of the weights, such as "cc-by-nc-4.0"; with None the card says that it is not settled.
        datasets: Hub ids of the data sets that the model was trained on.
        template: Jinja template in place of the built-in ``model.md.jinja``, which it may extend by that name.
        force: whether to replace a README.md that this function did not render.

    Returns:
        The checkpoint's folder (of a run: that of the chosen checkpoint) and the contents of the card.

    Raises:
        CheckpointError: there is no such checkpoint, it has another layout, or its weights do not fit its config.
        DataError: the results cannot be read.
        InputError: `results` is given and none is of these weights, the licence is unknown, the template does not
            render, or there is a README.md that was not rendered and `force` is false.
    """
    folder = _find_checkpoint_folder(checkpoint)
    card = folder / CARD
    if not force and card.is_file() and RENDERED_MARK not in card.read_text(encoding="utf-8", errors="replace"):
        raise InputError(
            f"{card}: was not rendered by virtue, so it stays; move it, put its words into a --template, "
            "or replace it with --force."
        )
    facts = _gather_contents(folder, repo, name, results, licence, datasets)
    entries = make_eval_results(facts.results)
    text = render_card(facts, template)
    for old in (folder / RESULTS_FOLDER).glob("*.yaml"):
        if old.name not in entries:
            old.unlink()
    for file, content in entries.items():
        (folder / RESULTS_FOLDER).mkdir(exist_ok=True)
        write_text(content, folder / RESULTS_FOLDER / file)
    write_text(text, card)
    return folder, facts


def list_uploads(folder: Path) -> list[Upload]:
    """List what a push sends: all files in a checkpoint's folder that are not hidden, and those of `RESULTS_FOLDER`.

    Subfolders are searched too. Checksums are stored in the folder, so that the next push need not compute them again.

    Raises:
        InputError: the folder has a pickle, which could run code when it is loaded, or a link out of the folder.
    """
    checksums = StoredHashes(folder / CHECKSUM_CACHE)
    paths = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    wanted = [
        path
        for path in paths
        if path.parts[0] == RESULTS_FOLDER or not any(part.startswith(".") for part in path.parts)
    ]
    if pickles := [path for path in wanted if path.suffix in PICKLE_SUFFIXES]:
        raise InputError(f"{folder / pickles[0]}: a pickle; only safetensors are pushed. Take it out of the folder.")
    files = [make_upload(folder, path.as_posix(), checksums) for path in wanted]
    checksums.save()
    return files


def render_card(facts: CardContents, template: Path | None = None) -> str:
    """Render a model card as Markdown with the Hub's YAML header.

    Args:
        facts: contents of the card, which the template knows as ``facts``.
        template: see `write_card`.

    Raises:
        InputError: the template cannot be read or has an error.
    """
    from jinja2 import TemplateError

    made = make_environment(template)
    made.filters["versions"] = lambda found: ", ".join(f"{name} {number}" for name, number in found.items())
    try:
        text = made.get_template(template.name if template else TEMPLATE_FILE).render(
            facts=facts, header=make_card_header(facts), mark=RENDERED_MARK
        )
    except (TemplateError, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{template or TEMPLATES}: no template that renders: {type(error).__name__}: {error}"
        ) from None
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def make_card_header(facts: CardContents) -> str:
    """Make the YAML of a model card's header, without the lines ``---`` around it.

    Its ``model-index`` holds the results on data that are not published; `make_eval_results` has the others.
    """
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
            metric_name=HEADLINE_METRIC,
            metric_value=round(result.metrics[HEADLINE_METRIC], 4),
        )
        for result in facts.results
        if not is_on_published_data(result)
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


def make_eval_results(results: Sequence[Result]) -> dict[str, str]:
    """Make the files of `RESULTS_FOLDER`, file name -> YAML: one for each result on published data, with its hit@1."""
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
    from huggingface_hub.utils import yaml_dump  # type: ignore[attr-defined] # not re-exported

    files = {}
    for result in results:
        if not is_on_published_data(result):
            continue
        region = result.settings["region"]
        suffix = "" if region in ("none", *PROMPT_STRATEGIES) else f"_{region}"
        entry = EvalResultEntry(
            dataset_id=result.settings["dataset"],
            task_id=result.task,
            value=result.metrics[HEADLINE_METRIC],
            notes=f"{HEADLINE_METRIC}, a fraction of 1; ties: {result.settings['ties']}; region told by {region}",
        )
        files[f"{result.task}{suffix}.yaml"] = yaml_dump(eval_result_entries_to_yaml([entry]), sort_keys=False)
    return files


def _find_checkpoint_folder(checkpoint: Path) -> Path:
    if not checkpoint.is_dir() or is_inside(checkpoint, SHIPPED_FOLDER, resolve_links=True):
        raise CheckpointError(
            f"{checkpoint}: no folder of yours; `virtue convert {checkpoint} FOLDER` makes one, for this command."
        )
    folder = find_model(checkpoint) or checkpoint
    if not (folder / SETTINGS_FILE).is_file():
        raise CheckpointError(f"{folder}: not in our layout; `virtue convert {folder} FOLDER` makes one that is.")
    return folder


def _gather_contents(
    folder: Path, repo: str | None, name: str | None, results: Path | None, licence: str | None, datasets: Sequence[str]
) -> CardContents:
    stored = read_own_layout(folder)
    combined = combine_licences({"the weights": licence})
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
    training = read_json(folder / TRAINING_FILE) if (folder / TRAINING_FILE).is_file() else {}
    return CardContents(
        name=name or (repo or folder.resolve().name).rpartition("/")[2],
        repo=repo,
        revision=stored.revision,
        about=describe_model(folder),
        licence=combined,
        training=training if {"recipe", "data", "model"} <= training.keys() else {},
        results=own,
        strategy_table=render_strategy_table(make_strategy_table(read_strategy_scores(folder / STRATEGY_TABLE_FILE)))
        if (folder / STRATEGY_TABLE_FILE).is_file()
        else "",
        datasets=tuple(datasets),
    )


def _is_repo(name: str) -> bool:
    """Whether a name has the form of a Hub repository and is not a local path."""
    return bool(re.fullmatch(r"[\w.-]+/[\w.-]+", name)) and not Path(name).exists()
