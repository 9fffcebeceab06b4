"""Options and arguments of the commands of ``mmeb-eval``, each with its help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from mmeb_eval.regions.strategies import IMAGE_STRATEGIES
from scar.common.terminal import MAX_SEED

MODEL_HELP = (
    "Model: constant, random, text-only or virtue; clip:, siglip:, two-tower:, sentence-transformers: or multi-vector: "
    "with a folder or hub id; open_clip:<name>?pretrained=<weights>; mteb:<name>; "
    "http://host/v1/embeddings#<model>, or the same behind vllm:, openai:, jina:, cohere:, voyage:, tei:, infinity: or "
    "ollama:; an entry point of a package; or "
    "my_module:function. Options of the model follow its name: 'my_module:function?ckpt=a.pt&dtype=bfloat16'."
)
REGION_HELP = (
    "How models learn which region is meant. text: the text names the box. "
    f"{', '.join(IMAGE_STRATEGIES)}: the image is cut to the box, or marks it. "
    "roi: vision features inside the box are pooled. text-bare: VIRTUE gets the box in the text and no segment tokens. "
    "whole-image: the model is not told the region. By default a model gets the box if it takes boxes, else the text "
    "names it."
)

MAX_BATCH = 1_000_000
"""Largest ``--batch-size``; it is far above what memory holds, so that a larger one is a slip of the keyboard."""


def show_version(wanted: bool) -> None:
    """Print the version of this distribution and end the program, if it is wanted."""
    if wanted:
        import importlib.metadata

        typer.echo(f"mmeb-eval {importlib.metadata.version('scar-virtue')}")
        raise typer.Exit


# Of several commands.
BatchSize: TypeAlias = Annotated[
    int, typer.Option(min=1, max=MAX_BATCH, help="Largest number of items in one call of the model.")
]
Config: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Config of virtue: demo, tiny, 2b, 7b, qwen3-2b, a TOML file; or your own function's parameter config."
    ),
]
DataFolder: TypeAlias = Annotated[Path | None, typer.Option(help="Folder with the data of tasks given by name.")]
ImageFolder: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Folder that the image paths in the data are relative to.  [default: found in the data folder]"),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Version: TypeAlias = Annotated[
    bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
]
Instruction: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Probe how much a model uses the instruction: queries get none, a paraphrase, or a wrong one. `compare` "
        "then tells the difference."
    ),
]
Region: TypeAlias = Annotated[str | None, typer.Option(help=REGION_HELP)]
Results: TypeAlias = Annotated[Path, typer.Argument(help="Results folder, the --output of a run.")]
DEFAULT_OUTPUT = Path("results")

# Of a run.
Models: TypeAlias = Annotated[list[str] | None, typer.Option(help=f"{MODEL_HELP} May be repeated.")]
TaskNames: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        help="A SCaR folder; a task file; or names, separated by commas, of tasks or groups: all, lite (8 MMEB tasks), "
        "MMEB, SCaR, classification, vqa, retrieval, grounding, IND, OOD; may be repeated."
    ),
]
Limit: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Score the first N queries of each task, to try a run.  [default: all]")
]
Plan: TypeAlias = Annotated[
    bool, typer.Option("--plan", help="Say how many items and requests a run takes, and embed nothing.")
]
TaskFiles: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--task-file",
        help="TOML file with your own tasks (docs/own_tasks.md); --tasks may name some of them.",
    ),
]
RequestJson: TypeAlias = Annotated[
    str | None, typer.Option(help='JSON object whose keys each request to a server gets, such as {"dimensions": 256}.')
]
AtOnce: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Largest number of requests to a server in flight at the same time.")
]
Output: TypeAlias = Annotated[Path, typer.Option(help="Results folder; writes <output>/<model>/<task>.json.")]
BaselineSeed: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=MAX_SEED,
        show_default="0",
        help="Seed of the random baseline; or the parameter seed of your own function.",
    ),
]
Ties: TypeAlias = Annotated[
    str,
    typer.Option(
        help="Rule for equal scores: against (they count against the model) or official (as in the official code)."
    ),
]
Refresh: TypeAlias = Annotated[bool, typer.Option(help="Delete the models' stored vectors and make new ones.")]
TrustStored: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--trust-stored",
        help="Use stored vectors without embedding a few of their items again. Scores are marked.",
    ),
]
KeepGoing: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--keep-going",
        help="When a task fails, go on with the others; the failed ones are listed at the end, exit code 2.",
    ),
]
Strict: TypeAlias = Annotated[
    bool,
    typer.Option(
        help="Exit with code 3 if a score is at most three standard errors above chance, or below it; baselines are "
        "exempt."
    ),
]

# Of `probe`.
RequiredModels: TypeAlias = Annotated[list[str], typer.Option(help=f"{MODEL_HELP} May be repeated.")]
ScarTasks: TypeAlias = Annotated[
    list[str], typer.Option(help="A SCaR folder, or names of SCaR tasks separated by commas; may be repeated.")
]
ProbeOutput: TypeAlias = Annotated[
    Path,
    typer.Option(
        help="Results folder; writes <output>/<model>/<task>.json and, of perturbed prompts, "
        "<output>/<model>/probes/<task>/."
    ),
]
ProbeSeed: TypeAlias = Annotated[
    int, typer.Option(min=0, max=MAX_SEED, help="Seed of the perturbations and of the random baseline.")
]

# Of `compare`.
FirstResults: TypeAlias = Annotated[
    Path, typer.Argument(help="Results of one model: <output>/<model>, or an <output> with one model.")
]
SecondResults: TypeAlias = Annotated[
    Path, typer.Argument(help="Results of another model, or of the same model with other settings.")
]

# Of `check`.
CheckedModel: TypeAlias = Annotated[str | None, typer.Argument(help=MODEL_HELP)]
CheckedData: TypeAlias = Annotated[Path | None, typer.Option(help="Data folder whose rows and images are checked.")]
CheckedTasks: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Tasks that the data folder must hold, and tasks of your task files: names of tasks or groups, separated "
        "by commas.  [default: all are checked]"
    ),
]

CheckedTaskFiles: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--task-file", help="TOML file with your own tasks, whose rows and images are checked."),
]

# Of `leaderboard`.
OwnResults: TypeAlias = Annotated[
    Path | None, typer.Argument(help="Results folder whose scores are added.  [default: none]")
]
Benchmark: TypeAlias = Annotated[str | None, typer.Option(help="MMEB or SCaR.  [default: both]")]
Sheets: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(help="Score sheet of the MMEB leaderboard, your own or downloaded, that is added; may be repeated."),
]
Group: TypeAlias = Annotated[
    str | None, typer.Option(help="Show the scores on each task of this group, such as vqa, OOD or SCaR.")
]

# Of `fetch`.
Revisions: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        help="Commit or tag to download, as repository@commit; may be repeated. By default the commit that the folder "
        "holds, else the newest."
    ),
]

# Of `report`.
ReportTasks: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        help="Show, in an HTML report, the worst failures of these tasks: a SCaR folder, or names of tasks or "
        "groups, separated by commas; may be repeated."
    ),
]
StrategyTable: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="File that `virtue table` wrote: adds its table of region strategies, beside the paper's scores."
    ),
]

# Of `submit`.
SubmittedModel: TypeAlias = Annotated[
    str | None, typer.Option(help="Model to submit; needed if the results are of several models.")
]
About: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="TOML file with facts about the model, such as model_size (in billions of parameters), model_backbone "
        "and url."
    ),
]
