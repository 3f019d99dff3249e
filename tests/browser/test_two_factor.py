"""Two-factor sign-in in a real browser: a code typed, a passkey from Chromium's virtual authenticator, a forgotten password."""

import base64
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from cms.tokens.second_factors import STEP_S, code_at
from tests.browser.content import PASSWORD
from tests.browser.test_rollout_page import axe, troubles_of  # noqa: F401 - a fixture

SHOTS = os.environ.get("TWO_FACTOR_SHOTS")
"""A directory, for whoever wants to look at every page."""
SIZES = {"screen": (1366, 900), "phone": (390, 844)}


@pytest.fixture
def here(site: str) -> str:
    """The site under a name: passkeys are bound to one, and an address is none."""
    return site.replace("127.0.0.1", "localhost")


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A window with an authenticator of its own, which says yes by itself."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, "isUserVerified": True}})
    yield page
    context.close()


@pytest.fixture
def look(axe: Path) -> Callable[[Page, str], None]:  # noqa: F811
    """No page is wider than the window at either size, or has a serious fault of accessibility."""

    def at(page: Page, name: str) -> None:
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, size)
            if SHOTS:
                page.screenshot(path=f"{SHOTS}/{name}-{size}.png", full_page=True)
        assert troubles_of(page, axe) == []

    return at


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


def test_an_app_is_added_and_asked_for_at_the_next_login(
    page: Page, here: str, look: Callable[[Page, str], None]
) -> None:
    enter_password(page, here, "pia")
    page.wait_for_url(f"{here}/admin/")
    page.goto(f"{here}/admin/two-factor/")
    look(page, "overview")
    open_changes(page, here)
    page.get_by_role("link", name="Add an app").click()
    expect(page.locator("#qr-code svg")).to_be_visible()
    look(page, "add-app")
    secret = page.locator("#app-key").inner_text()
    page.get_by_role("textbox", name="Code").fill(code_of(secret))
    page.get_by_role("button", name="Add the app").click()
    expect(page.locator("#recovery-codes li")).to_have_count(10)
    look(page, "recovery-codes")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    kept = download.value.path().read_text().split()
    assert kept == page.locator("#recovery-codes li").all_inner_texts()
    page.context.clear_cookies()
    enter_password(page, here, "pia")
    # Whether a window has the focus is up to the browser, where several are open.
    expect(page.get_by_role("textbox", name="Code")).to_have_attribute("autofocus", "")
    look(page, "second-step")
    page.get_by_role("textbox", name="Code").fill(code_of(secret, 1))  # that of this half minute is used up
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{here}/admin/")


def test_a_passkey_is_added_and_used_at_the_next_login(
    phone: Page, here: str, look: Callable[[Page, str], None]
) -> None:
    enter_password(phone, here, "tuck")
    open_changes(phone, here)
    phone.get_by_role("link", name="Add a passkey").click()
    phone.get_by_label("Name").fill("Phone")
    look(phone, "add-passkey")
    phone.get_by_role("button", name="Create the passkey").click()
    expect(phone.locator("#recovery-codes li")).to_have_count(10)
    phone.get_by_role("link", name="I have saved them").click()
    expect(phone.locator("#passkeys")).to_contain_text("Phone")
    look(phone, "passkeys")
    phone.context.clear_cookies()
    enter_password(phone, here, "tuck")
    phone.wait_for_url("**/login/second-step/")
    look(phone, "second-step-passkey")
    phone.get_by_role("button", name="Use a passkey").click()
    phone.wait_for_url(f"{here}/admin/")
    phone.goto(f"{here}/admin/two-factor/")
    expect(phone.locator("#passkeys")).to_contain_text("Last used on")


@pytest.mark.slow
def test_a_forgotten_password_is_asked_for_on_the_login_page(
    page: Page, here: str, look: Callable[[Page, str], None]
) -> None:
    page.goto(f"{here}/admin/login/")
    look(page, "login")
    page.get_by_role("link", name="Forgotten your password").click()
    look(page, "forgotten-password")
    page.get_by_label("E-mail address").fill("sam@example.org")
    page.get_by_role("button", name="Send the mail").click()
    expect(page.get_by_text("a mail is on its way")).to_be_visible()
    look(page, "mail-sent")
