"""Single sign-on in a real browser: from the button through the provider to the first page, or to a sentence."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_writing import type_text
from tests.databases import copied_database, process_env
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, providing
from tests.servers import manage, serve

ENABLED = "from cms.models import User; User.objects.filter(username='erin').update(email_verified=True)"
CONTENT = f"from tests.browser.content import make_content; make_content(); {ENABLED}"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with providing() as provider:
        yield provider


@pytest.fixture(scope="module")
def door(
    provider: Provider, template_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a server whose login page has the button."""
    oidc = {"OIDC_ISSUER": provider.issuer, "OIDC_CLIENT_ID": CLIENT_ID, "OIDC_CLIENT_SECRET": CLIENT_SECRET}
    with copied_database(template_of("sqlite"), tmp_path_factory.mktemp("single-sign-on")) as url:
        env = process_env(url, OIDC_NAME="Example Press", **oidc)
        done = manage("shell", "-c", CONTENT, env=env)
        assert done.returncode == 0, done.stderr
        with serve(env) as server:
            yield server.base_url
            assert "Traceback" not in server.log, server.log


def press_the_button(page: Page, door: str) -> None:
    page.goto(f"{door}/admin/")
    page.get_by_role("link", name="Sign in with Example Press").click()


def test_the_button_leads_through_the_provider_to_the_first_page(page: Page, provider: Provider, door: str) -> None:
    provider.claims = {"sub": "erin-1", "email": "erin@example.org", "email_verified": True}
    press_the_button(page, door)
    page.wait_for_url(f"{door}/admin/")
    expect(page.locator("#nav-sidebar")).to_contain_text("Posts")


def test_who_has_no_account_here_is_told_whom_to_ask(page: Page, provider: Provider, door: str) -> None:
    provider.claims = {"sub": "nobody", "email": "nobody@example.org", "email_verified": True}
    press_the_button(page, door)
    expect(page.get_by_text("Ask an admin of this site to create a user with the same e-mail address")).to_be_visible()
    page.get_by_role("link", name="Back to the login").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


@pytest.mark.slow
def test_a_writer_whose_session_has_ended_signs_in_again_in_a_tab_and_the_save_goes_on(
    refused: Page, provider: Provider, door: str
) -> None:
    """Providers refuse frames, and the dialog of the form is one. It asks for this and that without a session."""
    provider.claims = {"sub": "erin-1", "email": "erin@example.org", "email_verified": True}
    press_the_button(refused, door)
    refused.wait_for_url(f"{door}/admin/")
    refused.goto(f"{door}/admin/cms/post/add/")
    refused.locator("#id_title").fill("Ended session")
    type_text(refused, "Written in the last minute.")
    refused.context.clear_cookies()
    refused.keyboard.press("Control+s")
    with refused.expect_popup() as opened:
        refused.frame_locator("#sign-in iframe").get_by_role("link", name="Sign in with Example Press").click()
    expect(opened.value.get_by_text("You are signed in.")).to_be_visible()
    expect(refused.get_by_text("was saved")).to_be_visible()
    expect(refused.locator("#id_content")).to_have_value("Written in the last minute.")
