"""A look at a page in both themes: not wider than its window, and no serious fault of accessibility."""

import json
import os
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.windows import resize, viewport

SHOTS = os.environ.get("ADMIN_SHOTS")
"""A directory, for those who want to look at every page."""
# The script of the admin site looks at the theme once, when a page is loaded.
TURN = """theme => {
  if (document.documentElement.hasAttribute("x-data")) {
    document.documentElement.classList.toggle("dark", theme === "dark");
  }
}"""


def look(page: Page, axe: Path, name: str) -> None:
    """Look at the page at the width that it has. It is left light.

    A phone shows a desktop's colours, so that only a picture needs it dark.
    """
    page.wait_for_load_state()
    is_phone = page.viewport_size == viewport("phone")
    for theme in ("dark", "light"):
        if is_phone and theme == "dark" and not SHOTS:
            continue
        turn(page, theme)
        check_width(page, f"{name}-{theme}")
        found = troubles_of(page, axe)
        assert not found, (name, theme, found)


def look_at_both_widths(page: Page, axe: Path, name: str) -> None:
    """For pages that no story shows at both. The page is left at the width of a desktop."""
    for size in ("phone", "desktop"):
        resize(page, size)
        look(page, axe, name)


def turn(page: Page, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.evaluate(TURN, theme)


def check_width(page: Page, name: str) -> None:
    width = page.viewport_size["width"]  # type: ignore[index]
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)


def troubles_of(page: Page, axe: Path) -> list[str]:
    """Serious and critical ones, with where they are."""
    page.evaluate(axe.read_text())  # not as a script of the page, whose policy would refuse it
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert found["passes"]
    return [
        f"{one['impact']} {one['id']}: {json.dumps([node['target'] for node in one['nodes']][:5])}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
