"""The admin site in a real browser: what the test client can't see are its scripts, styles and dialogs."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.windows import open_actions, open_menu, sign_in, sign_in_by_form


@pytest.mark.parametrize("name", ["erin", pytest.param("erin@example.org", marks=pytest.mark.slow)])
def test_an_editor_signs_in_and_opens_the_list_and_a_form(page: Page, site: str, name: str) -> None:
    sign_in_by_form(page, site, name)
    open_menu(page)
    page.locator("#nav-sidebar").get_by_text("Posts", exact=True).click()
    page.locator("#searchbar").fill("paragraph")
    page.locator("#searchbar").press("Enter")
    page.wait_for_url("**?q=paragraph")
    expect(page.locator("#result_list")).to_contain_text("Notes from the harbour")
    expect(page.locator("#result_list")).not_to_contain_text("What a canary tells a miner")  # it is in the trash
    page.get_by_role("link", name="Notes from the harbour").click()
    expect(page.get_by_label("Title", exact=False).first).to_have_value("Notes from the harbour")
    expect(page.locator(".field-tags .select2-selection__choice")).to_contain_text(["letters"])


def test_tags_are_typed_and_a_post_is_restored_by_its_dialog(page: Page, size: str, site: str) -> None:
    sign_in(page, site, "erin")
    page.goto(f"{site}/admin/cms/post/?q=commas+{size}&state=archived")
    page.get_by_role("link", name=f"Field guide to commas on a {size}").click()
    tags = page.locator(".field-tags .select2-search__field")
    tags.press_sequentially("punctuation,")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was saved")).to_be_visible()
    expect(page.locator(".field-tags")).to_contain_text("punctuation")
    open_actions(page)
    page.get_by_role("link", name="Restore").click()
    page.locator("#dialog").get_by_role("button", name="Restore").click()
    expect(page.get_by_text("was restored")).to_be_visible()
    expect(page.get_by_role("button", name="Publish", exact=True)).to_be_visible()  # what a draft offers
