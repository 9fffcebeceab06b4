"""A fit keeps ranks and the most frequent landmark below their limits, and nothing else changes."""

from collections import Counter
from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from scar.evidence.picture_evidence import PictureEvidence
from scar.generators.default import make_rules_generator
from scar.generators.generator import GoldTask
from scar.generators.rules.fit import MAX_LANDMARK_SHARE, MAX_RANKED_SHARE, fit_generator, fit_shares
from scar.generators.rules.golds import RANKED, draw_rank, write_golds
from scar.generators.rules.records import CaptionPhrases, RulesGold
from scar.language.noun_phrase import NounPhrase
from scar.language.relation_phrase import RelationPhrase
from scar.sample import RANKING_REASONS, REASONS, Box, Picture, Reason, Region

Golds = list[tuple[GoldTask, RulesGold]]


def make_gold(image: int, number: int, reason: Reason, landmark: str) -> tuple[GoldTask, RulesGold]:
    region = Region(number, Box(0, 0, 50, 50), "cup")
    picture = Picture(image, f"{image}.jpg", 100, 100, (region,))
    phrases = CaptionPhrases(NounPhrase("a cup", "cup"), RelationPhrase("on"), NounPhrase(f"a {landmark}", landmark))
    task = GoldTask(Path(picture.file), PictureEvidence(picture), region, f"0/Mini/eval/{number}")
    return task, RulesGold(phrases.caption, reason, phrases)


@st.composite
def several_golds(draw: st.DrawFn) -> Golds:
    reasons = draw(st.lists(st.sampled_from(REASONS), min_size=1, max_size=60))
    images = [draw(st.integers(1, 12)) for _ in reasons]
    return [make_gold(image, i, reason, "table") for i, (image, reason) in enumerate(zip(images, reasons, strict=True))]


@given(several_golds())
def test_ranks_that_are_kept_are_at_most_the_limit(golds: Golds) -> None:
    shares = fit_shares(golds)
    ranked = [(task, gold.reason) for task, gold in golds if gold.reason in RANKING_REASONS]
    others = len(golds) - len(ranked)
    kept = [(task, reason) for task, reason in ranked if draw_rank(task, reason) < shares.get(RANKED, 1.0)]
    assert len(kept) <= MAX_RANKED_SHARE * (len(kept) + others) + 1e-9
    if RANKED not in shares:
        assert kept == ranked


def test_an_image_keeps_all_its_ranks_or_none() -> None:
    golds = [make_gold(7, number, "ordinal", "table") for number in range(5)]
    assert len({draw_rank(task, "ordinal") for task, _ in golds}) == 1
    draws = [draw_rank(make_gold(image, 0, "ordinal", "table")[0], "ordinal") for image in range(400)]
    assert 0.2 < sum(draws) / len(draws) < 0.3


def test_all_ordinals_are_kept_before_any_position() -> None:
    tasks = [make_gold(image, 0, "ordinal", "table")[0] for image in range(50)]
    assert max(draw_rank(task, "ordinal") for task in tasks) < min(draw_rank(task, "position") for task in tasks)


def test_a_landmark_of_most_golds_is_kept_as_often_as_the_limit_allows() -> None:
    golds = [make_gold(i, i, "mask", "person" if i % 5 else "table") for i in range(100)]
    shares = fit_shares(golds)
    assert shares == {"landmark person": MAX_LANDMARK_SHARE * 100 / 80}
    counts = Counter(gold.phrases.landmark.noun for _, gold in golds)
    assert counts["person"] * shares["landmark person"] == MAX_LANDMARK_SHARE * 100


def test_golds_within_the_limits_need_no_shares() -> None:
    assert fit_shares([make_gold(i, i, "mask", f"thing{i % 4}") for i in range(40)]) == {}
    assert fit_shares([]) == {}


def make_tasks(image: int) -> list[GoldTask]:
    """A kitchen with things at random places."""
    rng = Random(image)
    boxes = [Box.from_xywh(rng.randrange(500), rng.randrange(300), 80, 90) for _ in range(6)]
    names = [rng.choice(("oven", "cup", "person", "chair")) for _ in boxes]
    pairs = enumerate(zip(boxes, names, strict=True))
    regions = tuple(Region(image * 10 + number, box, name) for number, (box, name) in pairs)
    evidence = PictureEvidence(Picture(image, f"{image}.jpg", 640, 480, regions, scene="kitchen"))
    return [GoldTask(Path(f"{image}.jpg"), evidence, region, f"0/Mini/eval/{region.id}") for region in regions]


def test_a_fitted_generator_writes_what_the_shares_alone_give() -> None:
    tasks = [task for image in range(30) for task in make_tasks(image)]
    pairs = zip(tasks[:120], write_golds(tasks[:120]), strict=True)
    golds = [(task, gold) for task, gold in pairs if isinstance(gold, RulesGold)]
    shares = fit_shares(golds)
    assert shares
    fitted = fit_generator(make_rules_generator(), golds, "0/Mini/eval", is_complete=False)
    assert fitted.write_golds(tasks) == write_golds(tasks, shares)
    assert write_golds(tasks, shares) != write_golds(tasks)
