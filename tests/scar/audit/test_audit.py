"""Every figure of an audit equals what a brute force finds; leaks that are planted are found, and none in noise."""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from scar import Box, Caption, Negative, Region, Sample, read
from scar.audit import audit, baselines, ngrams
from scar.audit.agreement import krippendorff_alpha
from scar.audit.baselines import compute_hit_rates, fit_choice_frequency, fit_fluency, fit_lengths, score_questions
from scar.audit.encoder import load_encoder
from scar.audit.false_negatives import FalseNegativeCounts
from scar.audit.findings import list_findings
from scar.audit.lineage import find_replaced_words, is_same_lineage
from scar.audit.logistic import DenseFeatures, RepeatedFeatures, SparseFeatures, compute_hits, fit_conditional_logit
from scar.audit.questions import Question, QuestionSet, ReservoirSample, find_fold
from scar.audit.row_blocks import RowBlock, iter_row_blocks
from scar.audit.tables import make_tables
from scar.audit.tokenized_texts import split_words
from scar.audit.word_counts import WordCounts, normalize_caption
from scar.cli import app
from scar.common.statistics import jensen_shannon_divergence, wilson_interval
from scar.errors import InputError
from scar.formats.reader import find_row_files
from scar.formats.schema import Origin
from scar.formats.writer import write_samples
from scar.sample import PARTS, Split

OBJECTS = ("a cup", "a fork", "a dog", "a hat", "a clock", "a boat", "a horse", "a lamp")
RELATIONS = (
    "on the left of a picture of",
    "on the right of a picture of",
    "at the top of a picture of",
    "behind a door in",
)
SCENES = ("a kitchen", "a forest", "a harbor", "a desert", "a street", "a church", "a field")


def sample(number: int, rng: Random, split: Split = "eval", gold_scene: str | None = None) -> Sample:
    """All elements drawn alike; with `gold_scene`, gold captions alone have that scene."""
    words = {"object": rng.choice(OBJECTS), "relation": rng.choice(RELATIONS), "scene": rng.choice(SCENES)}
    gold = Caption(**(words | ({"scene": gold_scene} if gold_scene else {})))
    pools = {"object": OBJECTS, "relation": RELATIONS, "scene": SCENES}
    negatives = [
        Negative(part, gold.swap(part, word))
        for part in PARTS
        for word in rng.sample([word for word in pools[part] if word != getattr(gold, part)], 3)
    ]
    region = Region(number, Box(10, 10, 50, 60), gold.object.split()[1])
    return Sample(
        f"Toy/{split}/{number}", "Toy", split, f"images/toy/{number}.png", number, region, gold, tuple(negatives)
    )


def corpus(folder: Path, make: Callable[[int, Random, Split], Sample], count: int = 300) -> Path:
    """A folder of a train and an eval file."""
    names: dict[Split, str] = {"train": "SCAR_Toy", "eval": "SCaR_eval_Toy"}
    for place, (side, name) in enumerate(names.items()):
        (folder / "provenance").mkdir(parents=True, exist_ok=True)
        samples = [make(10_000 * place + number, Random(f"{side} {number}"), side) for number in range(count)]
        write_samples(
            samples,
            side,
            Origin("toy", "1", None, 0),
            folder / f"{name}.parquet",
            folder / "provenance" / f"{name}.parquet",
        )
    return folder


ToRows = Callable[[Sequence[Sample]], RowBlock]


@pytest.fixture
def to_rows(tmp_path: Path) -> ToRows:
    """Samples as they come from a file."""

    def made(samples: Sequence[Sample]) -> RowBlock:
        folder = tmp_path / "rows" / str(len(list(tmp_path.glob("rows/*"))))
        (folder / "provenance").mkdir(parents=True)
        path = folder / "SCaR_eval_Toy.parquet"
        write_samples(samples, "eval", Origin("toy", "1", None, 0), path, folder / "provenance" / path.name)
        (file,) = find_row_files(folder)
        (rows,) = iter_row_blocks(file)
        return rows

    return made


