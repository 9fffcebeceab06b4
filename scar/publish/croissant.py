"""Croissant metadata of a corpus, with the responsible-AI (RAI) fields, from the same summary as its card.

Source: mlcommons.org/croissant 1.0 and mlcommons.org/croissant/RAI 1.0.
"""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from scar.audit.findings import list_findings
from scar.errors import InputError
from scar.formats.embedded_images import IMAGE_COLUMN
from scar.publish.corpus_summary import Config, CorpusSummary, DataFile, read_versions
from scar.publish.limits import list_limits

if TYPE_CHECKING:
    import mlcroissant

CONFORMS_TO = ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]

_PROTOCOL = (
    "A caption has an object, a relation and a scene; each of the nine others replaces exactly one of them, three of "
    "each kind."
)
_CHOICE = (
    "Left out, and counted by reason in the build report: crowds, boxes that are too small or outside the image, and "
    "regions beyond the largest number per image."
)
_CLEAN = "The audit found nothing beyond its limits."
_USES = {
    "eval": "Evaluation of embedders that take a region of an image.",
    "train": "Training of embedders that take a region of an image.",
}

HUB = "https://huggingface.co/datasets"


def make_croissant(summary: CorpusSummary) -> str:
    """The Croissant file as JSON text, after mlcroissant has validated it.

    Each file of a split of a config is one record set. Paths are relative to the corpus's folder.

    Raises:
        InputError: mlcroissant rejects the file; the message says why.
    """
    import mlcroissant as mlc

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # mlcroissant asks rdflib in ways that are going away
            text = json.dumps(_make_metadata(summary).to_json(), indent=2, ensure_ascii=False, default=str)
            mlc.Metadata.from_json(mlc.Context(), json.loads(text))
    except mlc.ValidationError as error:
        raise InputError(f"{summary.name}: its Croissant file does not validate: {error}") from None
    return text + "\n"


def _make_metadata(summary: CorpusSummary) -> mlcroissant.Metadata:
    import mlcroissant as mlc

    objects = [_make_file_object(file) for config in summary.configs for file in config.files]
    records = [
        _make_record_set(config, split, number if len(files) > 1 else None, file)
        for config in summary.configs
        for split, files in config.splits.items()
        for number, file in enumerate(files)
    ]
    return mlc.Metadata(
        conforms_to=CONFORMS_TO,
        name=summary.name,
        description=f"{summary.samples:,} samples in the format of SCaR: an image, a box, a true caption and "
        "false ones.",
        url=f"{HUB}/{summary.repo}" if summary.repo else None,
        license=[summary.licence.url or summary.licence.name],
        version=read_versions()["scar"],
        in_language=["en"],
        keywords=["SCaR", "visual-interactive embedding", "caption retrieval", "hard negatives"],
        cite_as="VIRTUE: Visual-Interactive Text-Image Universal Embedder, arXiv 2510.00523, 2025",
        distribution=objects,
        record_sets=records,
        **_describe_responsible_ai(summary),
    )


def _describe_responsible_ai(summary: CorpusSummary) -> dict[str, Any]:
    """The responsible-AI fields; those that need a build report are left out where there is none."""
    reports = [source.report for source in summary.sources if source.report is not None]
    where = "; ".join(
        f"{source.key}: {source.images:,} images, {source.samples:,} samples" for source in summary.sources
    )
    fields = {
        "data_collection": f"Regions of annotated images of other data sets ({where}).",
        "data_collection_type": ["Secondary Data analysis", "Software Collection"],
        "data_collection_raw_data": "Images and annotations of the sources, which stay with their publishers.",
        "data_annotation_protocol": [_PROTOCOL],
        "data_annotation_analysis": _describe_reviews(summary) or ["No review by people is on record for this build."],
        "annotations_per_item": "1 true caption and 9 others",
        "data_biases": list_findings(dict(summary.audit)) or [_CLEAN]
        if summary.audit
        else ["It has not been audited."],
        "data_use_cases": [_USES[split] for split in summary.splits],
        "data_limitations": list_limits(summary),
        "data_social_impact": f"Licence: {summary.licence.name}, because {'; '.join(summary.licence.reasons)}.",
        "personal_sensitive_information": ["Images may show people. Captions are made of annotations."],
    }
    if not reports:
        return fields
    rejected = sum(sum(report["rejected"].values()) for report in reports)
    how = [report["settings"] for report in reports]
    tools = {f"scar, generator {each['generator']} {each['generator_version']}" for each in how}
    return fields | {
        "data_collection_missing_data": f"{rejected:,} records were rejected; the build report counts them by reason.",
        "data_preprocessing_protocol": [_CHOICE, *_describe_turned_images(summary)],
        "machine_annotation_tools": sorted(tools),
        "data_release_maintenance_plan": "The same inputs, settings and seed build the same bytes again.",
    }


