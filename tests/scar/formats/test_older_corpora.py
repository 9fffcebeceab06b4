"""A corpus that does not say why its gold captions are true is read, checked, shown, counted and audited as before."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from scar import audit, read
from scar.audit.findings import list_findings
from scar.audit.tables import make_tables
from scar.cli import app
from scar.errors import InputError
from scar.formats.check import check_folder
from scar.inspect.samples_page import write_samples_page
from scar.inspect.statistics import count_corpus
from scar.sample import REASONS
from tests.scar.older_corpora import drop_reasons

NOTES = Path("provenance/SCaR_eval_Toy.parquet")
TITLE = "Gold captions by reason"


def test_samples_are_the_same_without_their_reason(built: Path) -> None:
    before = list(read(built))
    assert {sample.reason for sample in before} == {"human", "direction", "position"}
    assert list(read(drop_reasons(built))) == [msgspec.structs.replace(sample, reason=None) for sample in before]
    assert check_folder(built).counts == {}


@pytest.mark.parametrize("command", ["check", "stats", "show", "audit", "card"])
def test_every_command_takes_it(built: Path, command: str) -> None:
    done = CliRunner().invoke(app, [command, str(drop_reasons(built))])
    assert done.exit_code == 0, done.output


def test_what_is_not_said_is_not_counted(built: Path) -> None:
    newer = audit(built)
    older = audit(drop_reasons(built))
    for key, figures in older["sources"].items():
        assert figures["reasons"] == {
            "counts": {},
            "ranking": None,
            "shared": newer["sources"][key]["reasons"]["shared"],
        }
        assert figures["yield"] == {}
        told = {"reasons", "yield"}
        assert {name: each for name, each in figures.items() if name not in told} == {
            name: each for name, each in newer["sources"][key].items() if name not in told
        }
        assert count_corpus(built)[key]["reasons"] == {}
    assert TITLE not in [table.title for table in make_tables(older)]
    assert not any("ordinal" in line for line in list_findings(older))
    assert any("33.3% of the gold captions are positions or ordinals" in line for line in list_findings(newer))
    assert not any("reason" in dict(card.details) for card in write_samples_page(built))


def test_a_folder_may_hold_both(built: Path) -> None:
    sidecar = built / NOTES
    pq.write_table(pq.read_table(sidecar).drop_columns(["reason"]), sidecar)
    assert {(sample.split, sample.reason is None) for sample in read(built)} == {("eval", True), ("train", False)}
    counts = count_corpus(built)
    assert counts["Toy/eval"]["reasons"] == {}
    assert counts["Toy/train"]["reasons"] == {"human": 3, "direction": 3, "position": 3}
    assert CliRunner().invoke(app, ["card", str(built)]).exit_code == 0


def test_an_earlier_audit_is_still_read_by_the_card(built: Path) -> None:
    assert CliRunner().invoke(app, ["audit", str(built)]).exit_code == 0
    report = json.loads((built / "audit.json").read_text())
    for figures in report["sources"].values():
        del figures["reasons"]
    (built / "audit.json").write_text(json.dumps(report))
    assert CliRunner().invoke(app, ["card", str(drop_reasons(built))]).exit_code == 0


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_known_and_may_be_null(built: Path, reason: str) -> None:
    _set_reasons(built, pa.array([reason] * 8 + [None]))
    assert check_folder(built).counts == {}
    assert [sample.reason for sample in read(built)][:9] == [reason] * 8 + [None]


@pytest.mark.parametrize("reason", ["", "Human", "vision", "depth"])
def test_another_reason_is_found(built: Path, reason: str) -> None:
    _set_reasons(built, pa.array(["human"] * 8 + [reason]))
    findings = check_folder(built)
    assert findings.counts == {"provenance": 1}
    (line,) = findings.examples["provenance"]
    assert line.endswith(f"row 8: its reason {reason!r} is none of {', '.join(REASONS)}")


def test_a_reason_that_is_no_text_is_found(built: Path) -> None:
    _set_reasons(built, pa.array(range(9)))
    assert "its reason 0 is no text" in check_folder(built).examples["provenance"][0]
    with pytest.raises(InputError, match="row 0: its reason 0 is no text"):
        list(read(built))


def _set_reasons(folder: Path, reasons: pa.Array) -> None:
    table = pq.read_table(folder / NOTES)
    pq.write_table(table.set_column(table.schema.get_field_index("reason"), "reason", reasons), folder / NOTES)
