"""The command line: one call a command, numbers to stdout, one line and exit code 2 for what is expected to fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mmeb_eval.cli import app
from mmeb_eval.data.tasks import tasks
from mmeb_eval.regions.strategies import STRATEGIES
from mmeb_eval.run.results import read_results
from tests.mmeb_eval.command_line import EMBEDDER, FAILING, VQA_ROW, fails, run

pytestmark = pytest.mark.usefixtures("work_here")


def test_models_are_scored_and_printed_with_chance_beside_every_score(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "results"
    shown = run("--model", "constant", "--model", "random", "--tasks", corpus, "--output", output)
    (line,) = [line for line in shown.stdout.splitlines() if "Toy" in line]
    assert line.split("│")[2].strip() == "0.100"
    assert line.split("│")[3].strip().startswith("0.000 [")
    assert "WARNING" not in shown.stderr
    assert [(result.model, result.task) for result in read_results(output)] == [("constant", "Toy"), ("random", "Toy")]
    row = json.loads((output / "constant" / "Toy.json").read_text())
    assert (row["model"], row["task"], row["metrics"]["hit@1"], row["chance"]) == ("constant", "Toy", 0, 0.1)
    before = (output / "random" / "Toy.json").read_bytes()
    run("--model", "random", "--tasks", corpus / "SCaR-eval", "--output", output)
    assert (output / "random" / "Toy.json").read_bytes() == before


def test_a_model_at_chance_is_warned_of_beside_the_floors_that_were_run(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "cli_own_floor.py").write_text(EMBEDDER.format(factor=1))
    run("--model", "random", "--tasks", corpus, "--output", "out")
    arguments = ["--model", "cli_own_floor:load", "--tasks", str(corpus), "--output", "out"]
    shown = run(*arguments)
    assert "WARNING: mine/v1: 1 of 1 scores are within three standard errors of chance: Toy." in shown.stderr
    assert "random" in shown.stdout
    assert CliRunner().invoke(app, [*arguments, "--strict"]).exit_code == 3


def test_the_official_tie_rule_is_asked_for_by_name(corpus: Path) -> None:
    (row,) = json.loads(run("--model", "constant", "--tasks", corpus, "--ties", "official", "--json").stdout)
    assert (row["metrics"]["hit@1"], row["counts"]["ties"], row["settings"]["ties"]) == (1, 40, "official")
    line = fails("--model", "constant", "--tasks", corpus, "--ties", "offical")
    assert "unknown rule for ties 'offical': did you mean official?" in line


def test_json_on_stdout_is_json_alone(corpus: Path) -> None:
    (row,) = json.loads(run("--model", "random", "--seed", 7, "--tasks", corpus, "--json").stdout)
    assert row["settings"]["embedder"]["seed"] == 7
    assert set(row) == {"model", "task", "metrics", "counts", "chance", "settings", "cost"}


def test_a_users_own_embedder_is_scored_from_the_working_directory(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "cli_own_a.py").write_text(EMBEDDER.format(factor=1))
    run("--model", "cli_own_a:load", "--tasks", corpus, "--output", "out")
    (result,) = read_results(tmp_path / "out")
    assert (result.model, result.counts["ties"]) == ("mine/v1", 40)


def test_tasks_by_name_are_read_from_the_data_folder(task_rows: Any, tmp_path: Path) -> None:
    row = {"qry_inst": "<|image_1|>\nName it:", "qry_text": "", "qry_img_path": "a.jpg", "tgt_inst": "",
           "tgt_text": ["bus", "car", "dog", "cat"], "tgt_img_path": ["", "", "", ""]}  # fmt: skip
    task_rows("VOC2007", [row])
    task_rows("SUN397", [row])
    shown = run("--model", "constant", "--tasks", "VOC2007,SUN397", "--data", tmp_path, "--output", "out").stdout
    assert shown.count("0.250") == 2
    assert "incomplete 2/10" in shown
    assert fails("--model", "constant", "--tasks", "all", "--data", tmp_path).startswith("mmeb-eval: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which models on which tasks? Give --model NAME and --tasks DIR"),
        (["--model", "virtu", "--tasks", "CORPUS"], "unknown model 'virtu': did you mean virtue?"),
        (["--model", "constant", "--tasks", "VOC2017"], "unknown task 'VOC2017': did you mean VOC2007?"),
        (["--model", "constant", "--tasks", "corpsu"], "unknown task 'corpsu': there is no such folder either"),
        (["--model", "constant", "--tasks", "VOC2007,GQQ"], "unknown task 'GQQ': did you mean GQA?"),
        (["--model", "constant", "--tasks", "VOC2007"], "where are the data? Give --data DIR"),
        (["--model", "constant", "--tasks", "VOC2007", "--data", "."], "no data for task VOC2007"),
        (["--model", "constant", "--tasks", "no/such/folder"], "no/such/folder: no such folder"),
        (["--model", "nowhere_at_all:load", "--tasks", "CORPUS"], "no module 'nowhere_at_all' here"),
        (["--model", "constant", "--tasks", "CORPUS", "--tasks", "CORPUS"], "two tasks are called 'Toy'"),
        (["--model", "constant", "--tasks", "CORPUS", "--images", "elsewhere"], "--images elsewhere: no such folder"),
        (
            ["--model", "constant", "--tasks", "CORPUS", "--output", "CORPUS/SCaR-eval/SCaR_eval_Toy.parquet"],
            "is a file",
        ),
    ],
)
def test_an_expected_failure_is_one_line_and_exit_code_2(corpus: Path, arguments: list[str], message: str) -> None:
    filled = [argument.replace("CORPUS", str(corpus)) for argument in arguments]
    assert message in fails(*(filled or ["--seed", "1"]))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--model", "constant", "--tasks", "FILE"],
        ["--model", "constant", "--tasks", "VOC2007", "--data", "FILE"],
        ["--model", "constant", "--tasks", "CORPUS", "--images", "FILE"],
        ["--model", "constant", "--tasks", "CORPUS", "--output", "FILE"],
        ["probe", "--model", "constant", "--tasks", "CORPUS", "--output", "FILE"],
        ["check", "--data", "FILE"],
        ["demo", "FILE"],
        ["fetch", "--data", "FILE"],
        ["report", "FILE"],
        ["leaderboard", "FILE"],
        ["compare", "FILE", "FILE"],
        ["submit", "FILE", "--out", "new", "--dry-run"],
    ],
)
def test_a_file_in_place_of_a_folder_is_named(arguments: list[str], corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    line = fails(*(argument.replace("CORPUS", str(corpus)).replace("FILE", "file") for argument in arguments))
    assert "file: is a file, not a folder" in line
    assert (tmp_path / "file").read_text() == "mine"


def test_debug_shows_the_traceback_of_every_command() -> None:
    for arguments in (["report", "nowhere"], ["check", "nowhere:load"], ["compare", "a", "b"]):
        assert "Traceback" not in run(*arguments, code=2).stderr
        assert "Traceback (most recent call last)" in run(*arguments, "--debug", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "constant", "--tasks", "CORPUS", "--config", "x"], "--config x: constant has no such option"),
        (["--model", "constant", "--tasks", "CORPUS", "--seed", "3"], "--seed 3: constant has no such option; random"),
        (
            ["--model", "cli_raises3:load", "--tasks", "CORPUS", "--seed", "3"],
            "no parameter of that name; it takes conf",
        ),
        (["--model", "constant", "--tasks", "CORPUS", "--data", "CORPUS"], "--tasks names folders alone"),
        (
            ["--model", "constant", "--tasks", "VOC2007", "--data", ".", "--region", "crop"],
            "--region crop: no task here has regions",
        ),
        (["check", "constant", "--tasks", "VOC2007"], "--tasks: they belong to --data DIR, which is missing"),
        (["check", "constant", "--images", "CORPUS"], "--images: they belong to --data DIR, which is missing"),
        (["check", "--data", "CORPUS", "--config", "x"], "--config: it belongs to a MODEL, which is missing"),
        (["check", "constant", "--config", "x"], "--config x: constant has no such option; virtue takes it"),
        (["report", "out", "--data", "CORPUS"], "--data: they belong to --tasks, which is missing"),
        (["--config", "x", "check", "virtue"], "--config stands before check; put it behind"),
        (
            ["--model", "constant", "--tasks", "CORPUS", "--refresh", "--trust-stored"],
            "--refresh and --trust-stored: the first deletes what the second trusts; give one of the two",
        ),
        (
            ["--model", "constant", "--model", "random", "--tasks", "CORPUS", "--trust-stored"],
            "--trust-stored: constant and random store no vectors; leave the option out",
        ),
        (["probe", "--model", "random", "--tasks", "CORPUS", "--refresh"], "--refresh: random stores no vectors"),
        (["report", "out", "--tasks", "CORPUS", "--out", "r.md"], "--tasks: failures are shown in an .html report"),
        (["--seed", "3", "tasks"], "--seed stands before tasks; put it behind"),
    ],
)
def test_an_option_that_nobody_takes_is_refused(
    arguments: list[str], message: str, corpus: Path, task_rows: Any, tmp_path: Path
) -> None:
    (tmp_path / "cli_raises3.py").write_text(FAILING)
    task_rows("VOC2007", [VQA_ROW])
    assert message in fails(*(argument.replace("CORPUS", str(corpus)) for argument in arguments))


@pytest.mark.parametrize("value", ["-5", "-1", "x", "1.5", "nan", "9223372036854775808", "1" * 30])
@pytest.mark.parametrize(
    ("command", "option"),
    [([], "--seed"), ([], "--batch-size"), (["probe"], "--seed"), (["probe"], "--batch-size"),
     (["demo", "d"], "--seed"), (["demo", "d"], "--queries")],
)  # fmt: skip
def test_a_number_out_of_range_is_refused(command: list[str], option: str, value: str, corpus: Path) -> None:
    rest = [] if command == ["demo", "d"] else ["--model", "random", "--tasks", str(corpus)]
    result = run(*command, *rest, option, value, code=2)
    assert f"Invalid value for '{option}'" in result.stderr


def test_two_embedders_of_one_name_are_refused_before_either_runs(corpus: Path, tmp_path: Path) -> None:
    for name in ("cli_own_f", "cli_own_g"):
        (tmp_path / f"{name}.py").write_text(EMBEDDER.format(factor=1))
    line = fails("--model", "cli_own_f:load", "--model", "cli_own_g:load", "--tasks", corpus, "--output", "out")
    assert "two models are called 'mine/v1'; their results would lie in one file" in line
    assert not (tmp_path / "out").exists()


def test_a_missing_library_is_one_line_with_the_way_to_get_it(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    line = fails("--model", "clip:some/model", "--tasks", corpus)
    assert "clip:some/model: " in line
    assert "`pip install 'scar-virtue[virtue]'` installs it." in line


def test_a_truncated_file_is_one_line(corpus: Path) -> None:
    path = corpus / "SCaR-eval" / "SCaR_eval_Toy.parquet"
    path.write_bytes(path.read_bytes()[:100])
    assert "SCaR_eval_Toy.parquet: not a readable parquet file" in fails("--model", "constant", "--tasks", corpus)


def test_the_help_names_every_region_strategy() -> None:
    shown = " ".join(run("--help").stdout.split()).replace("- ", "-")  # a name may be broken at its hyphen
    for name in STRATEGIES:
        assert f" {name}" in shown


def test_the_table_of_tasks_is_printed() -> None:
    shown = run("tasks").stdout
    for name in tasks():
        assert f" {name} " in shown
    assert len(shown.splitlines()) == len(tasks()) + 1
    assert [row["name"] for row in json.loads(run("tasks", "--json").stdout)] == list(tasks())


def test_check_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "cli_own_c.py").write_text(EMBEDDER.format(factor=1))
    assert run("check", "cli_own_c:load", code=2).stdout.endswith("cli_own_c:load: 1 error\n")
    assert run("check", "random").stdout.endswith("random: keeps the contract\n")
    assert run("check", "text-only").stdout.endswith("text-only: keeps the contract, 1 warning\n")
    (tmp_path / "cli_own_d.py").write_text(EMBEDDER.format(factor=3))
    shown = run("check", "cli_own_d:load", code=2).stdout
    assert "error: mine/v1: the vector of the item (text 'a red square') has length 3, not 1" in shown
    (tmp_path / "cli_own_e.py").write_text("def load(): return object()")
    assert "the embedder has no name" in fails("check", "cli_own_e:load")


@pytest.mark.parametrize("suffix", [".html", ".md", ".json"])
def test_the_report_is_written_about_the_results_that_lie_there(corpus: Path, tmp_path: Path, suffix: str) -> None:
    assert "no results" in fails("report", "out", "--tasks", corpus)
    run("--model", "random", "--tasks", corpus, "--output", "out")
    tasks = ["--tasks", corpus] if suffix == ".html" else []
    assert run("report", "out", *tasks, "--out", f"page{suffix}").stdout == f"page{suffix}\n"
    text = (tmp_path / f"page{suffix}").read_text()
    assert "random" in text
    assert text.count('<li class="entry card">') == (24 if suffix == ".html" else 0)
    assert "unknown report format '.pdf'" in fails("report", "out", "--out", "page.pdf")


def test_published_scores_are_printed_with_their_sources_and_own_results_among_them(corpus: Path) -> None:
    shown = run("leaderboard", "--benchmark", "SCaR").stdout
    assert "hit@1, 0 to 1: SCaR" in shown
    assert (
        "virtue-scar: VIRTUE, SCaR results, arXiv:2510.00523; hit@1, printed in percent, shown divided by 100" in shown
    )
    run("--model", "random", "--tasks", corpus, "--output", "out")
    rows = json.loads(run("leaderboard", "out", "--group", "grounding", "--json").stdout)
    assert {row["source"] for row in rows} == {"vlm2vec-scores", "vlm2vec-paper", "mmeb-board", "vlm2vec-rerun"}
    assert "no results" in fails("leaderboard", "nowhere")
    assert "unknown benchmark 'Scar': did you mean SCaR?" in fails("leaderboard", "--benchmark", "Scar")


def test_the_command_line_imports_nothing_heavy() -> None:
    program = "import sys, mmeb_eval.cli; sys.exit(any(name in sys.modules for name in {heavy}))"
    heavy = ("numpy", "pyarrow", "pandas", "torch", "transformers", "PIL", "rich.progress", "pycocotools", "datasets")
    subprocess.run([sys.executable, "-c", program.format(heavy=heavy)], check=True)  # noqa: S603 - our own program


def test_help_and_version_have_their_usual_names() -> None:
    for command in ([], ["check"], ["compare"]):
        short, long = (CliRunner().invoke(app, [*command, option]) for option in ("-h", "--help"))
        assert short.exit_code == 0
        assert short.output == long.output
    shown = CliRunner().invoke(app, ["--version"])
    assert (shown.exit_code, shown.output.split()[0]) == (0, "mmeb-eval")


def test_json_is_clean_when_a_model_prints(corpus: Path, tmp_path: Path) -> None:
    import json
    import subprocess
    import sys

    (tmp_path / "chatty.py").write_text(
        "import os\nfrom mmeb_eval.adapters.baselines import Random\nclass Chatty(Random):\n    name = 'chatty'\n"
        "    def embed(self, items):\n        print('embedding')\n        os.write(1, b'from C\\n')\n"
        "        return super().embed(items)\ndef load():\n    print('loading')\n    return Chatty()\n"
    )
    code = "import sys; from mmeb_eval.cli import app; app()"
    arguments = ["--model", "chatty:load", "--tasks", str(corpus), "--output", "out", "--json"]
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)[0]["model"] == "chatty"
    for line in ("loading", "embedding", "from C"):
        assert line in done.stderr
