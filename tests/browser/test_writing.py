"""Writers lose nothing: a session that ends, a browser that dies, a second editor."""

import base64
import re
from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Browser, Dialog, Page, Route, expect

from tests.browser.cast import PASSWORD
from tests.browser.windows import opened, sign_in


@pytest.fixture
def second(browser: Browser, size: str) -> Iterator[Page]:
    """A window of another browser."""
    with opened(browser, size) as page:
        yield page


def begin_draft(page: Page, site: str, title: str) -> str:
    """Sign in, save a draft and return its address."""
    sign_in(page, site, "erin")
    return write_draft(page, site, title)


def write_draft(page: Page, site: str, title: str) -> str:
    page.goto(f"{site}/admin/cms/post/add/")
    page.locator("#id_title").fill(title)
    type_text(page, "First words.")
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_url("**/change/")
    return page.url


def save_draft(page: Page) -> None:
    """Wait for the page that follows: the one before may say of another save that it was done."""
    with page.expect_navigation():
        page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("was saved")).to_be_visible()


def type_text(page: Page, text: str, at: str = "Control+End") -> None:
    page.locator(".CodeMirror").click()
    page.keyboard.press(at)
    page.keyboard.type(text)


def test_a_session_that_ends_while_writing_costs_a_password_and_no_word(page: Page, site: str) -> None:
    begin_draft(page, site, "Ended session")
    type_text(page, " Written in the last minute.")
    page.context.clear_cookies(name="sessionid")
    page.keyboard.press("Control+s")
    sign_in_again(page)
    expect(page.locator("#id_content")).to_have_value("First words. Written in the last minute.")


def sign_in_again(page: Page) -> None:
    """Sign in in the form's dialog, and wait until that has saved the text."""
    frame = page.frame_locator("#sign-in iframe")
    frame.get_by_label("Username or e-mail address").fill("erin")
    frame.get_by_label("Password").fill(PASSWORD)
    with page.expect_navigation():
        frame.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("was saved")).to_be_visible()


def test_a_form_whose_browser_somebody_else_uses_now_says_so_and_asks_once(page: Page, site: str) -> None:
    """It went from the dialog to the session and back, some twenty times a second."""
    begin_draft(page, site, "Somebody else")
    type_text(page, " Written before the change of user.")
    page.context.clear_cookies(name="sessionid")
    sign_in(page, site, "chief")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/session/") else None)
    page.keyboard.press("Control+s")
    expect(page.get_by_text("Another user is signed in in this browser now.")).to_be_visible()
    expect(page.locator("#editor-state")).to_have_text("Not saved. Your text is kept in this browser.")
    expect(page.locator("#sign-in")).to_be_hidden()
    page.get_by_role("button", name="Log out and sign in again").click()
    sign_in_again(page)
    expect(page.locator("#id_content")).to_have_value("First words. Written before the change of user.")
    assert len(asked) == 3  # on saving, after the logout, and after the login


def test_a_browser_that_dies_while_writing_offers_the_text_again(page: Page, site: str) -> None:
    address = begin_draft(page, site, "Dead browser")
    type_text(page, " Nearly lost.")
    expect(page.locator("#editor-state")).to_contain_text("Kept in this browser")
    again = page.context.new_page()
    page.close()  # without the question that leaving asks
    again.goto(address)
    expect(again.locator("#id_content")).to_have_value("First words.")
    again.get_by_role("button", name="Restore").click()
    expect(again.locator("#id_content")).to_have_value("First words. Nearly lost.")
    save_draft(again)
    expect(again.get_by_role("button", name="Restore")).to_have_count(0)


def test_publish_puts_what_is_on_the_screen_in_public(page: Page, size: str, site: str) -> None:
    begin_draft(page, site, f"On the screen {size}")
    type_text(page, " Only typed.")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("was published")).to_be_visible()
    assert "Only typed." in page.request.get(f"{site}/api/v2/posts/on-the-screen-{size}").text()


def test_two_editors_see_each_other_and_keep_both_texts(page: Page, second: Page, site: str) -> None:
    address = begin_draft(page, site, "Two editors")
    sign_in(second, site, "chief")
    second.goto(address)
    expect(second.locator("#editor-notices")).to_contain_text("Erin is editing this post too.")
    type_text(second, "\n\nTheirs.")
    second.locator("#id_meta_title").fill("For search")
    save_draft(second)
    type_text(page, "Mine.\n\n", at="Control+Home")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("has changed this post too")).to_be_visible()
    expect(page.locator("#id_content")).to_have_value("Mine.\n\nFirst words.\n\nTheirs.")
    save_draft(page)
    expect(page.locator("#id_meta_title")).to_have_value("For search")


