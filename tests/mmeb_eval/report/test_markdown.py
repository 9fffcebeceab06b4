"""A Markdown report has a row a task, and takes no name for markup."""

from __future__ import annotations

from pathlib import Path

from mmeb_eval.data.tasks import list_group_tasks
from mmeb_eval.report.report import write_report
from mmeb_eval.run.results import Result
from tests.mmeb_eval.report.toy import make_full_results


def test_markdown_has_a_row_a_task_and_takes_no_name_for_markup(toy_results: list[Result], tmp_path: Path) -> None:
    ours = make_full_results("a|b_*c*", 0.5, list_group_tasks("grounding"))
    write_report([*ours, *toy_results], tmp_path / "report.md")
    lines = (tmp_path / "report.md").read_text(encoding="utf-8").splitlines()
    assert (
        '|  | chance | a\\|b\\_\\*c\\* | constant | mine \\<script>alert("1")\\</script> & \\<b> | best published |'
        in lines
    )
    (row,) = [line for line in lines if line.startswith("| RefCOCO |")]
    assert row == "| RefCOCO | 0.100 | 0.500 [0.470, 0.531] | not run | not run | 0.958 Qwen3-VL-Embedding-8B |"
    assert "- vlm2vec-paper: VLM2Vec, results per task, arXiv:2410.05160, precision@1 in percent" in lines
    assert len({line.count(" | ") for line in lines if line.startswith("| ") and "RefCOCO" in line}) == 1
