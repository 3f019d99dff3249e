"""Stories from beginning to end: a lost password, an invitation, a schedule in Tokyo, a broken import, no mouse."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.content import PASSWORD
from tests.browser.test_admin_login import sign_in
from tests.browser.test_writing import type_text

NEW_PASSWORD = "a rather long pass-phrase"
LINK = re.compile(r"http://127\.0\.0\.1:\d+/admin/\S+")
WORK = Callable[[], str]


@pytest.fixture(params=[1366, 390], ids=["desktop", "phone"])
def sized(page: Page, request: pytest.FixtureRequest) -> Page:
    page.set_viewport_size({"width": request.param, "height": 844})
    return page


def _link_in(mails: str) -> str:
    found = LINK.search(mails)
    assert found, mails
    return found[0]


def test_a_forgotten_password_is_replaced_from_the_login_page(sized: Page, site: str, work: WORK) -> None:
    sized.goto(f"{site}/admin/login/")
    sized.get_by_role("link", name=re.compile("Forgot", re.IGNORECASE)).click()
    sized.get_by_role("textbox").fill("nora@example.org")
    sized.get_by_role("button").first.click()
    sized.wait_for_url("**/sent/")
    sized.goto(_link_in(work()))
    for box in sized.locator("input[type=password]").all():
        box.fill(NEW_PASSWORD)
    sized.locator("form button[type=submit], form input[type=submit]").last.click()
    sized.wait_for_url("**/admin/login/**")
    sized.get_by_label("Username or e-mail address").fill("nora")
    sized.get_by_label("Password").fill(NEW_PASSWORD)
    sized.get_by_role("button", name="Log in").click()
    expect(sized.get_by_role("link", name="Write a post")).to_be_visible()


def test_an_invited_author_writes_a_first_post(browser: Browser, sized: Page, site: str, work: WORK) -> None:
    width = sized.viewport_size["width"]  # type: ignore[index]
    sign_in(sized, site, "chief")
    sized.goto(f"{site}/admin/cms/invitation/add/")
    sized.locator("#id_email").fill(f"new{width}@example.org")
    sized.get_by_label("Role").select_option("author")
    sized.get_by_role("button", name="Send invitation").click()
    link = _link_in(work())
    with browser.new_context(viewport={"width": width, "height": 844}) as context:
        invited = context.new_page()
        invited.goto(link)
        invited.get_by_label("Username").fill(f"newcomer{width}")
        for box in invited.locator("input[type=password]").all():
            box.fill(NEW_PASSWORD)
        invited.locator("form button[type=submit], form input[type=submit]").last.click()
        invited.wait_for_url(re.compile("/admin/(login/.*)?$"))
        if "/login/" in invited.url:
            invited.get_by_label("Username or e-mail address").fill(f"newcomer{width}")
            invited.get_by_label("Password").fill(NEW_PASSWORD)
            invited.get_by_role("button", name="Log in").click()
        invited.get_by_role("link", name="Write a post").click()
        invited.locator("#id_title").fill("My first post")
        type_text(invited, "Hello.")
        invited.get_by_role("button", name="Publish", exact=True).click()
        expect(invited.get_by_text("was published")).to_be_visible()


def test_nine_o_clock_in_tokyo_is_midnight_in_utc(sized: Page, site: str) -> None:
    sign_in(sized, site, "tomo")
    sized.goto(f"{site}/admin/cms/post/add/")
    sized.locator("#id_title").fill("Good morning")
    type_text(sized, "From Tokyo.")
    sized.get_by_role("button", name="Monday 09:00").click()
    expect(sized.locator(".publishing-in-utc")).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d 00:00 UTC$"))
    sized.get_by_role("button", name="Schedule", exact=True).click()
    expect(sized.get_by_text(re.compile(r"was scheduled for .* 09:00 Asia/Tokyo"))).to_be_visible()


def test_a_broken_export_of_wordpress_is_told_in_one_sentence_with_its_line(
    sized: Page, site: str, work: WORK, tmp_path: Path
) -> None:
    sign_in(sized, site, "chief")
    sized.goto(f"{site}/admin/cms/transfer/add/")
    broken = tmp_path / "broken.xml"
    broken.write_text('<?xml version="1.0"?>\n<rss><channel>\n<item><title>One</item>\n</channel></rss>\n')
    sized.locator("#id_file").set_input_files(broken)
    sized.get_by_role("button", name="Upload and check").click()
    expect(sized.get_by_text("A worker checks")).to_be_visible()
    work()
    sized.reload()
    expect(sized.get_by_text(re.compile(r"[Ll]ine 3"))).to_be_visible()


def test_posts_go_to_the_trash_together_after_a_question_and_come_back(sized: Page, site: str) -> None:
    sign_in(sized, site, "erin")
    for title in ("Doomed one", "Doomed two"):
        sized.goto(f"{site}/admin/cms/post/add/")
        sized.locator("#id_title").fill(title)
        type_text(sized, "Words.")
        sized.get_by_role("button", name="Save draft").click()
        sized.wait_for_url("**/change/")
    sized.goto(f"{site}/admin/cms/post/?q=Doomed")
    rows = sized.locator("#result_list input[name=_selected_action]")
    expect(rows.first).to_be_visible()
    found = rows.count()
    for row in rows.all():
        row.check()
    sized.locator("select[name=action]").select_option("trash_selected")
    sized.get_by_role("button", name="Run").click()
    expect(sized.get_by_text("Doomed one").first).to_be_visible()
    sized.get_by_role("button", name=re.compile("Move to trash")).click()
    expect(sized.get_by_text(f"{found} posts moved to the trash.")).to_be_visible()


def test_a_post_is_written_and_published_by_keyboard_alone(page: Page, site: str) -> None:
    page.goto(f"{site}/admin/login/")
    _tab_to(page, "document.activeElement.name === 'username'")
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site}/admin/")
    _tab_to(page, "document.activeElement.textContent.trim() === 'Write a post'")
    page.keyboard.press("Enter")
    page.wait_for_url("**/post/add/")
    _tab_to(page, "document.activeElement.id === 'id_title'")
    page.keyboard.type("Without a mouse")
    _tab_to(page, "document.activeElement.getAttribute('aria-label') === 'Content'")
    page.keyboard.type("Words.")
    page.keyboard.press("Escape")
    _tab_to(page, "document.activeElement.name === '_publish'")
    page.keyboard.press("Enter")
    expect(page.get_by_text("was published")).to_be_visible()


def _tab_to(page: Page, condition: str) -> None:
    """Press Tab until the focus is there; no page has more stops than this."""
    for _ in range(150):
        if page.evaluate(condition):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never led to where {condition}")
