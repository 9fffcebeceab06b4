"""Cards and Croissant files say what the files say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scar import Recipe, build
from scar.audit import audit
from scar.audit.limits import check_limits
from scar.audit.report import write_report
from scar.errors import InputError
from scar.generators.generator import Generator
from scar.publish.card import CARD, CROISSANT, RENDERED_MARK, write_card
from tests.scar.older_corpora import drop_reasons
from tests.scar.publish.rendered import read_croissant, read_header


def test_card_croissant_and_files_agree(corpus: Path) -> None:
    write_card(corpus, repo="me/corpus")
    yaml_, linked = read_header(corpus), read_croissant(corpus)
    objects = {each["@id"]: each for each in linked["distribution"]}
    records = {each["@id"]: each for each in linked["recordSet"]}
    infos = {info["config_name"]: info for info in yaml_["dataset_info"]}
    seen = set()
    for config in yaml_["configs"]:
        info = infos[config["config_name"]]
        splits = {split["name"]: split for split in info["splits"]}
        for entry in config["data_files"]:
            for path in entry["path"]:
                seen.add(path)
                file, meta = corpus / path, pq.read_metadata(corpus / path)
                assert splits[entry["split"]]["num_examples"] == meta.num_rows
                assert objects[path]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
                assert objects[path]["contentSize"] == f"{file.stat().st_size} B"
                record = records[f"{config['config_name']}/{entry['split']}"]
                assert record["description"].startswith(f"{meta.num_rows} rows")
                columns = [field["@id"].rpartition("/")[2] for field in record["field"]]
                assert columns == pq.read_schema(file).names == [feature["name"] for feature in info["features"]]
        sizes = [(corpus / path).stat().st_size for entry in config["data_files"] for path in entry["path"]]
        assert info["download_size"] == sum(sizes)
    assert seen == {path.relative_to(corpus).as_posix() for path in corpus.rglob("*.parquet")} == objects.keys()
    assert [(s["name"], s["split"], s["samples"], s["images"]) for s in yaml_["sources"]] == [
        ("My-own", "eval", 9, 3),
        ("Toy", "eval", 9, 3),
        ("Toy", "train", 9, 3),
    ]
    assert yaml_["license"] == "cc-by-nc-4.0"
    assert linked["license"] == "https://creativecommons.org/licenses/by-nc/4.0/"
    text = (corpus / CARD).read_text(encoding="utf-8")
    assert "because My-own (CC BY-NC 4.0) is not for commercial use." in text
    assert "| My-own | eval | 3 | 9 | CC BY-NC 4.0 |" in text
    assert linked["url"].endswith("/me/corpus")
    assert "My-own (CC BY-NC 4.0) is not for commercial use" in linked["rai:dataSocialImpact"]


@pytest.mark.parametrize("is_older", [False, True])
def test_every_config_and_split_loads_with_the_features_of_the_card(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_older: bool
) -> None:
    from datasets import Features, load_dataset

    write_card(drop_reasons(corpus) if is_older else corpus)
    yaml_ = read_header(corpus)
    names = [config["config_name"] for config in yaml_["configs"]]
    assert names == ["eval", "eval_provenance", "train", "train_provenance"]
    for info in yaml_["dataset_info"]:
        loaded = load_dataset(str(corpus), info["config_name"], cache_dir=str(tmp_path / "cache"))
        assert {split: rows.num_rows for split, rows in loaded.items()} == {
            split["name"]: split["num_examples"] for split in info["splits"]
        }
        for rows in loaded.values():
            assert rows.features == Features._from_yaml_list(info["features"])
    assert set(load_dataset(str(corpus), cache_dir=str(tmp_path / "cache"))) == {"Toy", "My_own"}, "eval is the default"


def test_audit_figures_plots_and_a_review_are_in_card_and_croissant(corpus: Path) -> None:
    write_card(corpus)
    text = (corpus / CARD).read_text(encoding="utf-8")
    assert "It has not been audited." in text
    assert "No review by people is on record" in text
    ids = pq.read_table(corpus / "provenance" / "SCaR_eval_Toy.parquet")["id"].to_pylist()[:4]
    lines = [
        json.dumps({"id": id_, "reviewer": name, "accept": (place, name) != (0, "bob")})
        for place, id_ in enumerate(ids)
        for name in ("ada", "bob")
    ]
    (corpus / "review.jsonl").write_text("\n".join(lines) + "\n")
    figures = audit(corpus)
    write_report(figures, corpus)
    write_card(corpus)
    text = (corpus / CARD).read_text(encoding="utf-8")
    assert "It has not been audited." not in text
    for key, source in figures["sources"].items():
        for name, rate in source["blind"].items():
            assert f"| {key} | {name} | {rate['hit'] * 100:.1f} % |" in text
        assert f"| {key} | {source['truth']['negatives']:,} |" in text
    for check in check_limits(figures):
        assert f"| {check.key} | {check.limit.name} | {check.about} | {check.value * 100:.1f} % |" in text
    images = [line.split("](")[1].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert images
    assert all((corpus / image).is_file() for image in images)
    linked = read_croissant(corpus)
    assert any("2 images" in line or "3 images" in line for line in linked["rai:dataBiases"])
    assert "Toy/eval: 2 reviewers looked at 4 samples" in text
    assert "No review by people is on record" not in text
    assert "4 samples seen by 2 reviewers" in str(linked["rai:dataAnnotationAnalysis"])


def test_the_same_folder_gives_the_same_bytes(corpus: Path) -> None:
    def both() -> list[bytes]:
        return [(corpus / name).read_bytes() for name in (CARD, CROISSANT)]

    write_card(corpus)
    before = both()
    write_card(corpus)
    assert both() == before


def test_a_card_of_ones_own_stays(corpus: Path) -> None:
    (corpus / CARD).write_text("# Mine\n")
    with pytest.raises(InputError, match=r"README.md: was not rendered by scar, so it stays; .* --force"):
        write_card(corpus)
    assert (corpus / CARD).read_text() == "# Mine\n"
    write_card(corpus, force=True)
    assert RENDERED_MARK in (corpus / CARD).read_text()


def test_a_template_of_ones_own(corpus: Path, tmp_path: Path) -> None:
    template = tmp_path / "mine.jinja"
    template.write_text(
        '{% extends "dataset.md.jinja" %}{% block intro %}Our fair of {{ facts.samples }}.{% endblock %}'
    )
    write_card(corpus, template=template)
    assert "Our fair of 27." in (corpus / CARD).read_text()
    template.write_text("{{ facts.nothing }}")
    with pytest.raises(InputError, match=r"mine.jinja: no template that renders: UndefinedError: .*nothing"):
        write_card(corpus, template=template)
    with pytest.raises(InputError, match=r"other.jinja: no template that renders: TemplateNotFound"):
        write_card(corpus, template=tmp_path / "other.jinja")


def test_a_published_folder_has_no_report_and_says_so(corpus: Path) -> None:
    from shutil import rmtree

    (corpus / "build_report.json").unlink()
    rmtree(corpus / "provenance")
    for path in list(corpus.glob("SCaR-*/*.parquet")):
        if "eval_Toy" in path.name:
            path.rename(path.with_name("SCaR_eval_ADE20K.parquet"))
        else:
            path.unlink()
    write_card(corpus, name="SCaR-Eval")
    text = (corpus / CARD).read_text()
    assert "how they were made is told by their publishers" in text
    assert "The evaluation part of SCaR" in text
    assert read_header(corpus)["license"] == "cc-by-nc-4.0"
    assert "ADE20K (ADE20K terms of use: research and education; annotations BSD-3-Clause) is not for" in text
    assert [config["config_name"] for config in read_header(corpus)["configs"]] == ["eval"]


@pytest.mark.parametrize(("split", "words"), [("eval", "The evaluation part"), ("train", "The training part")])
def test_the_templates_of_the_papers_parts(
    world: Any, stand_in: Generator, tmp_path: Path, split: str, words: str
) -> None:
    from scar.publish.card import TEMPLATES

    world.write()
    sources = tuple(
        world.source(name=name, split=each, licence="CC BY 4.0")
        for name in ("COCO_Stuff", "ADE20K")
        for each in ("eval", "train")
    )
    out = tmp_path / "out"
    build(Recipe(sources=sources, overlap="keep"), out, generator=stand_in)
    facts = write_card(out, template=TEMPLATES / f"scar_{split}.md.jinja")
    text = (out / CARD).read_text()
    assert f"{words} of SCaR" in text
    assert [config.name for config in facts.configs] == ["eval", "train", "eval_provenance", "train_provenance"]
    for config in read_header(out)["configs"]:
        assert [entry["split"] for entry in config["data_files"]] == ["ADE20K", "COCO_Stuff"]
    write_card(out)
    assert "A corpus for visual-interactive embedding" in (out / CARD).read_text(), "both parts are none of the two"
    for path in out.rglob("*.parquet"):
        if ("eval" in path.name) != (split == "eval"):
            path.unlink()
    write_card(out)
    assert f"{words} of SCaR" in (out / CARD).read_text()
    uses = {"eval": "Evaluation of embedders", "train": "Training of embedders"}[split]
    assert read_croissant(out)["rai:dataUseCases"].startswith(uses)


def test_templates_come_with_an_installed_package() -> None:
    import tomllib

    from scar.publish.card import TEMPLATES

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    tool = project["tool"]["setuptools"]
    assert TEMPLATES.name in tool["packages"]["find"]["include"]
    assert any(pattern == "*.jinja" for pattern in tool["package-data"]["*"])
    assert list(TEMPLATES.glob("*.md.jinja"))
