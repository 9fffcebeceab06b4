"""Dataset cards: render ``README.md`` and ``croissant.json`` of a corpus from its summary and a template."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from scar.audit.findings import SUSPECT_REASONS, list_findings
from scar.audit.limits import check_limits
from scar.common.files import format_bytes, hash_file, write_text
from scar.common.progress import Track, track_silently
from scar.errors import InputError
from scar.formats.embedded_images import ImageShard
from scar.publish.corpus_summary import Config, CorpusSummary, HashFile, read_versions, summarise_corpus
from scar.publish.croissant import make_croissant
from scar.publish.limits import list_limits
from scar.sample import PARTS

if TYPE_CHECKING:
    from jinja2 import Environment

CARD = "README.md"
CROISSANT = "croissant.json"

RENDERED_MARK = (
    "<!-- Rendered by `scar card` and rendered again by every push: your own words belong into a --template. -->"
)
"""Comment in every rendered card. A card without it was written by hand and is kept."""

TEMPLATES = Path(__file__).parents[2] / "data_cards"
"""Folder of the default templates; lies beside the packages, both in a checkout and in an installation."""

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)


def write_card(
    folder: Path,
    *,
    name: str | None = None,
    repo: str | None = None,
    template: Path | None = None,
    force: bool = False,
    hasher: HashFile = hash_file,
    embedded: Sequence[ImageShard] = (),
    track: Track = track_silently,
) -> CorpusSummary:
    """Render the card and the Croissant file of a corpus into its folder.

    Args:
        folder: a SCaR folder, built or published; its ``stats.json`` is written too.
        name: title of the card; None takes the name in ``repo``, or that of the folder if ``repo`` is None too.
        repo: ``organisation/name`` of the corpus on the Hub; None if it is not there.
        template: a jinja template that replaces the default one; it may extend the templates of ``data_cards``.
        force: whether to replace a README.md that was written by hand.
        hasher: computes the SHA-256 of a file, in hexadecimal digits.
        embedded: shards of rows with embedded images, if the repository gets some; the card lists them too.
        track: shows progress.

    Returns:
        The summary from which both files were rendered.

    Raises:
        InputError: the corpus or the template cannot be read, two sources have the same split name, the Croissant file
            does not validate, or README.md was written by hand and ``force`` is false.
        WriteError: a file cannot be written.
    """
    card = folder / CARD
    if not force and is_handwritten(card):
        raise InputError(
            f"{card}: was not rendered by scar, so it stays; move it, put its words into a --template, "
            "or replace it with --force."
        )
    summary = summarise_corpus(folder, name, repo, hasher=hasher, embedded=embedded, track=track)
    write_text(render_card(summary, template), card)
    write_text(make_croissant(summary), folder / CROISSANT)
    return summary


def is_handwritten(card: Path) -> bool:
    """Whether a card exists and was written by hand: it lacks `RENDERED_MARK`."""
    return card.is_file() and RENDERED_MARK not in card.read_text(encoding="utf-8", errors="replace")


def render_card(summary: CorpusSummary, template: Path | None = None) -> str:
    """The card as Markdown, with a YAML header for the Hub.

    Args:
        summary: summary of the corpus.
        template: a jinja template that replaces the default one.

    Raises:
        InputError: the template cannot be read or has an error.
    """
    from jinja2 import TemplateError

    reports = {source.key: source.report for source in summary.sources if source.report is not None}
    try:
        text = (
            make_environment(template)
            .get_template(template.name if template else select_template(summary))
            .render(
                facts=summary,
                header=make_header(summary),
                mark=RENDERED_MARK,
                names=list(dict.fromkeys(source.name for source in summary.sources)),
                with_images=any(_has_images(config) for config in summary.configs),
                provenance=any("provenance" in config.name for config in summary.configs),
                has_reasons=any(count["reasons"] for count in summary.stats.values()),
                reports=reports,
                reviews=summary.reviews,
                parts=PARTS,
                reasons=SUSPECT_REASONS,
                chance=1 / 10,
                checks=check_limits(dict(summary.audit)) if summary.audit else [],
                findings=list_findings(dict(summary.audit)) if summary.audit else [],
                limits=list_limits(summary),
                versions=read_versions(),
            )
        )
    except (TemplateError, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{template or TEMPLATES}: no template that renders: {type(error).__name__}: {error}"
        ) from None
    return text.rstrip() + "\n"


def select_template(summary: CorpusSummary) -> str:
    """Name of the default template: one for a corpus of the paper's sources with one split, else the general one."""
    if summary.of_the_paper and len(summary.splits) == 1:
        return f"scar_{summary.splits[0]}.md.jinja"
    return "dataset.md.jinja"


