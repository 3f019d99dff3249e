"""Pictures that the server has yet to make, and refuses while it works on another: each is shown in the end."""

import re
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.browser.windows import BUSY, sign_in

PAUSES_S = (1, 2, 4, 8)
RENDITION = re.compile(r"/file/\?size=")
ARE_SHOWN = "where => { const all = [...document.querySelectorAll(where)]; return all.length && all.every(IS); }"
ARE_SHOWN = ARE_SHOWN.replace("IS", "image => image.complete && image.naturalWidth > 0")


def upload(page: Page, site: str, names: list[str]) -> None:
    """Leave the library open, with its upload area."""
    page.goto(f"{site}/admin/cms/mediafile/")
    page.set_input_files("#media-files", [_picture(name) for name in names])
    expect(page.locator("#media-upload li input")).to_have_count(len(names))


def _picture(name: str) -> Any:
    content = BytesIO()
    Image.new("RGB", (1200, 900), "teal").save(content, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": content.getvalue()}


def open_grid(page: Page, site: str, search: str = "") -> None:
    page.goto(f"{site}/admin/cms/post/add/")
    page.get_by_role("button", name="Choose from pictures").click()
    page.keyboard.type(search)


def test_many_fresh_pictures_are_all_shown_in_two_windows_at_once(screen: Page, site: str) -> None:
    sign_in(screen, site, "erin")
    names = [f"crowd-{number}.png" for number in range(12)]
    upload(screen, site, names)
    other = screen.context.new_page()
    other.goto(f"{site}/admin/cms/mediafile/?q=crowd")
    open_grid(screen, site, "crowd")
    expect(screen.locator(".picture-grid img")).to_have_count(len(names))
    expect(other.locator(".media-picture img")).to_have_count(len(names))
    screen.wait_for_function(ARE_SHOWN, arg=".picture-grid img")
    other.wait_for_function(ARE_SHOWN, arg=".media-picture img")
    screen.locator(".picture-grid button").first.click()
    screen.wait_for_function(ARE_SHOWN, arg="img.featured-image")


def test_a_picture_that_was_refused_is_asked_for_again_in_grid_and_cover(screen: Page, site: str) -> None:
    sign_in(screen, site, "erin")
    upload(screen, site, ["late.png"])
    asked: list[str] = []

    def refuse_twice(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) <= 2:
            route.fulfill(status=BUSY, headers={"Retry-After": "1"}, body="Busy")
        else:
            route.continue_()

    screen.route(RENDITION, refuse_twice)
    open_grid(screen, site, "late.png")
    screen.wait_for_function(ARE_SHOWN, arg=".picture-grid img")
    media_id = asked[0].split("/")[-3]
    asked.clear()
    screen.goto(f"{site}/admin/cms/post/add/?featured_image={media_id}")
    screen.wait_for_function(ARE_SHOWN, arg="img.featured-image")
    assert len(asked) > 2


@pytest.mark.slow
def test_a_picture_that_is_never_made_leaves_its_alternative_text(screen: Page, site: str) -> None:
    sign_in(screen, site, "erin")
    upload(screen, site, ["never.png"])
    asked: list[tuple[str, str]] = []

    def refuse(route: Route) -> None:
        asked.append((route.request.url, route.request.method))
        route.fulfill(status=BUSY, body="Busy")

    screen.route(RENDITION, refuse)
    screen.clock.install()
    with screen.expect_request(RENDITION):
        open_grid(screen, site)
    for pause in PAUSES_S:
        with screen.expect_request(RENDITION):
            screen.clock.fast_forward(pause * 1_000)
    image = screen.locator(".picture-grid img").first  # the newest
    expect(image).to_have_attribute("src", RENDITION)
    screen.clock.fast_forward(60_000)
    expect(image).to_have_attribute("alt", "never.png")
    methods = [method for address, method in asked if address == asked[0][0]]
    assert methods == ["HEAD"] * (1 + len(PAUSES_S)) + ["GET"]