@pytest.fixture(scope="module")
def fair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corpus(tmp_path_factory.mktemp("fair"), lambda number, rng, split: sample(number, rng, split))


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("leaky")
    return corpus(folder, lambda number, rng, split: sample(number, rng, split, gold_scene="a lighthouse"))


@pytest.fixture(scope="module")
def fair_report(fair: Path) -> dict[str, Any]:
    return audit(fair)


# The model


@pytest.mark.parametrize("penalty", [0.1, 1.0, 5.0])
def test_the_fit_is_where_newton_with_the_exact_curvature_ends(penalty: float) -> None:
    rng = np.random.default_rng(3)
    values, starts = rng.normal(size=(60, 7)), np.arange(0, 60, 5)
    theirs = np.zeros(7)
    for _ in range(50):
        gradient, curvature = penalty * theirs, penalty * np.eye(7)
        for group in np.split(values, starts[1:]):
            odds = np.exp(group @ theirs)
            shares = odds / odds.sum()
            mean = shares @ group
            gradient += mean - group[0]
            curvature += (group - mean).T @ np.diag(shares) @ (group - mean)
        theirs = theirs - np.linalg.solve(curvature, gradient)
    np.testing.assert_allclose(fit_conditional_logit(DenseFeatures(values), starts, penalty), theirs, atol=2e-3)


def test_marks_and_the_same_as_an_array_are_one_to_the_fit() -> None:
    rng = np.random.default_rng(0)
    values = (rng.random((40, 9)) < 0.3).astype(np.float64)
    rows, columns = np.nonzero(values)
    marks, starts = SparseFeatures(rows, columns, 40, 9), np.arange(0, 40, 10)
    np.testing.assert_allclose(marks.multiply_weights(np.arange(9.0)), values @ np.arange(9.0))
    np.testing.assert_allclose(marks.multiply_transposed(np.arange(40.0)), values.T @ np.arange(40.0))
    np.testing.assert_allclose(
        fit_conditional_logit(marks, starts), fit_conditional_logit(DenseFeatures(values), starts), atol=1e-9
    )


def test_captions_that_are_equal_count_as_often_as_they_are_there() -> None:
    rng = np.random.default_rng(4)
    values = (rng.random((12, 9)) < 0.3).astype(np.float64)
    rows, columns = np.nonzero(values)
    marks, which, starts = SparseFeatures(rows, columns, 12, 9), rng.integers(0, 12, 60), np.arange(0, 60, 10)
    expected = fit_conditional_logit(DenseFeatures(values[which]), starts)
    np.testing.assert_allclose(fit_conditional_logit(RepeatedFeatures(marks, which), starts), expected, atol=1e-9)
    np.testing.assert_allclose(fit_conditional_logit(marks.take_rows(which), starts), expected, atol=1e-9)


def test_large_sheets_are_fitted_as_small_ones_are(monkeypatch: pytest.MonkeyPatch, fair: Path) -> None:
    whole = audit(fair)
    monkeypatch.setattr(baselines, "_MANY", 0)
    for key, figures in audit(fair)["sources"].items():
        for name, rate in figures["blind"].items():
            assert rate["hit"] == pytest.approx(whole["sources"][key]["blind"][name]["hit"], abs=0.01)


def test_hits_are_those_of_drawing_lots_among_equals() -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 3, 70).astype(np.float64)
    starts = np.array([0, 10, 13, 40, 41])
    for found, group in zip(compute_hits(scores, starts), np.split(scores, starts[1:]), strict=True):
        best = [place for place, score in enumerate(group) if score == max(group)]
        assert found == (1 / len(best) if 0 in best else 0)


