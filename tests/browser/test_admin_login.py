"""The admin site in a real browser: what the test client can't see are its scripts, styles and dialogs."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.content import PASSWORD


def sign_in(page: Page, site: str, name: str) -> None:
    page.goto(f"{site}/admin/")
    page.get_by_label("Username or e-mail address").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site}/admin/")  # whole: the address of the login page ends like this too


@pytest.mark.slow
@pytest.mark.parametrize("name", ["erin", "erin@example.org"])
def test_an_editor_signs_in_and_opens_the_list_and_a_form(page: Page, site: str, name: str) -> None:
    sign_in(page, site, name)
    page.locator("#nav-sidebar").get_by_text("Posts", exact=True).click()
    expect(page.locator("#result_list")).to_contain_text("Notes from the harbour")
    expect(page.locator("#result_list")).not_to_contain_text("What a canary tells a miner")  # it is in the trash
    page.get_by_role("link", name="Notes from the harbour").click()
    expect(page.get_by_label("Title", exact=False).first).to_have_value("Notes from the harbour")
    expect(page.locator(".field-tags .select2-selection__choice")).to_contain_text(["letters"])


@pytest.mark.slow
def test_tags_are_typed_and_a_post_is_restored_by_its_dialog(page: Page, site: str) -> None:
    sign_in(page, site, "erin")
    page.goto(f"{site}/admin/cms/post/?q=semicolons&state=archived")
    page.get_by_role("link", name="Field guide to semicolons").click()
    tags = page.locator(".field-tags .select2-search__field")
    tags.press_sequentially("punctuation,")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".field-tags")).to_contain_text("punctuation")
    page.get_by_role("link", name="Restore").click()
    page.locator("#dialog").get_by_role("button", name="Restore").click()
    expect(page.get_by_text("was restored")).to_be_visible()
    expect(page.get_by_role("link", name="Publish")).to_be_visible()  # what a draft offers
