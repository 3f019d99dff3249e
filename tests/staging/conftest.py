"""One staging for the session, started by the same code as `make staging-local`, on ports of its own.

Every test leaves it as it found it: both web processes, controller, worker, PostgreSQL and Redis run.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.staging_local.errors import StagingError
from scripts.staging_local.ports import USUAL
from scripts.staging_local.proxy import find_nginx
from scripts.staging_local.stack import new_stack
from tests.servers import free_port, spawn
from tests.staging.site import Staging

UNLIMITED = {
    f"RATE_LIMIT_{name}": "0" for name in ("ANONYMOUS", "CREDENTIAL", "REGISTER", "LOGIN", "COMMENTS", "OWN_CHANGES")
}
FIGURES: list[str] = []
# Buckets hang on it: of the clients that test_timetable.py names, 28 of 300 are on v2 at 10 %, 152 at 50 % and 263 at 90 %, and
# 93 of 900 at 10 %, where a plan's first step needs 73. With a key drawn anew one run in forty would have fewer than those.
SECRET_KEY = "only-for-staging-tests-0123456789-0123456789-0123456789-0123456789"


def need_nginx() -> None:
    try:
        find_nginx()
    except StagingError as error:
        if os.environ.get("REQUIRE_SERVICES", "").lower() in ("1", "true"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def staging() -> Iterator[Staging]:
    need_nginx()
    # Not pytest's own folder: nobody but us may enter that, and PostgreSQL's user is another one.
    with tempfile.TemporaryDirectory(prefix="tandem-staging-test-") as folder:
        Path(folder).chmod(0o711)
        (Path(folder) / "secrets.env").write_text(f"SECRET_KEY={SECRET_KEY}\n")
        ports = {name: free_port() for name in USUAL}
        more = {**UNLIMITED, "WEBHOOKS_ALLOW_PRIVATE": "true", "CANARY_SHADOW_PERCENTAGE": "0"}
        stack = new_stack(Path(folder), ports, more, spawn=spawn)
        stack.up()
        site = Staging(stack, FIGURES)
        try:
            yield site
        finally:
            site.close()
            site.anonymous.close()
            stack.down()


@pytest.fixture
def at_rest(staging: Staging) -> Iterator[Staging]:
    """Everybody on v1 before and after."""
    staging.reset()
    yield staging
    staging.reset()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for figure in FIGURES:
        terminalreporter.write_line(f"staging: {figure}")
