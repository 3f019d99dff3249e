"""A real browser and a real server with content of its own. Without Chromium: skipped aloud, or failed in CI."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.cast import SIZES
from tests.browser.windows import TIMEOUT_MS, opened, watched
from tests.databases import copied_database, process_env
from tests.servers import ROOT, manage, serve

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMIUM_OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
AXE = ROOT / "tests" / "browser" / "axe"
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


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    """Return the width of a story. Each is played at both, on one server: it needs names of its own at each."""
    return str(request.param)


@pytest.fixture
def page(browser: Browser, size: str) -> Iterator[Page]:
    """A window whose test fails on any error in the console and any request that failed."""
    with watched(browser, size) as page:
        yield page


@pytest.fixture
def refused(browser: Browser, size: str) -> Iterator[Page]:
    """A window that may get refusals."""
    with opened(browser, size) as page:
        yield page


@pytest.fixture
def unscripted(browser: Browser, size: str) -> Iterator[Page]:
    """A window without JavaScript."""
    with opened(browser, size, java_script_enabled=False) as page:
        yield page


@pytest.fixture
def screen(browser: Browser) -> Iterator[Page]:
    """A window as `page`, at one width: for tests that visit both by themselves, or that no width changes."""
    with watched(browser, "desktop") as page:
        yield page


@pytest.fixture(scope="session")
def axe() -> Path:
    """axe-core's script, the locked one, installed once for each state of the lock file."""
    npm = shutil.which("npm")
    if npm is None:
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail("npm is required (REQUIRE_SERVICES=1) and not on PATH")
        pytest.skip("npm is not on PATH (REQUIRE_SERVICES=1 makes that a failure)")
    digest = hashlib.sha256((AXE / "package-lock.json").read_bytes()).hexdigest()[:16]
    kept = ROOT / "build" / f"axe-{digest}"
    if not kept.is_dir():
        new = kept.with_name(f"{kept.name}.{os.getpid()}")
        new.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(AXE / name, new)
        subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=new, check=True, capture_output=True
        )
        new.rename(kept)
    return kept / "node_modules" / "axe-core" / "axe.min.js"
