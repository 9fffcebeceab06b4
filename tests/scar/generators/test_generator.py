"""The default generator has all parts of the seam, they fit together, and no result depends on its batch."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from scar.generators.default import make_rules_generator
from scar.generators.generator import (
    Generator,
    Gold,
    GoldOfTask,
    GoldTask,
    NineNegatives,
    Rejected,
)
from scar.language.lexicon import read_things
from scar.sample import PARTS, REASONS, Box, Picture, Region
from tests.scar.generators.tasks import make_task

CATEGORIES = ("person", "dog", "cup", "dining table", "clock", "car", "umbrella", "xyzzy", *sorted(read_things())[:20])


def draw_picture(number: int) -> Picture:
    """A picture of up to seven things, with words of people for every second one."""
    rng = Random(number)
    regions = []
    for index in range(rng.randrange(1, 8)):
        x, y = rng.randrange(500), rng.randrange(380)
        box = Box(x, y, x + rng.randrange(20, 640 - x), y + rng.randrange(20, 480 - y))
        phrases = ("a red thing",) if rng.random() < 0.2 else ()
        regions.append(Region(100 * number + index, box, rng.choice(CATEGORIES), phrases=phrases))
    captions = ("A man riding a horse on a beach.", "A dog on a beach.") if number % 2 else ()
    return Picture(number, f"{number}.jpg", 640, 480, tuple(regions), captions, (), rng.choice(("kitchen", None)))


def list_tasks(numbers: list[int]) -> list[GoldTask]:
    pictures = {number: draw_picture(number) for number in numbers}
    return [make_task(picture, region, region.id) for picture in pictures.values() for region in picture.regions]


def write_all(
    generator: Generator, tasks: list[GoldTask]
) -> dict[str, tuple[Gold | Rejected, NineNegatives | Rejected | None]]:
    """Gold and negatives of each task, by its key."""
    results = generator.write_golds(tasks)
    golds: list[GoldOfTask] = [
        (task, result) for task, result in zip(tasks, results, strict=True) if isinstance(result, Gold)
    ]
    negatives = generator.write_negatives(golds, Counter())
    by_key = {task.key: found for (task, _), found in zip(golds, negatives, strict=True)}
    return {task.key: (result, by_key.get(task.key)) for task, result in zip(tasks, results, strict=True)}


def test_the_rules_write_and_fit() -> None:
    clock, oven = Region(1, Box(280, 10, 360, 100), "clock"), Region(2, Box(20, 200, 120, 300), "oven")
    task = make_task(Picture(1, "a.jpg", 640, 480, (clock, oven), (), (), "kitchen"))
    generator = make_rules_generator()
    assert (generator.name, generator.version) == ("rules", "4")
    (gold,) = generator.write_golds([task])
    assert isinstance(gold, Gold)
    assert gold.reason in REASONS
    assert generator.fit is not None
    for each in (generator, generator.fit(generator, [(task, gold)], "0", True)):
        (again,) = each.write_golds([task])
        (negatives,) = each.write_negatives([(task, gold)], Counter())
        assert isinstance(again, Gold | Rejected)
        assert not isinstance(negatives, Rejected)
        assert [negative.part for negative in negatives] == [part for part in PARTS for _ in range(3)]


def test_nothing_gives_nothing() -> None:
    generator = make_rules_generator()
    assert generator.write_golds([]) == generator.write_negatives([], Counter()) == []
    assert generator.fit is not None
    fitted = generator.fit(generator, [], "0", True)
    assert isinstance(fitted.write_golds(list_tasks([3]))[0], Gold | Rejected)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 40), unique=True, max_size=6), st.booleans(), st.randoms(use_true_random=False))
def test_no_result_depends_on_its_batch(numbers: list[int], is_fitted: bool, rng: Random) -> None:
    generator = make_rules_generator()
    if is_fitted:
        assert generator.fit is not None
        tasks = list_tasks(list(range(12)))
        results = zip(tasks, generator.write_golds(tasks), strict=True)
        generator = generator.fit(
            generator, [(task, gold) for task, gold in results if isinstance(gold, Gold)], "0", False
        )
    whole = write_all(generator, list_tasks(numbers))
    # Fresh records, so that nothing that is remembered about a picture can help.
    tasks = list_tasks(numbers)
    rng.shuffle(tasks)
    some = tasks[: rng.randint(0, len(tasks))]
    assert write_all(generator, some) == {task.key: whole[task.key] for task in some}
    assert {key: found for task in list_tasks(numbers) for key, found in write_all(generator, [task]).items()} == whole
