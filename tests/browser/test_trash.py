"""Posts go to the trash, come back at once or later, or are gone for good."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.pages import look
from tests.browser.test_writing import write_draft
from tests.browser.windows import open_actions, sign_in

UNDO = "form.undo"


def _trash(page: Page) -> None:
    open_actions(page)
    page.get_by_role("link", name="Move to trash").click()
    page.locator("#dialog").get_by_role("button", name="Move to trash").click()
    expect(page.locator(UNDO)).to_contain_text("1 post was moved to the trash.")


def test_a_post_comes_back_by_undo_and_is_deleted_for_ever_from_the_trash(
    page: Page, size: str, site: str, axe: Path
) -> None:
    sign_in(page, site, "chief")
    title = f"A letter that nobody wants, {size}"
    write_draft(page, site, title)
    _trash(page)
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.get_by_text("1 post restored.")).to_be_visible()
    page.clock.install()
    _trash(page)
    page.wait_for_load_state()
    page.clock.fast_forward(10_000)
    expect(page.locator(UNDO)).to_have_count(0)
    page.goto(f"{site}/admin/cms/post/")
    page.get_by_role("link", name="Trash", exact=True).click()
    page.wait_for_url("**/cms/post/?state=trashed*")
    row = page.locator("#result_list tr").filter(has_text=title)
    look(page, axe, "trash")
    row.get_by_role("link", name="Delete for ever").click()
    expect(page.get_by_text("“Delete for ever” for 1 post:")).to_be_visible()
    look(page, axe, "purge")
    page.get_by_role("button", name="Delete for ever").click()
    expect(page.get_by_text("1 post deleted for ever.")).to_be_visible()
    expect(row).to_have_count(0)


def test_an_editor_brings_a_post_back_from_the_trash(page: Page, size: str, site: str) -> None:
    sign_in(page, site, "erin")
    title = f"A letter that is missed, {size}"
    write_draft(page, site, title)
    _trash(page)
    page.goto(f"{site}/admin/cms/post/?state=trashed&kind=all")
    row = page.locator("#result_list tr").filter(has_text=title)
    expect(row.get_by_role("link", name=re.compile("ever"))).to_have_count(0)
    row.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("1 post restored.")).to_be_visible()
    expect(row).to_have_count(0)
