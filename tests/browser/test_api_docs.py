"""The documentation of API v2 in a browser: its search, the language of its samples, and requests to the site it stands on."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.cast import PASSWORD
from tests.browser.pages import look_at_both_widths

WRONG = "not-a-token-of-this-site"


@pytest.fixture
def docs(screen: Page, site: str) -> Page:
    screen.goto(f"{site}/api/v2/docs")
    return screen


def opened(docs: Page, operation: str) -> Locator:
    """Open the form of an operation."""
    form = docs.locator(f"#{operation} .try")
    form.locator("> summary").click()
    return form


def test_the_search_finds_by_summary_path_and_parameter_as_one_types(docs: Page) -> None:
    docs.keyboard.press("/")
    expect(docs.get_by_label("Search operations")).to_be_focused()
    docs.keyboard.type("published_after post")
    expect(docs.get_by_role("status").first).to_have_text(re.compile(r"^2 of \d+ operations$"))
    expect(docs.locator("article:visible")).to_have_count(2)
    expect(docs.locator("#list_posts")).to_be_visible()
    docs.get_by_label("Search operations").fill("diff")
    expect(docs.locator("article:visible")).to_have_id("compare_revisions")
    docs.keyboard.press("Escape")
    expect(docs.locator("#publish_post")).to_be_visible()


def test_a_language_that_is_opened_once_is_open_everywhere_and_next_time(docs: Page, site: str) -> None:
    docs.locator("#list_posts .samples summary", has_text="Python").click()
    sample = docs.locator("#create_post .samples [data-language=python] pre")
    expect(sample).to_be_visible()
    expect(sample).to_contain_text(f'"{site}/api/v2/posts"')
    docs.reload()
    expect(sample).to_be_visible()
    expect(docs.locator("#create_post .samples [data-language=curl] pre")).to_be_hidden()


def test_a_read_is_tried_on_the_site(docs: Page, site: str) -> None:
    form = opened(docs, "list_posts")
    form.get_by_label("limit").fill("2")
    form.get_by_role("button", name="Send to the live site").click()
    expect(form.get_by_role("status")).to_have_text(re.compile("^200 OK"))
    expect(form.get_by_role("region", name="Body")).to_contain_text('"has_more": true')
    expect(form.get_by_role("region", name="Headers")).to_contain_text("api-version: 2")
    expect(form.get_by_role("region", name="Request as curl")).to_have_text(f"curl -i '{site}/api/v2/posts?limit=2'")


def test_a_draft_is_written_with_a_token_that_is_kept_nowhere(docs: Page, site: str) -> None:
    asked = docs.request.post(
        f"{site}/api/v2/auth/token", data={"email": "ada@example.org", "password": PASSWORD}, fail_on_status_code=True
    )
    token = asked.json()["access_token"]
    form = opened(docs, "create_post")
    docs.get_by_label("Token or API key").fill(token)
    form.get_by_role("button", name="Send to the live site").click()
    expect(form.get_by_role("status")).to_have_text(re.compile("^201 Created"))
    kept = docs.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
    assert token not in kept
    assert token not in form.locator(".result").inner_text()
    other = opened(docs, "get_me")
    other.get_by_role("button", name="Send to the live site").click()
    expect(other.get_by_role("region", name="Body")).to_contain_text('"username": "ada"')
    docs.reload()
    opened(docs, "get_me")
    expect(docs.get_by_label("Token or API key")).to_have_value("")


def test_a_wrong_token_shows_its_problem(browser: Browser, site: str) -> None:
    docs = browser.new_page()  # not the one that takes each 401 for a fault
    docs.goto(f"{site}/api/v2/docs")
    form = opened(docs, "get_me")
    docs.get_by_label("Token or API key").fill(WRONG)
    form.get_by_role("button", name="Send to the live site").click()
    expect(form.get_by_role("status")).to_have_text(re.compile("^401 Unauthorized"))
    expect(form.get_by_role("region", name="Body")).to_contain_text("urn:problem-type:tandem:invalid-token")
    docs.close()


def test_every_sample_in_javascript_is_javascript_and_the_first_read_reads(docs: Page) -> None:
    samples = docs.locator("[data-language=javascript] pre").all_text_contents()
    assert len(samples) > 80
    docs.evaluate("() => {" + "\n".join(f"async () => {{ {sample} }};" for sample in samples) + "}")
    read = next(sample for sample in samples if sample.count("\n") == 1 and "/posts" in sample)
    assert docs.evaluate(f"async () => {{ {read}; return response.status }}") == 200


def test_the_page_fits_and_bars_nobody_with_a_search_a_form_and_a_result(docs: Page, axe: Path) -> None:
    docs.get_by_label("Search operations").fill("posts list")
    form = opened(docs, "list_posts")
    form.get_by_role("button", name="Send to the live site").click()
    expect(form.get_by_role("status")).to_have_text(re.compile("^200 OK"))
    look_at_both_widths(docs, axe, "api-docs-tried")


def test_an_address_that_is_opened_is_a_page_whose_links_lead_on(screen: Page, site: str, axe: Path) -> None:
    screen.goto(f"{site}/api/v2/posts?limit=2&fields=title,links")
    look_at_both_widths(screen, axe, "api-answer")
    screen.locator("pre a[href*=cursor]").click()
    expect(screen.get_by_role("heading")).to_contain_text("cursor=")
    screen.get_by_role("link", name="Documentation").click()
    expect(screen.get_by_label("Search operations")).to_be_visible()
