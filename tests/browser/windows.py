"""Windows of the browser at the two widths of the stories, who is signed in there, and the faults they must not show."""

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, ViewportSize

from tests.browser.cast import PASSWORD, SIZES

TIMEOUT_MS: Final = 60_000
"""Of all that a page is waited for: it bounds what hangs."""
BUSY: Final = 503


def viewport(size: str) -> ViewportSize:
    width, height = SIZES[size]
    return {"width": width, "height": height}


def resize(page: Page, size: str) -> None:
    page.set_viewport_size(viewport(size))


@contextlib.contextmanager
def opened(browser: Browser, size: str, **options: Any) -> Iterator[Page]:
    """A window with cookies of its own, which may get refusals. `options` are those of Playwright's contexts."""
    with browser.new_context(viewport=viewport(size), **options) as context:
        context.set_default_timeout(TIMEOUT_MS)
        yield context.new_page()


@contextlib.contextmanager
def watched(browser: Browser, size: str) -> Iterator[Page]:
    """A window whose test fails on any error in the console and any request that failed."""
    troubles: list[str] = []
    with opened(browser, size) as page:
        page.on("console", lambda message: troubles.append(message.text) if _is_fault(message) else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        # Aborted by the page itself: a list of proposals isn't waited for once more is typed or the page is left.
        page.on(
            "requestfailed",
            lambda failed: troubles.append(f"failed: {failed.url}") if failed.failure != "net::ERR_ABORTED" else None,
        )
        page.on(
            "response",
            lambda answer: troubles.append(f"{answer.status}: {answer.url}") if _is_refusal(answer) else None,
        )
        yield page
    assert not troubles, troubles


def is_of_pictures(address: str) -> bool:
    """Whether a page may be refused it for a while: the server works on one picture at a time, and the page asks again."""
    return "/cms/mediafile/" in address and ("/file/?size=" in address or address.endswith("/upload/"))


def _is_fault(message: ConsoleMessage) -> bool:
    is_busy = f"status of {BUSY}" in message.text and is_of_pictures(message.location["url"])
    return message.type == "error" and not is_busy


def _is_refusal(answer: Response) -> bool:
    return answer.status >= 400 and not (answer.status == BUSY and is_of_pictures(answer.url))


def sign_in(page: Page, site: str, name: str) -> None:
    """Sign in by two requests, without showing a page: what the form shows has stories of its own."""
    asked, address = page.context.request, f"{site}/admin/login/"
    asked.get(address, fail_on_status_code=True)
    answer = asked.post(
        address,
        form={"csrfmiddlewaretoken": _csrf_token(page.context), "username": name, "password": PASSWORD},
        headers={"Referer": address},
        max_redirects=0,
    )
    assert answer.status == 302, answer.text()


def _csrf_token(context: BrowserContext) -> str:
    return next(cookie["value"] for cookie in context.cookies() if cookie["name"] == "csrftoken")


def sign_in_by_form(page: Page, site: str, name: str, password: str = PASSWORD) -> None:
    """Fill in the login page, which is open, or to which the first page of the admin site leads."""
    if "/login/" not in page.url:
        page.goto(f"{site}/admin/")
    page.get_by_label("Username or e-mail address").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site}/admin/")  # whole: the address of the login page ends like this too


def open_menu(page: Page) -> None:
    """Show the side navigation, which stands behind a button on a phone."""
    page.wait_for_load_state()  # the button needs its script
    if page.viewport_size == viewport("phone"):
        page.get_by_role("button", name="Menu").click()


def open_actions(page: Page) -> None:
    """Show what can be done with a page's object, which stands behind a button on a phone."""
    page.wait_for_load_state()  # until scripts come, an action leads to a page, and opens no dialog
    if page.viewport_size == viewport("phone"):
        page.get_by_role("button", name="More actions").click()
