"""Every page works within its Content-Security-Policy: a browser that refuses anything says so in its console."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.every_page import OPEN_PAGES, pages_of
from tests.browser.windows import sign_in

COLOR = "getComputedStyle(document.documentElement).getPropertyValue('--color-primary-600')"


@pytest.fixture
def watched(screen: Page) -> Iterator[Page]:
    """Its refusals are told by an event as well, also those that the console leaves out."""
    screen.add_init_script(
        "addEventListener('securitypolicyviolation', event => console.error("
        "`${event.effectiveDirective} refuses ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`))"
    )
    refused: list[str] = []
    screen.on("response", lambda answer: refused.append(answer.url) if _is_bare_page(answer) else None)
    yield screen
    assert refused == []


def _is_bare_page(answer: Response) -> bool:
    headers: dict[str, str] = answer.headers
    return headers.get("content-type", "").startswith("text/html") and "content-security-policy" not in headers


def test_the_first_page_of_the_admin_site_works_within_its_policy(watched: Page, site: str) -> None:
    sign_in(watched, site, "erin")
    watched.goto(f"{site}/admin/")
    expect(watched.locator("#nav-sidebar")).to_be_visible()
    assert watched.evaluate(COLOR) == "oklch(55.8% .288 302.321)"


@pytest.mark.slow
def test_all_lists_and_forms_of_the_admin_site_do(watched: Page, site: str) -> None:
    sign_in(watched, site, "chief")
    for address in pages_of(watched, site, is_admin=True):
        open_page(watched, address)


def open_page(watched: Page, address: str) -> None:
    """Wait until all of it is loaded. A page of an error, which loads less, is none to watch."""
    answer = watched.goto(address)
    assert answer is not None
    assert answer.status == 200, address
    watched.wait_for_load_state("networkidle")


@pytest.mark.slow
def test_a_writer_works_with_editor_preview_dialogs_and_the_menu(watched: Page, site: str) -> None:
    sign_in(watched, site, "chief")
    watched.goto(f"{site}/admin/cms/post/?q=harbour")
    watched.get_by_role("link", name="Notes from the harbour").click()
    watched.locator(".CodeMirror").click()
    watched.keyboard.type("**bold** words")
    for button in ("side-by-side", "side-by-side", "fullscreen"):
        watched.locator(f".editor-toolbar button.{button}").click()
        watched.wait_for_load_state("networkidle")
    watched.keyboard.press("Escape")
    watched.goto(f"{site}/admin/cms/post/?q=harbour")
    watched.locator("#result_list input.action-select").first.check()
    watched.get_by_role("link", name="Notes from the harbour").click()
    watched.get_by_role("link", name="Move to trash").click()
    expect(watched.locator("#dialog")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("path", OPEN_PAGES)
def test_pages_for_everybody_do(watched: Page, site: str, path: str) -> None:
    open_page(watched, f"{site}{path}")
