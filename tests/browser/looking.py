"""Pages at the widths and in the themes that people use, looked at by axe."""

import os
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.test_rollout_page import troubles_of

SHOTS = os.environ.get("ADMIN_SHOTS")
"""A directory, for a look at every page."""
SIZES = {"screen": (1366, 900), "phone": (390, 844)}


def look_at(page: Page, axe: Path, name: str) -> None:
    """No page is wider than its window, or has a serious fault of accessibility."""
    for theme in ("light", "dark"):
        page.evaluate("theme => document.documentElement.classList.toggle('dark', theme === 'dark')", theme)
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, size)
            if SHOTS:
                page.screenshot(path=f"{SHOTS}/{name}-{size}-{theme}.png", full_page=True)
        assert serious(page, axe) == [], (name, theme)


def serious(page: Page, axe: Path) -> list[str]:
    return troubles_of(page, axe)