def hurry(route: Route) -> None:
    """Let the page keep its text on the server every second, not every half a minute."""
    if route.request.method != "GET":
        return route.continue_()
    answer = route.fetch()
    body = answer.text().replace('"autosaveEveryMs": 30000', '"autosaveEveryMs": 1000')
    return route.fulfill(response=answer, body=body)


def open_hurried(page: Page, address: str) -> None:
    page.route(address, hurry)
    page.goto(address)


def test_saving_in_one_browser_leaves_what_another_has_kept_on_the_server(page: Page, second: Page, site: str) -> None:
    address = begin_draft(page, site, "Two browsers")
    sign_in(second, site, "erin")
    open_hurried(second, address)
    type_text(second, " A long chapter.")
    expect(second.locator("#editor-state")).to_contain_text("Kept on the server")
    page.locator("#id_title").fill("Two browsers of one writer")
    save_draft(page)
    expect(page.get_by_role("link", name="Open it here")).to_have_count(1)
    with second.expect_response("**/autosave/") as kept:
        type_text(second, " Its end.")
    assert kept.value.ok
    save_draft(second)
    expect(second.locator("#id_title")).to_have_value("Two browsers of one writer")
    expect(second.locator("#id_content")).to_have_value("First words. A long chapter. Its end.")
    expect(second.get_by_role("link", name="Open it here")).to_have_count(0)


def test_a_copy_of_the_browser_that_is_restored_and_saved_ends_its_draft_on_the_server(page: Page, site: str) -> None:
    address = begin_draft(page, site, "Kept twice")
    open_hurried(page, address)
    type_text(page, " Nearly lost.")
    expect(page.locator("#editor-state")).to_contain_text("Kept on the server")
    again = page.context.new_page()
    page.close()
    again.goto(address)
    expect(again.get_by_role("link", name="Open it here")).to_have_count(1)
    again.get_by_role("button", name="Restore").click()
    save_draft(again)
    expect(again.locator("#id_content")).to_have_value("First words. Nearly lost.")
    expect(again.get_by_role("link", name="Open it here")).to_have_count(0)


EDITOR = re.compile(r"/cms/editor(\.[0-9a-f]+)?\.js$")
PASTE = """async (base64) => {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "boat.png", { type: "image/png" }));
  const event = new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true });
  document.querySelector(".CodeMirror-code").dispatchEvent(event);
}"""


def test_a_pasted_picture_is_uploaded_described_and_shown_in_the_preview(
    browser: Browser, page: Page, size: str, site: str
) -> None:
    begin_draft(page, site, f"A pasted picture {size}")
    type_text(page, "\n\n")
    paste_picture(page, "A [blue] boat")
    page.get_by_role("button", name="Preview beside the text").click()
    shown = page.locator(".editor-preview-side img")
    expect(shown).to_have_attribute("alt", "A [blue] boat")
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 64
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("was published")).to_be_visible()
    with browser.new_context() as stranger:
        address = shown_address(stranger.request.get(f"{site}/api/v2/posts/a-pasted-picture-{size}").text())
        assert stranger.request.get(f"{site}{address}").headers["content-type"] == "image/png"


COVER = """() => {
  const cover = document.createElement("div");
  cover.style.cssText = "position: fixed; inset: 0; z-index: 50";
  document.querySelector(".editor-preview-side").append(cover);
}"""

ON_TOP = """() => {
  const bar = document.querySelector(".editor-actions");
  const [across, down] = [document.querySelector(".editor-preview-side"), bar].map((one) => one.getBoundingClientRect());
  return bar.contains(document.elementFromPoint(across.x + across.width / 2, down.y + down.height / 2));
}"""


def test_a_text_covers_nothing_of_the_page_around_its_preview(page: Page, size: str, site: str) -> None:
    """A link over the whole page took an editor who clicked on a button to its author's server."""
    begin_draft(page, site, f"A cover {size}")
    type_text(page, '\n\n<span class="fixed inset-0 z-50">A cover</span>' + "\n\nA line." * 40)
    page.get_by_role("button", name="Preview beside the text").click()
    preview = page.locator(".editor-preview-side")
    expect(preview).to_contain_text("A cover")
    assert preview.locator("[class]").count() == 0
    page.evaluate(COVER)
    page.evaluate("scrollTo(0, 0)")
    assert page.evaluate(ON_TOP)
    save_draft(page)


