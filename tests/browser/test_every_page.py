"""No page of the admin site is wider than its window or bars anybody, whatever links to it: at both widths, in both themes."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.every_page import OPEN_PAGES, pages_of
from tests.browser.pages import look_at_both_widths
from tests.browser.windows import sign_in


@pytest.mark.slow
@pytest.mark.parametrize("name", ["chief", "ada"])
def test_each_page_fits_and_bars_nobody(screen: Page, site: str, axe: Path, name: str) -> None:
    sign_in(screen, site, name)
    barred = []
    for address in pages_of(screen, site, is_admin=name == "chief"):
        screen.goto(address)
        screen.wait_for_load_state("networkidle")
        try:
            look_at_both_widths(screen, axe, f"{name}-{_named(address, site)}")
        except AssertionError as fault:
            barred.append(f"{address}: {fault}")
    assert not barred, "\n".join(barred)


@pytest.mark.slow
@pytest.mark.parametrize("path", OPEN_PAGES)
def test_pages_for_everybody_do(screen: Page, site: str, axe: Path, path: str) -> None:
    screen.goto(f"{site}{path}")
    look_at_both_widths(screen, axe, f"open-{_named(path, '')}")


def _named(address: str, site: str) -> str:
    """What a picture of this page is called: ids would be other ones each time."""
    path = re.sub(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", "id", address.removeprefix(site))
    return re.sub(r"[^a-z0-9]+", "-", path.lower().removeprefix("/admin")).strip("-") or "index"
