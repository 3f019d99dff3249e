"""Two-factor sign-in in a real browser: a code typed, a passkey from Chromium's virtual authenticator, a forgotten password."""

import base64
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cms.tokens.second_factors import STEP_S, code_at
from tests.browser.cast import PASSWORD
from tests.browser.pages import look
from tests.browser.windows import sign_in


@pytest.fixture
def here(site: str) -> str:
    """The site under a name: passkeys are bound to one, and an address is none."""
    return site.replace("127.0.0.1", "localhost")


@pytest.fixture
def keyed(page: Page) -> Page:
    """A window with an authenticator of its own, which says yes by itself."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, "isUserVerified": True}})
    return page


def enter_password(page: Page, here: str, name: str) -> None:
    page.goto(f"{here}/admin/login/")
    page.get_by_label("Username or e-mail address").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def open_changes(page: Page, here: str) -> None:
    page.goto(f"{here}/admin/two-factor/")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()


def code_of(secret: str, steps: int = 0) -> str:
    return code_at(base64.b32decode(secret), int(time.time()) // STEP_S + steps)


def test_an_app_is_added_and_asked_for_at_the_next_login(page: Page, size: str, here: str, axe: Path) -> None:
    name = f"pia_{size}"
    sign_in(page, here, name)
    page.goto(f"{here}/admin/two-factor/")
    look(page, axe, "overview")
    open_changes(page, here)
    page.get_by_role("link", name="Add an app").click()
    expect(page.locator("#qr-code svg")).to_be_visible()
    look(page, axe, "add-app")
    secret = page.locator("#app-key").inner_text()
    page.get_by_role("textbox", name="Code").fill(code_of(secret))
    page.get_by_role("button", name="Add the app").click()
    expect(page.locator("#recovery-codes li")).to_have_count(10)
    look(page, axe, "recovery-codes")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    kept = download.value.path().read_text().split()
    assert kept == page.locator("#recovery-codes li").all_inner_texts()
    page.context.clear_cookies()
    enter_password(page, here, name)
    # Whether a window has the focus is up to the browser, where several are open.
    expect(page.get_by_role("textbox", name="Code")).to_have_attribute("autofocus", "")
    look(page, axe, "second-step")
    page.get_by_role("textbox", name="Code").fill(code_of(secret, 1))  # that of this half minute is used up
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{here}/admin/")


def test_a_passkey_is_added_and_used_at_the_next_login(keyed: Page, size: str, here: str, axe: Path) -> None:
    name = f"tuck_{size}"
    sign_in(keyed, here, name)
    open_changes(keyed, here)
    keyed.get_by_role("link", name="Add a passkey").click()
    keyed.get_by_label("Name").fill("Phone")
    look(keyed, axe, "add-passkey")
    keyed.get_by_role("button", name="Create the passkey").click()
    expect(keyed.locator("#recovery-codes li")).to_have_count(10)
    keyed.get_by_role("link", name="I have saved them").click()
    expect(keyed.locator("#passkeys")).to_contain_text("Phone")
    look(keyed, axe, "passkeys")
    keyed.context.clear_cookies()
    enter_password(keyed, here, name)
    keyed.wait_for_url("**/login/second-step/")
    look(keyed, axe, "second-step-passkey")
    keyed.get_by_role("button", name="Use a passkey").click()
    keyed.wait_for_url(f"{here}/admin/")
    keyed.goto(f"{here}/admin/two-factor/")
    expect(keyed.locator("#passkeys")).to_contain_text("Last used on")


@pytest.mark.slow
def test_a_forgotten_password_is_asked_for_on_the_login_page(page: Page, here: str, axe: Path) -> None:
    page.goto(f"{here}/admin/login/")
    look(page, axe, "login")
    page.get_by_role("link", name="Forgotten your password").click()
    look(page, axe, "forgotten-password")
    page.get_by_label("E-mail address").fill("sam@example.org")
    page.get_by_role("button", name="Send the mail").click()
    expect(page.get_by_text("a mail is on its way")).to_be_visible()
    look(page, axe, "mail-sent")
