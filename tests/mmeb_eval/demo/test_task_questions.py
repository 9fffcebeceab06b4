"""Right answers are right by the drawing, and wrong ones are wrong."""

from __future__ import annotations

import numpy as np
import pytest

from mmeb_eval.data.tasks import tasks
from mmeb_eval.demo.pictures import draw_pictures, draw_portraits, find_boxes
from mmeb_eval.demo.question import DemoWorld
from mmeb_eval.demo.task_questions import QUESTION_WRITERS, make_questions


@pytest.fixture(scope="module")
def world() -> DemoWorld:
    return DemoWorld(draw_pictures(24, 3), draw_portraits(24, 3))


def test_every_mmeb_task_has_its_questions() -> None:
    assert set(QUESTION_WRITERS) == {task.name for task in tasks().values() if task.benchmark == "MMEB"}


def test_what_lies_outermost_does(world: DemoWorld) -> None:
    asked = make_questions("TextVQA", world, 20, 0)
    assert len(asked) == 20
    for question in asked:
        assert question.image is not None
        picture = question.image.picture
        x, y = np.array([box.center for box in find_boxes(picture)]).T
        place = {"leftmost": x.argmin(), "rightmost": x.argmax(), "highest": y.argmin(), "lowest": y.argmax()}
        end = question.text.rstrip("?").split()[-1]
        assert question.candidates[0][0] == picture.things[place[end]].name


@pytest.mark.parametrize("task", ["VisDial", "VisualNews_t2i", "MSCOCO_t2i", "WebQA", "Wiki-SS-NQ", "EDIS"])
def test_no_wrong_image_is_one_of_which_the_text_is_true(world: DemoWorld, task: str) -> None:
    for question in make_questions(task, world, 20, 0):
        right, *wrong = [shot.picture for _, shot in question.candidates if shot]
        for picture in wrong:
            same = picture.scene is right.scene and len(picture.things) == len(right.things)
            assert not same or {thing.name for thing in picture.things} != {thing.name for thing in right.things}