def paste_picture(page: Page, alternative: str) -> None:
    picture = BytesIO()
    Image.new("RGB", (64, 48), "navy").save(picture, "PNG")
    page.evaluate(PASTE, base64.b64encode(picture.getvalue()).decode())
    page.get_by_label("Alternative text").fill(alternative)
    page.get_by_role("button", name="Insert").click()
    expect(page.locator(".CodeMirror")).to_contain_text("](/api/v2/media/")


def shown_address(text: str) -> str:
    found = re.search(r"/api/v2/media/[0-9a-f-]+/content", text)
    assert found
    return found[0]


def test_a_server_that_is_busy_saves_nothing_and_loses_nothing(refused: Page, site: str) -> None:
    address = begin_draft(refused, site, "Busy server")
    type_text(refused, " Nearly lost.")
    answered: list[str] = []

    def refuse_once(route: Route) -> None:
        if route.request.method == "POST" and not answered:
            answered.append(route.request.url)
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="Busy")
        else:
            route.continue_()

    refused.route(address, refuse_once)
    refused.get_by_role("button", name="Save draft").click()
    expect(refused.get_by_text("Busy", exact=True)).to_be_visible()
    refused.goto(address)
    refused.get_by_role("button", name="Restore").click()
    expect(refused.locator("#id_content")).to_have_value("First words. Nearly lost.")
    save_draft(refused)
    expect(refused.get_by_role("button", name="Restore")).to_have_count(0)


def test_a_text_that_the_server_does_not_keep_stays_in_the_browser(refused: Page, site: str) -> None:
    address = begin_draft(refused, site, "Not kept")
    open_hurried(refused, address)
    excerpt = "Long. " * 400
    refused.locator("#id_excerpt").fill(excerpt)
    refused.wait_for_function("() => Object.keys(localStorage).some((key) => key.startsWith('tandem:writing:'))")
    expect(refused.locator("#editor-state")).to_contain_text("excerpt: At most 2,000 characters are kept.")
    again = refused.context.new_page()
    refused.close()
    again.goto(address)
    again.get_by_role("button", name="Restore").click()
    expect(again.locator("#id_excerpt")).to_have_value(excerpt)


def test_a_preview_waits_while_the_server_is_busy(refused: Page, site: str) -> None:
    begin_draft(refused, site, "Busy preview")
    asked: list[str] = []

    def refuse_once(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="Busy")
        else:
            route.continue_()

    refused.route("**/post/preview/", refuse_once)
    refused.get_by_role("button", name="Preview beside the text").click()
    expect(refused.locator(".editor-preview-side")).to_contain_text("First words.")
    assert len(asked) == 2


def hold(page: Page, address: str | re.Pattern[str]) -> list[Route]:
    """Keep requests waiting, in the list that is returned."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(address, keep)
    return held


def test_saving_ends_the_draft_that_the_server_is_about_to_confirm(page: Page, site: str) -> None:
    address = begin_draft(page, site, "Slow line")

    def confirm_late(route: Route) -> None:
        answer = route.fetch()
        page.get_by_role("button", name="Save draft").click()
        for _ in range(3):  # time enough for a form that does not wait
            page.request.get(f"{site}/admin/session/")
        route.fulfill(response=answer)

    page.route("**/autosave/", confirm_late)
    open_hurried(page, address)
    with page.expect_navigation():
        page.locator("#id_title").fill("Kept and saved at once")
    expect(page.locator("#id_title")).to_have_value("Kept and saved at once")
    expect(page.get_by_role("link", name="Open it here")).to_have_count(0)


def test_words_typed_before_the_scripts_come_are_kept(page: Page, site: str) -> None:
    sign_in(page, site, "erin")
    held = hold(page, EDITOR)
    with page.expect_request(EDITOR):
        page.goto(f"{site}/admin/cms/post/add/", wait_until="commit")
    page.locator("#id_title").fill("Typed early")
    for route in held:
        route.continue_()
    expect(page.locator("#editor-state")).to_contain_text("Kept in this browser")
    with page.expect_event("dialog") as asked:
        page.evaluate("setTimeout(() => location.reload())")
    assert asked.value.type == "beforeunload"
    asked.value.accept()


def test_a_form_that_nobody_touched_is_left_without_a_question(page: Page, site: str) -> None:
    begin_draft(page, site, "Untouched")
    page.locator("#id_title").click()  # without a touch of the page no browser asks
    asked: list[str] = []

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    page.reload()
    assert asked == []
