"""Posts go to the trash, come back at once or later, or are gone for good."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.pages import look
from tests.browser.test_admin_login import sign_in
from tests.browser.test_rollout_page import axe  # noqa: F401 - a fixture
from tests.browser.test_writing import type_text

UNDO = "form.undo"


def _write(page: Page, site: str, title: str) -> None:
    page.goto(f"{site}/admin/cms/post/add/")
    page.locator("#id_title").fill(title)
    type_text(page, "Words.")
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_url("**/change/")


def _trash(page: Page) -> None:
    page.get_by_role("link", name="Move to trash").click()
    page.locator("#dialog").get_by_role("button", name="Move to trash").click()
    expect(page.locator(UNDO)).to_contain_text("1 post was moved to the trash.")


def test_a_post_comes_back_by_undo_and_is_deleted_for_ever_from_the_trash(
    page: Page,
    site: str,
    axe: Path,  # noqa: F811
) -> None:
    sign_in(page, site, "chief")
    _write(page, site, "A letter that nobody wants")
    _trash(page)
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.get_by_text("1 post restored.")).to_be_visible()
    _trash(page)
    page.goto(f"{site}/admin/cms/post/")
    expect(page.locator(UNDO)).to_be_visible()
    page.get_by_role("link", name="Trash", exact=True).click()
    row = page.locator("#result_list tr").filter(has_text="nobody wants")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(UNDO)).to_have_count(0)  # ten seconds later
    look(page, axe, "trash")
    row.get_by_role("link", name="Delete for ever").click()
    expect(page.get_by_text("“Delete for ever” for 1 post:")).to_be_visible()
    look(page, axe, "purge")
    page.get_by_role("button", name="Delete for ever").click()
    expect(page.get_by_text("1 post deleted for ever.")).to_be_visible()
    expect(row).to_have_count(0)


def test_an_editor_brings_a_post_back_from_the_trash(page: Page, site: str) -> None:
    sign_in(page, site, "erin")
    _write(page, site, "A letter that is missed")
    _trash(page)
    page.goto(f"{site}/admin/cms/post/?state=trashed&kind=all")
    row = page.locator("#result_list tr").filter(has_text="is missed")
    expect(row.get_by_role("link", name=re.compile("ever"))).to_have_count(0)
    row.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("1 post restored.")).to_be_visible()
    expect(row).to_have_count(0)