def test_runs_are_those_of_a_loop() -> None:
    texts = ["a cup on a table", "A cup, in a cup", "nothing", "", "a cup on a chair on a table"]
    known = ngrams.NgramVocabulary.from_texts(texts)
    marks = known.make_features(texts)
    edged = [["^", *split_words(text), "$"] for text in texts]
    runs = [
        {" ".join(words[i : i + n]) for n in (1, 2, 3) for i in range(len(words) - n + 1)} - {"^", "$", "^ $"}
        for words in edged
    ]
    common = {run for run, count in Counter(run for each in runs for run in each).items() if count > 1} | {"^ $"}
    for row, each in enumerate(runs):
        named = {known.decode_ngram(int(column)) for column in marks.column_indices[marks.row_indices == row]}
        assert named - {"^ $"} == {run for run in each if run in common}


def test_words_that_no_training_text_has_count_nothing() -> None:
    known = ngrams.NgramVocabulary.from_texts(["a cup", "a cup"])
    marks = known.make_features(["xyzzy", "a xyzzy cup"])
    assert {known.decode_ngram(int(column)) for column in marks.column_indices[marks.row_indices == 0]} == set()
    assert {known.decode_ngram(int(column)) for column in marks.column_indices[marks.row_indices == 1]} == {
        "a",
        "cup",
        "^ a",
        "cup $",
    }


# What is found without an image


def test_a_planted_word_is_found_and_named(leaky: Path) -> None:
    report = audit(leaky)
    figures = report["sources"]["Toy/eval"]
    assert figures["blind"]["n-grams"]["kinds"]["scene"]["hit"] == 1
    assert figures["telltales"]["gold"][0][0] == "lighthouse"
    assert figures["elements"]["scene"]["never_gold"] == 1
    assert figures["elements"]["scene"]["divergence"] == 1
    assert any("beside scene swaps" in line for line in list_findings(report))


def test_nothing_is_found_where_all_words_are_drawn_alike(fair_report: dict[str, Any]) -> None:
    for figures in fair_report["sources"].values():
        for rate in figures["blind"].values():
            assert rate["hit"] < 0.15
            assert all(abs(kind["hit"] - 0.25) < 0.08 for kind in rate["kinds"].values())
    assert list_findings(fair_report) == []


def test_a_gold_caption_of_its_own_length_is_found_by_length() -> None:
    def question(number: int) -> Question:
        captions = ["one two three four", *(f"w{number} x{place}" for place in range(9))]
        return Question(tuple(captions), ("scene",) * 9, str(number))

    questions = [question(number) for number in range(40)]
    rate = compute_hit_rates(
        score_questions(fit_lengths, QuestionSet(questions[:20]), QuestionSet(questions[20:])),
        QuestionSet(questions[20:]),
    )
    assert rate["hit"] == 1
    assert set(rate["kinds"]) == {"scene"}


def test_fluency_and_choice_equal_their_formulas() -> None:
    train = QuestionSet(
        [Question(("a b", "b a"), (), "1"), Question(("a b", "c"), (), "2"), Question(("c", "a b"), (), "3")]
    )
    scores = fit_choice_frequency(train)(["a b", "c", "new"])
    np.testing.assert_allclose(scores, [(2 + 1) / (3 + 10), (1 + 1) / (2 + 10), 1 / 10])
    # Golds "a b", "a b", "c": after the start a twice, c once; kinds of words before another one: start, a, b, c.
    expected = (np.log(3 / 8) + np.log(3 / 7) + np.log(3 / 7)) / 3
    np.testing.assert_allclose(fit_fluency(train)(["a b"]), [expected])


def test_who_sees_all_ten_finds_the_middle_one(fair_report: dict[str, Any]) -> None:
    assert fair_report["sources"]["Toy/eval"]["consensus"] > 0.95


