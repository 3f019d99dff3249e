"""Stories from beginning to end: a lost password, an invitation, a schedule in Tokyo, a broken import, no mouse."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.cast import PASSWORD
from tests.browser.test_writing import type_text, write_draft
from tests.browser.windows import opened, sign_in, sign_in_by_form

NEW_PASSWORD = "a rather long pass-phrase"
LINK = r"^To: {}$.*?(http://127\.0\.0\.1:\d+/admin/\S+)"
WORK = Callable[[], str]


def _link_in(mails: str, to: str) -> str:
    """Return the link in the mail to this address: other stories leave mails too."""
    found = re.search(LINK.format(re.escape(to)), mails, re.DOTALL | re.MULTILINE)
    assert found, mails
    return found[1]


def test_a_forgotten_password_is_replaced_from_the_login_page(page: Page, size: str, site: str, work: WORK) -> None:
    name = f"nora_{size}"
    page.goto(f"{site}/admin/login/")
    page.get_by_role("link", name=re.compile("Forgot", re.IGNORECASE)).click()
    page.get_by_role("textbox").fill(f"{name}@example.org")
    page.get_by_role("button").first.click()
    page.wait_for_url("**/sent/")
    page.goto(_link_in(work(), f"{name}@example.org"))
    for box in page.locator("input[type=password]").all():
        box.fill(NEW_PASSWORD)
    page.locator("form button[type=submit], form input[type=submit]").last.click()
    page.wait_for_url("**/admin/login/**")
    sign_in_by_form(page, site, name, NEW_PASSWORD)
    expect(page.get_by_role("link", name="Write a post")).to_be_visible()


def test_an_invited_author_writes_a_first_post(browser: Browser, page: Page, size: str, site: str, work: WORK) -> None:
    name = f"newcomer_{size}"
    sign_in(page, site, "chief")
    page.goto(f"{site}/admin/cms/invitation/add/")
    page.locator("#id_email").fill(f"{name}@example.org")
    page.get_by_label("Role").select_option("author")
    page.get_by_role("button", name="Send invitation").click()
    page.wait_for_url("**/cms/invitation/")
    with opened(browser, size) as invited:
        invited.goto(_link_in(work(), f"{name}@example.org"))
        invited.get_by_label("Username").fill(name)
        for box in invited.locator("input[type=password]").all():
            box.fill(NEW_PASSWORD)
        invited.locator("form button[type=submit], form input[type=submit]").last.click()
        invited.wait_for_url(re.compile("/admin/(login/.*)?$"))
        if "/login/" in invited.url:
            sign_in_by_form(invited, site, name, NEW_PASSWORD)
        invited.get_by_role("link", name="Write a post").click()
        invited.locator("#id_title").fill("My first post")
        type_text(invited, "Hello.")
        invited.get_by_role("button", name="Publish", exact=True).click()
        expect(invited.get_by_text("was published")).to_be_visible()


def test_nine_o_clock_in_tokyo_is_midnight_in_utc(page: Page, site: str) -> None:
    sign_in(page, site, "tomo")
    page.goto(f"{site}/admin/cms/post/add/")
    page.locator("#id_title").fill("Good morning")
    type_text(page, "From Tokyo.")
    page.get_by_role("button", name="Monday 09:00").click()
    expect(page.locator(".publishing-in-utc")).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d 00:00 UTC$"))
    page.get_by_role("button", name="Schedule", exact=True).click()
    expect(page.get_by_text(re.compile(r"was scheduled for .* 09:00 Asia/Tokyo"))).to_be_visible()


def test_a_broken_export_of_wordpress_is_told_in_one_sentence_with_its_line(
    page: Page, site: str, work: WORK, tmp_path: Path
) -> None:
    sign_in(page, site, "chief")
    page.goto(f"{site}/admin/cms/transfer/add/")
    broken = tmp_path / "broken.xml"
    broken.write_text('<?xml version="1.0"?>\n<rss><channel>\n<item><title>One</item>\n</channel></rss>\n')
    page.locator("#id_file").set_input_files(broken)
    page.get_by_role("button", name="Upload and check").click()
    expect(page.get_by_text("A worker checks")).to_be_visible()
    work()
    page.reload()
    expect(page.get_by_text(re.compile(r"[Ll]ine 3"))).to_be_visible()


def test_posts_go_to_the_trash_together_after_a_question_and_come_back(page: Page, size: str, site: str) -> None:
    sign_in(page, site, "erin")
    titles = f"Doomed {size} one", f"Doomed {size} two"
    for title in titles:
        write_draft(page, site, title)
    page.goto(f"{site}/admin/cms/post/?q=Doomed+{size}")
    rows = page.locator("#result_list tr").filter(has=page.locator("input[name=_selected_action]"))
    expect(rows).to_have_count(2)
    for row in rows.all():
        row.get_by_role("checkbox").check()
    page.locator("select[name=action]").select_option("trash_selected")
    page.get_by_role("button", name="Run").click()
    confirmed = page.get_by_role("button", name=re.compile("Move to trash"))
    expect(confirmed).to_be_visible()
    for title in titles:
        expect(page.get_by_text(title).first).to_be_visible()
    confirmed.click()
    expect(page.get_by_text("2 posts moved to the trash.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(rows).to_have_count(2)


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
