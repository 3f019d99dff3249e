"""The focal point of a picture: by a click, by arrow keys and by numbers; what is cut follows it."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.pages import look
from tests.browser.test_library import picture_of
from tests.browser.windows import sign_in


def test_a_focal_point_is_set_by_a_click_and_moved_by_keys(page: Page, size: str, site: str, axe: Path) -> None:
    name = f"teal-boat-{size}.png"
    sign_in(page, site, "erin")
    page.goto(f"{site}/admin/cms/mediafile/")
    page.set_input_files("#media-files", [picture_of(name, "teal")])
    page.get_by_label(f"Alternative text: {name}").fill("A teal boat")
    page.get_by_role("link", name="Show them in the library").click()
    page.locator(".media-name", has_text=name).click()
    image, point = page.locator(".focal img"), page.locator(".focal-point")
    page.wait_for_url("**/change/")
    page.wait_for_function("document.querySelector('.focal img')?.naturalWidth")
    across, down = page.locator("#id_focal_x"), page.locator("#id_focal_y")
    expect(page.get_by_role("button", name="Focal point: not set. Set it by arrow keys.")).to_be_visible()
    box = image.bounding_box()
    assert box
    image.click(position={"x": box["width"] / 4, "y": box["height"] / 2})
    expect(point).to_be_focused()
    assert abs(float(across.input_value()) - 0.25) < 0.01
    across.fill("0.3")
    down.fill("0.5")
    point.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    expect(across).to_have_value("0.31")
    expect(down).to_have_value("0.6")
    expect(page.get_by_role("button", name="Focal point: 31 % from the left, 60 % from the top.")).to_be_visible()
    look(page, axe, "focal-point")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/cms/mediafile/")
    tile = page.locator(".media-tile", has_text=name).locator("img")
    assert tile.evaluate("image => getComputedStyle(image).objectPosition") == "31% 60%"
    page.locator(".media-name", has_text=name).click()
    page.get_by_role("button", name="Clear focal point").click()
    expect(across).to_have_value("")