def test_a_sample_is_never_asked_of_who_learned_of_its_image() -> None:
    questions = [Question((f"gold {number}", f"other {number}"), (), str(number)) for number in range(40)]
    sheet = QuestionSet(questions)
    seen: list[tuple[set[str], set[str]]] = []

    def spy(train: QuestionSet) -> Callable[[Sequence[str]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
        def score(texts: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
            seen.append((set(train.captions), set(texts)))
            return np.array([float(text.split()[1]) for text in texts])

        return score

    scores = score_questions(spy, None, sheet)
    assert scores.tolist() == [float(text.split()[1]) for text in sheet.captions]
    assert len(seen) == 5
    assert all(learned.isdisjoint(asked) and len(learned) + len(asked) == 80 for learned, asked in seen)
    assert {find_fold(question.image) for question in questions} == set(range(5))


def test_the_interval_holds_the_rate_about_95_times_of_100() -> None:
    rng = np.random.default_rng(2)
    for rate, count in product((0.1, 0.25, 0.5), (50, 400)):
        found = rng.binomial(count, rate, 2000) / count
        held = np.mean([low <= rate <= high for low, high in (wilson_interval(share, count) for share in found)])
        assert 0.93 < held < 0.98


def test_the_draw_is_seeded_and_even() -> None:
    def draw(seed: str) -> list[str]:
        drawn: ReservoirSample[str] = ReservoirSample(10, seed)
        for number in range(100):
            drawn.add_item(str(number))
        return drawn.items

    assert draw("a") == draw("a") != draw("b")
    counts = Counter(text for seed in range(400) for text in draw(str(seed)))
    assert len(counts) == 100
    assert max(counts.values()) < 80


def test_an_encoder_is_one_more_baseline(fair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Model:
        def __init__(self, name: str) -> None:
            if name != "letters":
                raise OSError("not found")

        def encode(self, texts: Sequence[str], **_: object) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
            assert len(set(texts)) == len(texts)
            return np.array([[text.count(letter) for letter in "aeiou"] for text in texts], np.float64)

    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=Model))
    figures = audit(fair, encoder=load_encoder("letters"))["sources"]["Toy/eval"]["blind"]
    assert 0 < figures["encoder"]["hit"] < 0.2
    with pytest.raises(InputError, match="--encoder other: no such sentence encoder"):
        load_encoder("other")
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(InputError, match="pip install sentence-transformers"):
        load_encoder("letters")


# Words and truth


def test_counts_of_words_are_those_of_a_loop(to_rows: ToRows) -> None:
    rng = Random(5)
    samples = [sample(number, rng) for number in range(50)]
    words = WordCounts()
    words.add_rows(to_rows(samples[:20]))
    words.add_rows(to_rows(samples[20:]))
    elements = words.compare_elements()
    for part in PARTS:
        gold = [getattr(each.gold, part) for each in samples]
        swapped = [getattr(n.caption, part) for each in samples for n in each.negatives if n.part == part]
        assert elements[part]["gold"] == len(set(gold))
        never = sum(word not in gold for word in swapped) / len(swapped)
        assert elements[part]["never_gold"] == pytest.approx(never, abs=1e-4)
    texts = [negative.caption.text for each in samples for negative in each.negatives]
    assert words.measure_repetition()["distinct_negatives"] == pytest.approx(len(set(texts)) / 450, abs=1e-4)
    for part in PARTS:
        own = [negative.caption.text for each in samples for negative in each.negatives if negative.part == part]
        assert words.measure_repetition()["kinds"][part]["distinct"] == pytest.approx(len(set(own)) / 150, abs=1e-4)
        gold_words = {word for each in samples for word in each.gold.text.split()}
        said = [word for text in own for word in text.split()]
        found = words.compare_vocabulary()[part]
        assert found["words"] == len(set(said))
        assert found["never_gold"] == pytest.approx(sum(w not in gold_words for w in said) / len(said), abs=1e-4)
    assert words.compare_vocabulary()["gold"] == {"words": len(gold_words)}
    mean = sum(len(each.gold.text.split()) for each in samples) / 50
    assert words.summarize_lengths()["gold"]["mean"] == pytest.approx(mean, abs=1e-3)


def test_divergence_is_that_of_its_definition() -> None:
    first, second = Counter("aaabbc"), Counter("abbbd")
    p = np.array([3, 2, 1, 0]) / 6
    q = np.array([1, 3, 0, 1]) / 5
    middle = (p + q) / 2

    def entropy(shares: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        return float(-sum(share * np.log2(share) for share in shares if share))

    assert jensen_shannon_divergence(first, second) == pytest.approx(entropy(middle) - (entropy(p) + entropy(q)) / 2)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("a fork on the table", "A fork on a table.", True),
        ("two forks on a table", "two fork on a table", True),
        ("a fork on a table", "a fork in a table", False),
    ],
)
def test_near_duplicates_differ_in_nothing_that_means_something(first: str, second: str, same: bool) -> None:
    assert (normalize_caption(first) == normalize_caption(second)) is same


def test_a_near_duplicate_of_the_gold_caption_is_counted(to_rows: ToRows) -> None:
    good = sample(1, Random(0))
    negatives = (Negative("scene", good.gold.swap("scene", good.gold.scene.replace("a ", "the "))), *good.negatives[1:])
    words = WordCounts()
    words.add_rows(to_rows([Sample("", "", "eval", "", 1, good.region, good.gold, negatives)]))
    assert words.measure_repetition()["near_duplicates"] == pytest.approx(1 / 9, abs=1e-4)
    near = {part: kind["near_duplicates"] for part, kind in words.measure_repetition()["kinds"].items()}
    assert near == {"scene": pytest.approx(1 / 3, abs=1e-4), "relation": 0, "object": 0}


_BOX = Box(0, 0, 50, 50)


def told(gold: Caption, *negatives: Negative, box: Box = _BOX, category: str = "cup") -> Sample:
    return Sample("s", "Toy", "eval", "images/toy/1.png", 1, Region(hash(gold) % 999, box, category), gold, negatives)


@pytest.mark.parametrize(
    ("reason", "negative", "other"),
    [
        ("wordnet", Negative("object", Caption("a teacup", "on", "a table")), None),
        ("wordnet", Negative("scene", Caption("a cup", "on", "a piece of furniture")), None),
        ("in_box", Negative("object", Caption("a dog", "on", "a table")), ("a dog", "dog", Box(0, 0, 20, 20))),
        ("scene_of_image", Negative("scene", Caption("a cup", "on", "a beach")), ("a hat", "hat", Box(80, 80, 90, 90))),
        ("gold_of_region", Negative("object", Caption("a hat", "on", "a beach")), ("a hat", "hat", Box(0, 0, 49, 50))),
        (None, Negative("object", Caption("a dog", "on", "a table")), ("a dog", "dog", Box(80, 80, 90, 90))),
        (None, Negative("relation", Caption("a cup", "under", "a table")), None),
    ],
)
def test_negatives_that_may_be_true_are_found(
    to_rows: ToRows, reason: str | None, negative: Negative, other: tuple[str, str, Box] | None
) -> None:
    samples = [told(Caption("a cup", "on", "a table"), negative)]
    if other:
        noun, category, box = other
        samples.append(told(Caption(noun, "on", "a beach"), box=box, category=category))
    truth = FalseNegativeCounts()
    truth.add_rows(to_rows(samples))
    figures = truth.to_figures()
    suspects = {name for name in ("wordnet", "in_box", "scene_of_image", "gold_of_region") if figures[name]}
    assert suspects >= ({reason} if reason else set())
    assert bool(suspects) is bool(reason)
    for name in suspects:
        assert {part for part in PARTS if figures["kinds"][part][name]} == {negative.part}
    if other and negative.part == "object":
        assert figures["elsewhere"] == 1


def test_what_is_replaced_is_read_off_the_texts_where_there_is_no_provenance(to_rows: ToRows) -> None:
    assert find_replaced_words("salad fork on table", "wine glass on table") == ("salad fork", "wine glass")
    assert find_replaced_words("a dog on a mat", "a dog on a mat") == ("", "")
    samples = [told(Caption("a dog on a mat", "", ""), Negative("object", Caption("an animal on a mat", "", "")))]
    truth = FalseNegativeCounts()
    truth.add_rows(to_rows(samples))
    assert truth.to_figures()["wordnet"] == 1


def test_colours_tell_things_of_one_lineage_apart() -> None:
    assert not is_same_lineage("a red star", "a blue star")
    assert is_same_lineage("a red star", "a red star")
    assert is_same_lineage("a red star", "a star")


# What people say


# The first two are published: Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), sections A and C.
@pytest.mark.parametrize(
    ("rows", "value"),
    [
        (["0100000010", "1110010000"], 0.095),
        (["123321412...", "1233224125.3", ".3332342251.", "12332441251."], 0.743),
        (["1122", "1122"], 1.0),
        (["10", "01"], -0.5),
    ],
)
def test_alpha_is_that_of_the_published_examples(rows: list[str], value: float) -> None:
    units = [[said for said in unit if said != "."] for unit in zip(*rows, strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(value, abs=5e-4)


def test_alpha_is_not_defined_without_pairs_or_variety() -> None:
    assert krippendorff_alpha([]) is None
    assert krippendorff_alpha([[True], [False]]) is None
    assert krippendorff_alpha([[True, True], [True, True]]) is None


def reviewed(folder: Path, lines: Sequence[object]) -> Path:
    (folder / "review.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return folder


def test_a_review_is_part_of_the_audit(tmp_path: Path) -> None:
    corpus(tmp_path, lambda number, rng, split: sample(number, rng, split), count=20)
    assert {each["review"] for each in audit(tmp_path)["sources"].values()} == {None}
    ids = [each.id for each in read(tmp_path) if each.split == "eval"]
    said = [(ids[0], "ada", True), (ids[0], "bob", True), (ids[1], "ada", False), (ids[1], "bob", True)]
    said += [(ids[2], "ada", True), (ids[3], "bob", False), (ids[3], "ada", False)]
    reviewed(tmp_path, [{"id": name, "reviewer": who, "accept": accept} for name, who, accept in said])
    report = audit(tmp_path)
    found = report["sources"]["Toy/eval"]["review"]
    assert (found["samples"], found["reviewers"], found["accepted"]) == (4, 2, 0.5)
    assert found["interval"] == [round(end, 4) for end in wilson_interval(0.5, 4)]
    assert found["alpha"] == pytest.approx(krippendorff_alpha([[True, True], [False, True], [False, False]]), abs=1e-4)
    assert report["sources"]["Toy/train"]["review"] is None
    assert [table.title for table in make_tables(report)][-1] == "Reviewed"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({"id": "Toy/eval/1", "reviewer": "ada"}, "no decision"),
        ({"id": "Toy/eval/1", "reviewer": "ada", "accept": "yes"}, "accept is true or false"),
        ({"id": "Toy/eval/1", "reviewer": "ada", "accept": True, "more": 1}, "no decision"),
        ([1], "no decision"),
        ({"id": "Toy/eval/0", "reviewer": "ada", "accept": False}, "ada decides on Toy/eval/0 twice"),
    ],
)
def test_a_line_that_is_no_decision_is_named(tmp_path: Path, line: object, problem: str) -> None:
    corpus(tmp_path, lambda number, rng, split: sample(number, rng, split), count=20)
    reviewed(tmp_path, [{"id": "Toy/eval/0", "reviewer": "ada", "accept": True}, line])
    with pytest.raises(InputError, match=problem) as caught:
        audit(tmp_path)
    assert "line 2" in str(caught.value)


def test_a_review_of_another_corpus_is_refused(tmp_path: Path) -> None:
    corpus(tmp_path, lambda number, rng, split: sample(number, rng, split), count=20)
    reviewed(tmp_path, [{"id": "Other/eval/1", "reviewer": "ada", "accept": False}])
    with pytest.raises(InputError, match="no sample has the id 'Other/eval/1'"):
        audit(tmp_path)


# The whole


def test_an_image_in_train_and_eval_is_found_under_any_name(tmp_path: Path) -> None:
    def make(number: int, rng: Random, split: Split) -> Sample:
        made = sample(number, rng, split)
        file = "COCO_train2014_000000000007.jpg" if split == "train" else "000000000007.jpg"
        image = f"images/toy/{file}" if number % 10_000 == 3 else made.image
        return Sample(made.id, "Toy", split, image, made.image_id, made.region, made.gold, made.negatives)

    report = audit(corpus(tmp_path, make, count=10))
    assert report["overlap"] == {"Toy/eval in Toy/train": 1}
    assert list_findings(report)[-1] == "1 images of Toy/eval in Toy/train"


def test_published_folders_without_provenance_are_read(fair: Path, tmp_path: Path) -> None:
    for path in fair.glob("*.parquet"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    figures = audit(tmp_path)["sources"]
    assert set(figures["Toy/eval"]["blind"]["n-grams"]["kinds"]) == set(PARTS)
    assert figures["Toy/train"]["blind"]["n-grams"]["kinds"] == {}
    assert figures["Toy/train"]["blind"]["n-grams"]["chance"] == 0.5
    assert figures["Toy/eval"]["elements"] == {}
    assert figures["Toy/eval"]["position"] == {"gold": {"0": 1.0}}


def test_larger_files_are_drawn_from(fair: Path) -> None:
    report = audit(fair, trained_on=50)
    assert report == audit(fair, trained_on=50)
    assert report != audit(fair, trained_on=50, seed=1)
    assert report["sources"]["Toy/eval"]["samples"] == 300


def test_the_command_writes_figures_and_charts_and_is_strict_if_asked(fair: Path, leaky: Path) -> None:
    run = CliRunner()
    good = run.invoke(app, ["audit", str(fair), "--strict"])
    assert good.exit_code == 0, good.output
    assert "Nothing is beyond its limit." in good.output
    assert run.invoke(app, ["audit", str(leaky)]).exit_code == 0
    bad = run.invoke(app, ["audit", str(leaky), "--strict", "--json"])
    assert bad.exit_code == 2
    figures = json.loads(bad.output)
    assert figures["findings"]
    del figures["findings"]
    assert figures == json.loads((leaky / "audit.json").read_text())
    from PIL import Image

    charts = sorted(path.name for path in (leaky / "audit").iterdir())
    assert "Toy_eval_blind.png" in charts
    with Image.open(leaky / "audit" / charts[0]) as image:
        assert image.format == "PNG"
        assert image.width == 1120
    page = (leaky / "audit.html").read_text()
    assert page.count("<img ") == len(charts)
    assert page.count("<h2 ") == 1 + len(make_tables(figures))
    assert "lighthouse" in page
    written = [*(leaky / "audit").iterdir(), leaky / "audit.html", leaky / "audit.json"]
    before = {path: path.read_bytes() for path in written}
    run.invoke(app, ["audit", str(leaky)])
    assert before == {path: path.read_bytes() for path in written}


def test_tables_fit_a_terminal(leaky: Path) -> None:
    from rich.console import Console

    console = Console(width=100, record=True, file=io.StringIO())
    for table in make_tables(audit(leaky, trained_on=50)):
        console.print(table)
    text = console.export_text()
    assert "lighthouse" in text
    assert "…" not in text


def test_a_folder_without_corpus_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["audit", str(tmp_path)])
    assert result.exit_code == 2
    assert "no parquet file" in result.output
