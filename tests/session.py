"""The pytest plugin that comes before all others: it gives the settings real engines before anything reads them.

Loaded by `-p tests.session` (pyproject.toml), since pytest-django imports the settings before any conftest.
`TEST_DATABASE=sqlite` runs the session on SQLite and the in-process cache.
"""

import atexit
import os
import re
import secrets
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from tests.engines import Engines, shared_engines

ROOT = Path(__file__).resolve().parent.parent
APP_VARIABLES = re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', (ROOT / "cms/settings.py").read_text())
# This process's own, gone at its end: what a run leaves would be found by the next. Who writes media sets MEDIA_ROOT.
PLACE = Path(tempfile.mkdtemp(prefix="tandem-tests-"))
MEDIA = PLACE / "media"
OWNER = os.getpid()
# The same in all workers of xdist, which inherit the controller's environment.
RUN = os.environ.setdefault("TANDEM_RUN", secrets.token_hex(6))
CORPORA = ROOT.parent / "shared" / "corpora"


@atexit.register  # also of a run that ends before it begins
def _remove() -> None:
    if os.getpid() == OWNER:  # and no child
        shutil.rmtree(PLACE, ignore_errors=True)


def patient(redis_url: str | None) -> str:
    """So that nobody does without Redis because the machine is busy for a quarter of a second; what a URL says is stronger."""
    return f"{redis_url}&socket_timeout=60&socket_connect_timeout=60" if redis_url else ""


def _prepare() -> Engines:
    """A setting of the developer's shell must not change a test, so only ours remain."""
    for name in APP_VARIABLES:
        os.environ.pop(name, None)
    engines = shared_engines()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "master")
    is_sqlite = os.environ.get("TEST_DATABASE") == "sqlite" or engines.database_url is None
    os.environ["DATABASE_URL"] = f"sqlite:///{PLACE}/tests.sqlite3" if is_sqlite else str(engines.database_url)
    os.environ["REDIS_URL"] = "" if is_sqlite else patient(engines.redis_url_for(worker))
    os.environ["MEDIA_ROOT"] = str(MEDIA)
    os.environ["CANARY_BULKHEAD"] = "1000"  # tests of writers at once are not about it
    os.environ["SECRET_KEY"] = "only-for-tests-0123456789-0123456789-0123456789"
    return engines


ENGINES = _prepare()
# In the ordinary run Hypothesis makes up the same examples each time, and none fails for the time it takes on a busy machine.
# `make soak` draws others: --hypothesis-profile=drawn.
settings.register_profile("ordinary", derandomize=True, deadline=None)
settings.register_profile("drawn", derandomize=False, deadline=None, print_blob=True)
settings.load_profile("ordinary")


# Files with few tests that take long, by what was measured. Begun last, they would keep one core for minutes after the other.
LONG = (
    *("tests/rehearsal/", "tests/leaks/", "tests/canary/live/", "tests/cms/search/test_18f_words.py", "tests/load/"),
    *("tests/live/test_schemathesis.py", "tests/live/test_generated_clients.py", "tests/test_v1_removal.py"),
    *("tests/cms/exporters/test_round_trip.py", "tests/cms/importers/", "tests/faults/", "tests/browser/"),
    *("tests/canary/judging/test_processes.py", "tests/test_gates.py", "tests/scale/", "tests/bench/"),
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order is otherwise that of --randomly-seed. `make test` passes --no-loadscope-reorder: xdist would sort by counts."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    database = "SQLite" if os.environ["DATABASE_URL"].startswith("sqlite") else "PostgreSQL"
    terminalreporter.write_line(f"Tests used {database}. Engines: {'; '.join(ENGINES.summary()) or 'none'}.")


def pytest_unconfigure() -> None:
    _remove()
    ENGINES.stop()  # in a worker of xdist it stops nothing: the controller started them
