"""Writers see what others will get: a preview of the text on the screen, a link for strangers, when it goes out."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.test_writing import begin_draft, paste_picture, save_draft, type_text
from tests.browser.windows import opened, sign_in


def test_the_text_on_the_screen_is_seen_at_three_widths_before_it_is_saved(page: Page, site: str) -> None:
    begin_draft(page, site, "Looked at")
    type_text(page, " *Unsaved* end.")
    page.get_by_role("button", name="Preview", exact=True).last.click()
    frame = page.frame_locator("#look-page iframe")
    expect(frame.locator("em")).to_have_text("Unsaved")
    page.get_by_role("button", name="Phone").click()
    expect(page.locator("#look-page iframe")).to_have_css("width", "390px")
    page.locator("#look-page").get_by_role("button", name="Close").click()
    expect(page.locator("#id_content")).to_have_value("First words. *Unsaved* end.")


def test_a_stranger_sees_a_shared_draft_with_its_picture(browser: Browser, page: Page, size: str, site: str) -> None:
    begin_draft(page, site, "Shared draft")
    paste_picture(page, "A red square")
    save_draft(page)
    page.get_by_role("button", name="Share preview").click()
    link = page.locator("#share-link input")
    expect(link).to_have_value(re.compile("/previews/"))
    address = link.input_value()
    with opened(browser, size) as stranger:
        stranger.goto(address)
        expect(stranger.get_by_role("heading", name="Shared draft")).to_be_visible()
        picture = stranger.get_by_alt_text("A red square")
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")


def test_monday_at_nine_is_scheduled_by_two_clicks(page: Page, site: str) -> None:
    begin_draft(page, site, "Early on Monday")
    page.get_by_role("button", name="Monday 09:00").click()
    expect(page.get_by_text(re.compile(r"^\d{4}-\d\d-\d\d 09:00 UTC$"))).to_be_visible()
    page.get_by_role("button", name="Schedule", exact=True).click()
    expect(page.get_by_text(re.compile("was scheduled for .* 09:00"))).to_be_visible()
    page.get_by_role("button", name="At once").click()
    expect(page.get_by_role("button", name="Publish", exact=True)).to_be_visible()


def test_both_versions_answers_are_one_click_away(page: Page, site: str) -> None:
    sign_in(page, site, "erin")
    page.goto(f"{site}/admin/cms/post/?q=harbour")
    page.get_by_role("link", name="Notes from the harbour").click()
    page.get_by_role("link", name="JSON of v1 and v2").click()
    expect(page.get_by_role("heading", name="Version 1")).to_be_visible()
    expect(page.get_by_role("heading", name="Version 2")).to_be_visible()
    expect(page.locator("mark").first).to_be_visible()


def test_revisions_are_compared_by_words_and_an_old_one_is_brought_back(page: Page, site: str) -> None:
    begin_draft(page, site, "Twice written")
    type_text(page, " Second thoughts.")
    save_draft(page)
    page.goto(page.url.replace("/change/", "/revisions/"))
    expect(page.locator("ins").first).to_have_text(re.compile("Second thoughts"))
    page.get_by_role("button", name="Go back to revision 1").click()
    expect(page.locator("#id_content")).to_have_value("First words.")
    save_draft(page)
    expect(page.locator("#id_content")).to_have_value("First words.")


def test_a_featured_image_is_chosen_from_a_grid_by_keyboard(page: Page, size: str, site: str) -> None:
    begin_draft(page, site, "With a face")
    paste_picture(page, f"A navy field, {size}")
    page.get_by_role("button", name="Choose from pictures").press("Enter")
    page.keyboard.type(f"field, {size}")
    expect(page.locator(".picture-grid")).to_have_attribute("aria-busy", "false")
    chosen = page.locator(".picture-grid").get_by_role("button", name=f"A navy field, {size}")
    expect(chosen).to_be_visible()
    chosen.press("Enter")
    expect(page.locator("img.featured-image")).to_be_visible()
    save_draft(page)
    expect(page.locator("img.featured-image")).to_have_attribute("src", re.compile("/file/"))


def test_advice_appears_before_the_post_goes_out(page: Page, site: str) -> None:
    begin_draft(page, site, "In need of advice")
    type_text(page, "\n\n![](https://example.org/a.png)")
    expect(page.locator("#advice")).to_contain_text("1 picture has no alternative text.")
