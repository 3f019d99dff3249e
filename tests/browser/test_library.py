"""The media library and the lists: several files at once, copied addresses, a tree, long names, the command palette."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.pages import look_at_both_widths
from tests.browser.test_writing import write_draft
from tests.browser.windows import sign_in

UNBROKEN = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2


def picture_of(name: str, colour: str) -> Any:
    content = BytesIO()
    Image.new("RGB", (64, 48), colour).save(content, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": content.getvalue()}


def test_files_are_uploaded_together_described_and_copied(page: Page, size: str, site: str) -> None:
    navy, red = f"navy-boat-{size}.png", f"red-boat-{size}.png"
    sign_in(page, site, "erin")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{site}/admin/cms/mediafile/")
    page.set_input_files("#media-files", [picture_of(navy, "navy"), picture_of(red, "red")])
    page.get_by_label(f"Alternative text: {navy}").fill("A navy boat")
    page.locator("#media-upload li", has_text=navy).get_by_role("button").click()
    expect(page.locator("#media-upload li", has_text=navy).get_by_role("button")).to_have_text("Saved")
    expect(page.get_by_label(f"Alternative text: {red}")).to_be_visible()
    page.get_by_role("link", name="Show them in the library").click()
    tile = page.locator(".media-tile", has_text=navy)
    expect(page.locator(".media-tile", has_text=red)).to_contain_text("No alternative text")
    expect(tile).not_to_contain_text("No alternative text")
    picture = tile.locator(".media-picture img")
    picture.scroll_into_view_if_needed()
    expect(picture).not_to_have_js_property("naturalWidth", 0)
    tile.get_by_role("button", name="Copy Markdown").click()
    expect(tile.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("![A navy boat](/api/v2/media/")


def test_a_long_title_leaves_room_for_other_columns(page: Page, site: str) -> None:
    sign_in(page, site, "erin")
    write_draft(page, site, UNBROKEN)
    page.goto(f"{site}/admin/cms/post/?mine=1&q=donaudampf")
    cells = page.locator("#result_list tr.data-row").first.locator("> *")
    status = cells.nth(2).bounding_box()
    assert status
    assert status["x"] + 40 < page.evaluate("innerWidth")


def test_the_bar_of_actions_covers_no_row_at_the_end_of_a_list(page: Page, site: str) -> None:
    sign_in(page, site, "erin")
    page.goto(f"{site}/admin/cms/post/")
    page.locator(".action-select").first.check()
    bar = page.locator("#changelist-actions")
    expect(bar).to_be_visible()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    last, covered_from = page.locator("#result_list tr.data-row").last.bounding_box(), bar.bounding_box()
    assert last
    assert covered_from
    assert last["y"] + last["height"] <= covered_from["y"]


@pytest.mark.slow
def test_the_lists_and_their_pages_bar_nobody(screen: Page, site: str, axe: Path) -> None:
    sign_in(screen, site, "chief")
    for name in ("mediafile", "category", "tag", "post"):
        screen.goto(f"{site}/admin/cms/{name}/")
        look_at_both_widths(screen, axe, name)
    screen.get_by_text("Filters").first.click()
    look_at_both_widths(screen, axe, "filters")
    for name, action in (("tag", "merge_selected"), ("category", "move_selected"), ("post", "trash_selected")):
        screen.goto(f"{site}/admin/cms/{name}/")
        for box in screen.locator(".action-select").all()[:2]:
            box.check()
        screen.select_option("select[name=action]", action)
        screen.locator("button[name=index]").click()
        expect(screen.get_by_role("link", name="Cancel")).to_be_visible()
        look_at_both_widths(screen, axe, action)


def test_the_palette_leads_to_an_object(page: Page, site: str) -> None:
    sign_in(page, site, "erin")
    page.goto(f"{site}/admin/")
    page.keyboard.press("Control+k")
    page.locator("#search-input-command").press_sequentially("semicol")
    page.locator("#command-results").get_by_text("Field guide to semicolons").click()
    page.wait_for_url("**/change/")
