"""A real browser goes through whole inspections: two reviewers, a reload, a lost connection, a phone, keys alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from scar import Caption, read
from scar.formats.decisions import list_current
from scar.review.session import ReviewSession
from tests.conftest import BROWSERS
from tests.scar.review.conftest import OpenSession, Serve

pytestmark = pytest.mark.slow
sync_api = pytest.importorskip("playwright.sync_api")

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OpenPage = Callable[..., "Page"]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
HOSTILE = "<img src=x onerror=alert(1)> \u202eevil & <b>bold</b>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens the page as a reviewer, in a window of its own; what the page complains of fails the test."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def open_one(address: str, reviewer: str, **device: Any) -> Page:
        context = browser.new_context(**device)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        page.goto(address)
        page.fill("#name", reviewer)
        page.keyboard.press("Enter")
        page.wait_for_selector("#captions li, #done:not([hidden])")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def press(page: Page, key: str) -> None:
    """Press a key and wait until the page has done what it asks for."""
    page.keyboard.press(key)
    page.wait_for_selector("body:not([aria-busy])")


def verdicts(session: ReviewSession, reviewer: str) -> list[str]:
    return [each.verdict for each in list_current(session.store.read_all()) if each.reviewer == reviewer]


def test_keys_alone_suffice_for_a_whole_inspection(
    open_session: OpenSession, serve: Serve, open_page: OpenPage
) -> None:
    session = open_session(count=8, shared=0)
    page = open_page(serve(session), "ada")
    press(page, "a")
    page.keyboard.press("5")
    page.keyboard.press("r")
    press(page, "4")
    page.keyboard.press("e")
    page.fill("#edit-object", "a lighthouse keeper")
    page.wait_for_selector("#edit button:enabled")
    press(page, "Enter")
    press(page, "s")
    press(page, "a")
    press(page, "u")
    assert verdicts(session, "ada") == ["accept", "reject", "edit"]
    reject = next(each for each in session.store.read_all() if each.verdict == "reject")
    assert (reject.fault, reject.caption) == ("negative_true", 4)
    while page.is_visible("#sample"):
        press(page, "a")
    assert "7 of 8 samples are accepted" in page.inner_text("#done")
    assert len(verdicts(session, "ada")) == 8


def test_an_edit_that_is_refused_cannot_be_saved(open_session: OpenSession, serve: Serve, open_page: OpenPage) -> None:
    session = open_session(count=4)
    page = open_page(serve(session), "ada")
    other = page.locator("#captions li").nth(8).locator("mark").inner_text()
    page.keyboard.press("8")
    page.keyboard.press("e")
    page.fill("#edit-object", other)
    page.wait_for_selector("#edit .problems:has-text('equal')")
    assert page.is_disabled("#edit button")
    assert verdicts(session, "ada") == []


def test_two_reviewers_a_reload_and_a_lost_connection(
    open_session: OpenSession, serve: Serve, open_page: OpenPage
) -> None:
    session = open_session(count=6, shared=0.5)
    address = serve(session)
    ada, bob = open_page(address, "ada"), open_page(address, "bob")
    press(ada, "a")
    press(bob, "a")
    ada.reload()
    ada.wait_for_selector("#captions li")
    assert "1 by you" in ada.inner_text("#progress")
    ada.route("**/api/answers", lambda route: route.abort())
    press(ada, "a")
    assert "does not answer" in ada.inner_text("#message")
    ada.unroute("**/api/answers")
    for page in (ada, bob):
        while page.is_visible("#sample"):
            press(page, "a")
    decided = {(each.id, each.reviewer) for each in session.store.read_all()}
    shared = {question.sample.id for question in session.questions if question.shared}
    assert {id_ for id_, name in decided if name == "ada"} >= shared
    assert {id_ for id_, name in decided if name == "bob"} >= shared
    assert len(decided) == 6 + 3


def test_two_windows_of_one_reviewer(open_session: OpenSession, serve: Serve, open_page: OpenPage) -> None:
    session = open_session(count=4, shared=1)
    address = serve(session)
    first, second = open_page(address, "ada"), open_page(address, "ada")
    press(first, "a")
    press(second, "a")
    assert "another window" in second.inner_text("#message")
    assert verdicts(session, "ada") == ["accept"]


def test_choosing_on_a_phone(open_session: OpenSession, serve: Serve, open_page: OpenPage) -> None:
    session = open_session("choose", count=3, shared=0)
    page = open_page(serve(session), "ada", **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#captions mark, #captions small").count() == 0
    while page.is_visible("#sample"):
        page.locator("#captions li button").nth(2).tap()
        page.wait_for_selector("body:not([aria-busy])")
    assert verdicts(session, "ada") == ["choice"] * 3
    assert "3 answers" in page.inner_text("#done")


def test_texts_are_texts(open_session: OpenSession, serve: Serve, open_page: OpenPage) -> None:
    session = open_session(count=1)
    question = session.questions[0]
    gold = Caption(HOSTILE, "on", "a table")
    sample = msgspec.structs.replace(question.sample, gold=gold)
    session.questions = [type(question)(sample, question.shared)]
    page = open_page(serve(session), "ada")
    assert page.locator("#captions li").first.locator("span").nth(1).text_content() == gold.text
    assert page.locator("#captions img, #captions b").count() == 0


def test_the_picture_and_the_box_are_in_pixels_of_the_image(
    open_session: OpenSession, serve: Serve, open_page: OpenPage, built: Any
) -> None:
    session = open_session(count=5)
    page = open_page(serve(session), "ada")
    page.wait_for_selector("#picture rect")
    shown = page.get_attribute("#picture", "aria-label")
    assert shown
    gold = page.locator("#captions li").first.locator("span").nth(1).inner_text()
    (sample,) = (each for each in read(built) if each.gold.text == gold and each.id in page.inner_text("#about"))
    box = {
        name: float(page.locator("#picture rect").first.get_attribute(name) or "nan")
        for name in ("x", "y", "width", "height")
    }
    assert tuple(box.values()) == pytest.approx(sample.region.box.xywh)
    press(page, "z")
    x, y, width, height = map(float, (page.get_attribute("#picture", "viewBox") or "").split())
    assert width == height == pytest.approx(1.6 * max(sample.region.box.width, sample.region.box.height))
    assert (x + width / 2, y + height / 2) == pytest.approx(sample.region.box.center)
