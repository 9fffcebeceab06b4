"""The published scores are those that were published, with the scale of each source named."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mmeb_eval.data.tasks import GROUPS, list_group_tasks, tasks
from mmeb_eval.report.published import (
    SCORES_PATH,
    SOURCES_PATH,
    PublishedScore,
    read_published_scores,
    read_scores_table,
)
from scar.errors import DataError
from tests.shared import SHARED

SHARED = SHARED / "published"
GROUP_NAMES = {"Classification": "classification", "VQA": "vqa", "Retrieval": "retrieval", "Grounding": "grounding"}
GROUP_NAMES |= {"IND": "IND", "OOD": "OOD", "Overall": "MMEB"}
SCAR_NAMES = {"RefCOCO+": "SCAR_RefCOCO_plus_val", "RefCOCOg": "SCAR_RefCOCOg_val", "Overall": "SCaR"}
SCAR_NAMES |= {
    "VisualGenome": "SCAR_VisualGenome_val",
    "COCO-Stuff": "SCAR_COCO_Stuff_val",
    "ADE20K": "SCAR_ADE20K_val",
}

Rows = Callable[[str], list[dict[str, str]]]


@pytest.fixture
def facts() -> Rows:
    """Reads a table of facts; skips the test where they are not at hand."""

    def rows(name: str) -> list[dict[str, str]]:
        if not (SHARED / name).is_file():
            pytest.skip(f"no published scores at {SHARED / name}")
        with (SHARED / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return rows


def scores(source: str) -> dict[tuple[str, str, str], float]:
    """Scores of a source by model, setting and name."""
    return {(own.model, own.setting, own.name): own.score for own in read_published_scores() if own.source.id == source}


def test_every_row_names_a_task_or_group_and_its_share_is_between_0_and_1() -> None:
    assert len(read_published_scores()) == 1046
    for own in read_published_scores():
        assert own.name in tasks() or own.name in GROUPS
        assert 0 <= own.share <= 1
        assert own.source.metric in ("hit@1", "precision@1")
    assert {own.source.unit for own in read_published_scores()} == {"percent", "fraction"}


def test_score_files_are_the_published_ones(facts: Rows) -> None:
    expected = {(row["model"], "", row["task"]): float(row["hit@1"]) for row in facts("mmeb_image_hit1_v2.0.1.csv")}
    assert scores("vlm2vec-scores") == expected
    assert len(expected) == 288


def test_the_leaders_are_those_of_the_board_and_of_the_rerun(facts: Rows) -> None:
    rows = [row for row in facts("mmeb_v2_headline.csv") if row["suite"] == "image" and "v2.0.1" not in row["source"]]
    for source, words in (("mmeb-board", "leaderboard"), ("vlm2vec-rerun", "mmebv2_reproduction")):
        of_source = [row for row in rows if words in row["source"]]
        assert scores(source) == {(row["model"], "", row["task"]): float(row["score"]) for row in of_source}
        assert len(of_source) == 36


def test_the_mmeb_tables_are_the_printed_ones(facts: Rows) -> None:
    expected: dict[tuple[str, str, str], float] = {}
    for row in facts("paper_mmeb_results.csv"):
        if not row["model"].startswith(("#", "Improvements")):
            setting = "" if row["section"].startswith("w/o") else "MMEB-train"
            expected |= {(row["model"], setting, ours): float(row[theirs]) for theirs, ours in GROUP_NAMES.items()}
    assert scores("virtue-mmeb") == expected
    later: dict[tuple[str, str, str], float] = {}
    for row in facts("paper_mmeb_after_scar_train.csv"):
        model = row["model"].replace(" (Ours)", "")
        found = {ours: float(row[theirs]) for theirs, ours in GROUP_NAMES.items()}
        if row["variant"]:
            later |= {(model, "MMEB-train, SCaR-train", name): score for name, score in found.items()}
        elif not model.startswith("#"):
            assert found == {name: expected[model, "MMEB-train", name] for name in found}
    assert scores("virtue-mmeb-scar") == later


def test_the_scar_tables_are_the_printed_ones(facts: Rows) -> None:
    said = {"": "", "ReCLIP": "ReCLIP", "+ Red Circle": "red circle", "+Cropping": "crop", "+SCaR-train": "SCaR-train"}
    expected: dict[tuple[str, str, str], float] = {}
    for row in facts("paper_scar_results.csv"):
        if not row["model"].startswith("Δ"):
            settings = ["" if row["section"].startswith("w/o") else "MMEB-train", said[row["variant"]]]
            key = (row["model"].replace(" (Ours)", ""), ", ".join(filter(None, settings)))
            expected |= {(*key, ours): float(row[theirs]) for theirs, ours in SCAR_NAMES.items()}
    assert scores("virtue-scar") == expected
    quoted = facts("scar_results_omniue.csv")
    assert scores("omniue") == {
        (row["model"], "", ours): float(row[theirs]) for row in quoted for theirs, ours in SCAR_NAMES.items()
    }


def test_the_table_per_task_is_the_printed_one(facts: Rows) -> None:
    rows = facts("vlm2vec_v1_paper_per_task.csv")
    expected: dict[tuple[str, str, str], float] = {}
    for row in rows:
        name = GROUP_NAMES.get(row["row"].replace("All_", ""), "MMEB" if row["row"] == "All" else row["row"])
        for model in set(row) - {"row", "source"}:
            expected[model, "MMEB-train" if model == "VLM2Vec" else "", name] = float(row[model])
    assert scores("vlm2vec-paper") == expected


def test_group_means_of_the_scores_per_task_are_the_published_ones(only_published_tasks: None, facts: Rows) -> None:
    ours = scores("vlm2vec-scores")
    for row in facts("mmeb_image_hit1_v2.0.1_summary.csv"):
        means = {"mean_36": "MMEB", "IND_20": "IND", "OOD_16": "OOD"} | {
            name: GROUP_NAMES[name] for name in ("Classification", "VQA", "Retrieval", "Grounding")
        }
        for column, name in means.items():
            members = [ours[row["model"], "", task] for task in list_group_tasks(name)]
            assert sum(members) / len(members) == pytest.approx(float(row[column]), abs=1e-6)


def test_printed_means_add_up_but_for_those_that_have_a_note(only_published_tasks: None) -> None:
    """Of the paper that prints both, every mean that its tasks do not give says so."""
    by_key = {(own.model, own.name): own for own in read_published_scores() if own.source.id == "vlm2vec-paper"}
    for (model, name), own in by_key.items():
        if name in GROUPS:
            mean = sum(by_key[model, task].score for task in list_group_tasks(name)) / len(list_group_tasks(name))
            assert (abs(mean - own.score) > 0.11) == bool(own.note), (model, name, mean, own.score)
            if own.note:
                assert float(re.findall(r"[\d.]+$", own.note)[0]) == pytest.approx(mean, abs=0.06)


def test_overall_scores_add_up_but_for_those_that_have_a_note(only_published_tasks: None) -> None:
    sizes = {name: len(list_group_tasks(name)) for name in GROUPS}
    whole = [("MMEB", ("classification", "vqa", "retrieval", "grounding")), ("MMEB", ("IND", "OOD"))]
    whole.append(("SCaR", list_group_tasks("SCaR")))
    rows: dict[tuple[str, str, str], dict[str, PublishedScore]] = {}
    for own in read_published_scores():
        rows.setdefault((own.source.id, own.model, own.setting), {})[own.name] = own
    checked = 0
    for key, found in rows.items():
        for total, parts in whole:
            if total in found and all(part in found for part in parts) and key[0] != "vlm2vec-paper":
                weights = [sizes.get(part, 1) for part in parts]
                mean = sum(found[part].score * weight for part, weight in zip(parts, weights, strict=True))
                far = abs(mean / sum(weights) - found[total].score)
                assert found[total].note or far < 0.16, (key, total, far)
                checked += 1
    assert checked > 50


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nowhere,m,,GQA,1,", "line 2: source 'nowhere' is none of"),
        ("virtue-mmeb,m,,GQAA,1,", "line 2: 'GQAA' is neither a task nor a group"),
        ("virtue-mmeb,m,,GQA,101,", "score = '101' is no number from 0 to 100, the scale of virtue-mmeb"),
        ("vlm2vec-scores,m,,GQA,53.1,", "score = '53.1' is no number from 0 to 1, the scale of vlm2vec-scores"),
        ("virtue-mmeb,m,,GQA,nan,", "score = 'nan' is no number"),
        ("virtue-mmeb,m,,GQA", "score = None is no number"),
        ("virtue-mmeb,m,,GQA,1,\nvirtue-mmeb,m,,GQA,2,", "virtue-mmeb, m, GQA occurs twice"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, message: str) -> None:
    table = tmp_path / "published.csv"
    table.write_text(f"source,model,setting,name,score,note\n{line}\n")
    with pytest.raises(DataError, match=message):
        read_scores_table(table, SOURCES_PATH)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[a]\ntitle = "t"', r"\[a\]: no key cite, url, metric, unit"),
        (
            '[a]\ntitle=""\ncite=""\nurl=""\nmetric=""\nunit="points"',
            "unit = 'points' is none of 'percent', 'fraction'",
        ),
        ("[a", "not TOML"),
    ],
)
def test_a_bad_source_is_named(tmp_path: Path, text: str, message: str) -> None:
    about = tmp_path / "published.toml"
    about.write_text(text)
    with pytest.raises(DataError, match=message):
        read_scores_table(SCORES_PATH, about)


def test_a_table_with_other_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "published.csv").write_text("model,score\n")
    with pytest.raises(
        DataError, match=r"expected the columns \['source', 'model', 'setting', 'name', 'score', 'note'\]"
    ):
        read_scores_table(tmp_path / "published.csv", SOURCES_PATH)