def _describe_turned_images(summary: CorpusSummary) -> list[str]:
    return [
        f"{source.key}: {source.turned_images:,} images were turned upright as their EXIF says, and their regions too."
        for source in summary.sources
        if source.turned_images
    ]


def _describe_reviews(summary: CorpusSummary) -> list[str]:
    return [
        f"{key}: {found['samples']:,} samples seen by {found['reviewers']} reviewers, {found['accepted']:.1%} accepted"
        for key, found in summary.reviews.items()
        if found["samples"]
    ]


def _make_file_object(file: DataFile) -> mlcroissant.FileObject:
    import mlcroissant as mlc

    return mlc.FileObject(
        id=file.path,
        name=file.path,
        content_url=file.path,
        content_size=f"{file.bytes} B",
        encoding_formats=[mlc.EncodingFormat.PARQUET],
        sha256=file.sha256,
    )


def _make_record_set(config: Config, split: str, number: int | None, file: DataFile) -> mlcroissant.RecordSet:
    import mlcroissant as mlc

    id_ = f"{config.name}/{split}" if number is None else f"{config.name}/{split}/{number}"
    return mlc.RecordSet(
        id=id_,
        name=id_,
        description=f"{file.rows:,} rows, each {config.about}.",
        fields=[_make_field(f"{id_}/{column.name}", column, file.path, column.name) for column in config.schema],
    )


def _make_field(id_: str, column: pa.Field, path: str, top: str, inside: str = "") -> mlcroissant.Field:
    """The field for a column, or for the part of the column ``top`` at the JSON path ``inside``."""
    import mlcroissant as mlc

    kind, repeated = column.type, "[*]" in inside
    if column.name == IMAGE_COLUMN and not inside:
        return mlc.Field(
            id=id_,
            name=id_,
            data_types=[mlc.DataType.IMAGE_OBJECT],
            source=mlc.Source(
                file_object=path, extract=mlc.Extract(column=top), transforms=[mlc.Transform(json_path="bytes")]
            ),
        )
    if pa.types.is_list(kind):
        kind, repeated = kind.value_type, True
    if pa.types.is_struct(kind):
        each = f"{inside}[*]" if repeated else inside
        below = [
            _make_field(f"{id_}/{field.name}", field, path, top, f"{each}.{field.name}".lstrip(".")) for field in kind
        ]
        return mlc.Field(id=id_, name=id_, sub_fields=below)
    return mlc.Field(
        id=id_,
        name=id_,
        data_types=[_choose_data_type(kind)],
        repeated=repeated or None,
        source=mlc.Source(
            file_object=path,
            extract=mlc.Extract(column=top),
            transforms=[mlc.Transform(json_path=inside)] if inside else [],
        ),
    )


def _choose_data_type(kind: pa.DataType) -> Any:
    import mlcroissant as mlc

    if pa.types.is_integer(kind):
        return mlc.DataType.INTEGER
    if pa.types.is_floating(kind):
        return mlc.DataType.FLOAT
    return mlc.DataType.TEXT
