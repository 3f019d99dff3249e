"""A look at a page at both widths and in both themes: not wider than its window, and no serious fault of accessibility."""

import os
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.test_rollout_page import troubles_of

SHOTS = os.environ.get("ADMIN_SHOTS")
"""A directory, for those who want to look at every page."""
SCREEN = (1366, 900)
SIZES = {"phone": (390, 844), "screen": SCREEN}
# The script of the admin site looks at the theme once, when a page is loaded.
TURN = """theme => {
  if (document.documentElement.hasAttribute("x-data")) {
    document.documentElement.classList.toggle("dark", theme === "dark");
  }
}"""


def look(page: Page, axe: Path, name: str) -> None:
    """The page is left at the width of a screen, and light."""
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        page.evaluate(TURN, theme)
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            wide = page.evaluate("document.documentElement.scrollWidth")
            if SHOTS:
                page.screenshot(path=f"{SHOTS}/{name}-{size}-{theme}.png", full_page=True)
            assert wide <= width, (name, size)
        found = troubles_of(page, axe)
        assert not found, (name, theme, found)
