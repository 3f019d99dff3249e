"""A real browser and a real server with content of its own. Without Chromium: skipped aloud, or failed in CI."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from tests.databases import copied_database, process_env
from tests.servers import manage, serve

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMIUM_OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
TIMEOUT_MS = 60_000
"""Of all that a page is waited for: it bounds what hangs."""
BUSY = 503
expect.set_options(timeout=TIMEOUT_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole session: while Playwright's event loop lives in this thread, Django's ORM refuses to work."""
    if CHROMIUM is None:
        missing = "Chromium is not installed (Debian/Ubuntu: apt-get install chromium)."
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)


@dataclass(frozen=True)
class Running:
    base_url: str
    env: dict[str, str]


@pytest.fixture(scope="session")
def running(template_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with the content of `content.py`, in a database of its own.

    The content is made by another process, for the same reason.
    """
    folder = tmp_path_factory.mktemp("browser")
    with copied_database(template_of("sqlite"), folder) as url:
        env = {**process_env(url), "MEDIA_ROOT": str(folder / "media"), "RATE_LIMIT_LOGIN": "1000"}
        done = manage("shell", "-c", "from tests.browser.content import make_content; make_content()", env=env)
        assert done.returncode == 0, done.stderr
        with serve(env) as server:
            yield Running(server.base_url, env)
            assert "Traceback" not in server.log, server.log


@pytest.fixture(scope="session")
def site(running: Running) -> str:
    """Return the server's address."""
    return running.base_url


@pytest.fixture
def work(running: Running) -> Callable[[], str]:
    """Do what waits for a worker, and return what it printed: the mails."""

    def do() -> str:
        done = manage("run_worker", "--once", env=running.env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return do


def is_of_pictures(address: str) -> bool:
    """Whether a page may be refused it for a while: the server works on one picture at a time, and the page asks again."""
    return "/cms/mediafile/" in address and ("/file/?size=" in address or address.endswith("/upload/"))


def _is_fault(message: ConsoleMessage) -> bool:
    is_busy = f"status of {BUSY}" in message.text and is_of_pictures(message.location["url"])
    return message.type == "error" and not is_busy


def _is_refusal(answer: Response) -> bool:
    return answer.status >= 400 and not (answer.status == BUSY and is_of_pictures(answer.url))


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A window of its own whose test fails on any error in the console and any request that failed."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if _is_fault(message) else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    # Aborted by the page itself: a list of proposals isn't waited for once more is typed or the page is left.
    page.on(
        "requestfailed",
        lambda failed: troubles.append(f"failed: {failed.url}") if failed.failure != "net::ERR_ABORTED" else None,
    )
    page.on(
        "response", lambda answer: troubles.append(f"{answer.status}: {answer.url}") if _is_refusal(answer) else None
    )
    yield page
    context.close()
    assert troubles == []
