"""A moderator works through the comments: by keys, with Undo, in a page that stays where it is."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import look_at_both_widths
from tests.browser.windows import opened, sign_in

CARD = ".comment-card"


def _open(page: Page, site: str, size: str, name: str = "erin") -> None:
    """Open the comments on the post that is commented on for this width."""
    sign_in(page, site, name)
    page.goto(f"{site}/admin/cms/comment/?q=commented+on+a+{size}")
    expect(page.locator(CARD).first).to_be_visible()


def test_comments_are_decided_by_keys_and_the_last_decision_is_undone(page: Page, size: str, site: str) -> None:
    _open(page, site, size)
    before = page.locator(CARD).count()
    badge = page.locator("#nav-sidebar-apps .sidebar-badge")
    all_pending = int(badge.inner_text())
    page.keyboard.press("j")
    expect(page.locator(CARD).nth(0)).to_be_focused()
    page.keyboard.press("j")
    text = page.locator(CARD).nth(1).locator(".comment-text").inner_text()
    following = page.locator(CARD).nth(2).get_attribute("id")
    page.keyboard.press("s")
    expect(page.locator("#moderation-undo")).to_contain_text("1 comment was marked as spam.")
    expect(page.locator(CARD)).to_have_count(before - 1)
    expect(page.locator(f"[id='{following}']")).to_be_focused()
    expect(badge).to_have_text(str(all_pending - 1))
    page.keyboard.press("u")
    expect(page.locator(CARD).nth(1).locator(".comment-text")).to_have_text(text)
    expect(page.locator("#moderation-undo")).to_have_count(0)


def test_a_reply_is_written_in_place_and_keys_are_letters_while_typing(page: Page, size: str, site: str) -> None:
    _open(page, site, size)
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


def test_a_comment_edited_meanwhile_is_shown_again_before_it_is_approved(
    browser: Browser, size: str, site: str
) -> None:
    with opened(browser, size) as page:  # not a watched one: the refusal is an error in the console
        _open(page, site, size)
        name = str(page.locator(CARD).filter(has_text="First!").get_attribute("id"))
        card, state = page.locator(f"[id='{name}']"), page.locator("#moderation-state")
        _edit(page, f"{site}/admin/cms/comment/{name.removeprefix('comment-')}/change/")
        # The page that comes with another decision has the new text, unread as yet.
        page.locator(CARD).filter(has_text="Win a prize now!").get_by_role("button", name="Reject").click()
        expect(card).to_contain_text("Another text than was read")
        card.focus()
        page.keyboard.press("a")
        expect(state).to_contain_text("edited after you loaded this page")
        card.focus()
        page.keyboard.press("a")
        expect(card).to_have_count(0)
        expect(page.locator("#moderation-undo")).to_contain_text("1 comment was approved.")


def _edit(page: Page, address: str) -> None:
    tab = page.context.new_page()
    tab.goto(address)
    tab.locator("textarea[name=text]").fill("Another text than was read")
    tab.get_by_role("button", name="Save", exact=True).click()
    tab.wait_for_url("**/admin/cms/comment/*")
    tab.close()


def test_the_buttons_work_without_scripts(unscripted: Page, size: str, site: str) -> None:
    _open(unscripted, site, size, "chief")
    cards = unscripted.locator(CARD)
    before = cards.count()
    cards.first.get_by_role("button", name="Reject").click()
    expect(cards).to_have_count(before - 1)
    unscripted.get_by_role("button", name="Undo").click()
    expect(cards).to_have_count(before)


@pytest.mark.slow
def test_the_cards_bar_nobody(screen: Page, site: str, axe: Path) -> None:
    _open(screen, site, "desktop")
    screen.keyboard.press("j")
    screen.keyboard.press("r")
    expect(screen.locator("#moderation-undo")).to_be_visible()
    screen.locator(CARD).first.get_by_text("Reply", exact=True).click()
    screen.locator(".action-select").first.check()
    look_at_both_widths(screen, axe, "comments")
