"""The build report of some sources as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from scar.annotations.box_form import BOX_FORMS
from scar.build.part_origins import iter_part_lines
from scar.common.tables import read_toml
from scar.errors import InputError
from scar.language.parse_texts import NO_PARSER


def iter_report_lines(report: Mapping[str, Mapping[str, Any]], out: Path) -> Iterator[str]:
    """Yield what `scar build` prints of each source: where every record went, and the file.

    Args:
        report: entries of ``build_report.json`` by ``<name>/<split>``.
        out: the folder of the corpus.
    """
    for key, entry in report.items():
        rejected = sum(entry["rejected"].values())
        line = f"{key}: {entry['records']} records = {entry['samples']} samples + {rejected} rejected"
        yield line + (f" ({_join_counts(entry['rejected'])})" if rejected else "")
        if entry.get("golds"):  # builds before generator 4 did not count them
            golds = (f"{reason} {each['samples']} of {each['chosen']}" for reason, each in entry["golds"].items())
            yield f"  samples by the reason of their gold: {', '.join(golds)}"
        if "captions" in entry["inputs"] and entry["settings"].get("parser", "") is None:
            yield f"  {NO_PARSER}"
        if entry["ignored"]:
            yield f"  also ignored: {_join_counts(entry['ignored'])}"
        for line in iter_repair_lines(entry.get("repaired", {}), entry.get("doubts", {})):
            yield f"  {line}"
        yield from (f"  {line}" for line in iter_part_lines(entry.get("negatives", {})))  # older builds have none
        if entry["overlap"]:
            yield f"  images that eval splits have: {_join_counts(entry['overlap'])}"
        turned = entry.get("turned_images")
        line = f"  {out / entry['file']}, {entry['images']} images"
        yield line + (f"; stored upright: {_join_counts(turned)}" if turned else "")


def iter_repair_lines(repaired: Mapping[str, int], doubts: Mapping[str, int]) -> Iterator[str]:
    """Yield what was used after a repair, and what is doubtful; numbers of records by name."""
    for title, counts in (("WARNING", doubts), ("used after a repair", repaired)):
        for name, count in counts.items():
            sentence = _read_sentences().get(name)
            yield f"{title}: {name} {count:,}" + (f" ({sentence})" if sentence else "")


@cache
def _read_sentences() -> dict[str, str]:
    """What each rule of a repair does, and what each doubt is, by its name."""
    folder = Path(__file__).parents[1] / "annotations"
    forms = {form.name: f"boxes are read as {form.words}" for form in BOX_FORMS.values()}
    return forms | read_toml(folder / "repairs.toml", InputError) | read_toml(folder / "doubts.toml", InputError)


def _join_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in counts.items())
