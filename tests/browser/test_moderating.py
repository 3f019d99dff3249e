"""A moderator works through the comments: by keys, with Undo, in a page that stays where it is."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import look
from tests.browser.test_admin_login import sign_in
from tests.browser.test_rollout_page import axe  # noqa: F401 - a fixture

CARD = ".comment-card"


def _open(page: Page, site: str) -> None:
    sign_in(page, site, "erin")
    page.goto(f"{site}/admin/cms/comment/")
    expect(page.locator(CARD).first).to_be_visible()


def test_comments_are_decided_by_keys_and_the_last_decision_is_undone(page: Page, site: str) -> None:
    _open(page, site)
    page.set_viewport_size({"width": 1366, "height": 900})
    before = page.locator(CARD).count()
    page.keyboard.press("j")
    expect(page.locator(CARD).nth(0)).to_be_focused()
    page.keyboard.press("j")
    text = page.locator(CARD).nth(1).locator(".comment-text").inner_text()
    following = page.locator(CARD).nth(2).get_attribute("id")
    page.keyboard.press("s")
    expect(page.locator("#moderation-undo")).to_contain_text("1 comment was marked as spam.")
    expect(page.locator(CARD)).to_have_count(before - 1)
    expect(page.locator(f"[id='{following}']")).to_be_focused()
    expect(page.locator("#nav-sidebar-apps .sidebar-badge")).to_have_text(str(before - 1))
    page.keyboard.press("u")
    expect(page.locator(CARD).nth(1).locator(".comment-text")).to_have_text(text)
    expect(page.locator("#moderation-undo")).to_have_count(0)


def test_a_reply_is_written_in_place_and_keys_are_letters_while_typing(page: Page, site: str) -> None:
    _open(page, site)
    page.set_viewport_size({"width": 390, "height": 844})
    card = page.locator(CARD).filter(has_text="Is there a sequel?").filter(has_text="I wonder as well.")
    card.get_by_text("Reply", exact=True).click()
    other = page.locator(CARD).filter(has_text="Thank you for this")
    other.get_by_text("Reply", exact=True).click()
    other.get_by_role("textbox").fill("Half a reply")
    card.get_by_role("textbox").press_sequentially("Yes: a jar, as ruins go.")
    card.get_by_role("button", name="Approve and reply").click()
    expect(page.get_by_text("Your reply was published.")).to_be_visible()
    expect(card).to_have_count(0)
    expect(other.get_by_role("textbox")).to_have_value("Half a reply")


def test_the_buttons_work_without_scripts(browser: Browser, site: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, site, "chief")
        page.goto(f"{site}/admin/cms/comment/")
        cards = page.locator(CARD)
        before = cards.count()
        cards.first.get_by_role("button", name="Reject").click()
        assert cards.count() == before - 1
        page.get_by_role("button", name="Undo").click()
        assert cards.count() == before


@pytest.mark.slow
def test_the_cards_bar_nobody(page: Page, site: str, axe: Path) -> None:  # noqa: F811
    _open(page, site)
    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(page.locator("#moderation-undo")).to_be_visible()
    page.locator(CARD).first.get_by_text("Reply", exact=True).click()
    page.locator(".action-select").first.check()
    look(page, axe, "comments")
