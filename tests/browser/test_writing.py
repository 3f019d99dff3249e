"""Writers lose nothing: a session that ends, a browser that dies, a second editor."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.content import PASSWORD
from tests.browser.test_admin_login import sign_in


@pytest.fixture
def second(browser: Browser) -> Iterator[Page]:
    """Another editor's phone."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    yield context.new_page()
    context.close()


def _begin(page: Page, site: str, title: str) -> str:
    """Sign in, save a draft and return its address."""
    sign_in(page, site, "erin")
    page.goto(f"{site}/admin/cms/post/add/")
    page.locator("#id_title").fill(title)
    page.locator("#id_content").fill("First words.")
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_url("**/change/")
    return page.url


def _type(page: Page, text: str) -> None:
    page.locator("#id_content").press("Control+End")
    page.locator("#id_content").press_sequentially(text)


def test_a_session_that_ends_while_writing_costs_a_password_and_no_word(page: Page, site: str) -> None:
    _begin(page, site, "Ended session")
    _type(page, " Written in the last minute.")
    page.context.clear_cookies()
    page.keyboard.press("Control+s")
    frame = page.frame_locator("#sign-in iframe")
    frame.get_by_label("Username or e-mail address").fill("erin")
    frame.get_by_label("Password").fill(PASSWORD)
    frame.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("was saved")).to_be_visible()
    expect(page.locator("#id_content")).to_have_value("First words. Written in the last minute.")


def test_a_browser_that_dies_while_writing_offers_the_text_again(page: Page, site: str) -> None:
    address = _begin(page, site, "Dead browser")
    _type(page, " Nearly lost.")
    expect(page.locator("#editor-state")).to_contain_text("Kept in this browser")
    again = page.context.new_page()
    page.close()  # without the question that leaving asks
    again.goto(address)
    expect(again.locator("#id_content")).to_have_value("First words.")
    again.get_by_role("button", name="Restore").click()
    expect(again.locator("#id_content")).to_have_value("First words. Nearly lost.")
    again.get_by_role("button", name="Save draft").click()
    expect(again.get_by_text("was saved")).to_be_visible()
    expect(again.get_by_role("button", name="Restore")).to_have_count(0)


def test_publish_puts_what_is_on_the_screen_in_public(page: Page, site: str) -> None:
    _begin(page, site, "On the screen")
    _type(page, " Only typed.")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("was published")).to_be_visible()
    answer = page.request.get(f"{site}/api/v2/posts/on-the-screen")
    assert "Only typed." in answer.json()["data"]["content_html"] if "data" in answer.json() else answer.text()


def test_two_editors_see_each_other_and_keep_both_texts(page: Page, second: Page, site: str) -> None:
    address = _begin(page, site, "Two editors")
    sign_in(second, site, "chief")
    second.goto(address)
    expect(second.locator("#editor-notices")).to_contain_text("Erin is editing this post too.")
    _type(second, "\n\nTheirs.")
    second.locator("#id_meta_title").fill("For search")
    second.get_by_role("button", name="Save draft").click()
    expect(second.get_by_text("was saved")).to_be_visible()
    page.locator("#id_content").press("Control+Home")
    page.locator("#id_content").press_sequentially("Mine.\n\n")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("has changed this post too")).to_be_visible()
    expect(page.locator("#id_content")).to_have_value("Mine.\n\nFirst words.\n\nTheirs.")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("was saved")).to_be_visible()
    expect(page.locator("#id_meta_title")).to_have_value("For search")