def make_header(summary: CorpusSummary) -> str:
    """The YAML header of the card for the Hub and its viewer: configs, splits, features, sizes, licence, sources.

    It is the text between the two lines of dashes, without these.
    """
    from datasets import DatasetInfo, Features
    from datasets.info import DatasetInfosDict
    from datasets.splits import SplitDict
    from datasets.utils.metadata import MetadataConfigs
    from huggingface_hub import DatasetCardData

    licence = summary.licence
    unnamed = licence.id == "other"
    data = DatasetCardData(
        pretty_name=summary.name,
        language=["en"],
        license=licence.id,
        license_name="not-settled" if unnamed else None,
        license_link="#sources-and-licences" if unnamed else None,
        annotations_creators=["machine-generated"],
        task_categories=["image-feature-extraction", "text-retrieval"],
        size_categories=[find_size_category(summary.samples)],
        tags=["scar", "visual-interactive-embedding", "caption-retrieval", "hard-negatives", "region", "croissant"],
        sources=[
            {
                "name": source.name,
                "split": source.split,
                "license": source.licence,
                "images": source.images,
                "samples": source.samples,
            }
            for source in summary.sources
        ],
    )
    infos: dict[str, Any] = {}
    configs: dict[str, Any] = {}
    for index, config in enumerate(summary.configs):
        splits = [
            {
                "name": name,
                "num_bytes": sum(file.memory for file in files),
                "num_examples": sum(file.rows for file in files),
            }
            for name, files in config.splits.items()
        ]
        infos[config.name] = DatasetInfo(
            features=Features.from_arrow_schema(config.schema),
            splits=SplitDict.from_split_dict(splits),
            download_size=sum(file.bytes for file in config.files),
            dataset_size=sum(file.memory for file in config.files),
        )
        data_files = [{"split": name, "path": [file.path for file in files]} for name, files in config.splits.items()]
        configs[config.name] = {"data_files": data_files} | ({"default": True} if index == 0 else {})
    DatasetInfosDict(infos).to_dataset_card_data(data)
    MetadataConfigs(configs).to_dataset_card_data(data)
    return data.to_yaml()


def find_size_category(samples: int) -> str:
    """The Hub's size category for a number of samples.

    >>> find_size_category(510), find_size_category(47_145)
    ('n<1K', '10K<n<100K')
    """
    return next((name for most, name in _SIZES if samples < most), "n>10M")


def make_environment(template: Path | None = None) -> Environment:
    """Make the jinja environment: it finds templates beside ``template`` and in ``data_cards``, and has our filters."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folders = [template.parent, TEMPLATES] if template else [TEMPLATES]
    made = Environment(
        loader=FileSystemLoader(folders),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown of our own figures
        keep_trailing_newline=True,
    )
    filters: Mapping[str, Callable[..., str]] = {
        "number": lambda value: f"{value:,}",
        "size": format_bytes,
        "share": lambda value: f"{value:.1%}".replace("%", " %"),
        "plain": lambda value: f"{value:g}",
        "listed": _join_names,
        "counted": lambda counts: ", ".join(f"{reason} {count:,}" for reason, count in counts.items()) or "none",
        "plot_title": lambda path: PurePosixPath(path).stem.replace("_", " "),
    }
    made.filters |= filters
    return made


def _join_names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _has_images(config: Config) -> bool:
    return "image" in config.schema.names
