"""The pytest plugin that comes before all others: it gives the settings real engines before anything reads them.

Loaded by `-p tests.session` (pyproject.toml), since pytest-django imports the settings before any conftest.
`TEST_DATABASE=sqlite` runs the session on SQLite and the in-process cache.
"""

import os
import re
import secrets
from pathlib import Path

import pytest

from tests.engines import Engines, shared_engines

ROOT = Path(__file__).resolve().parent.parent
APP_VARIABLES = re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', (ROOT / "cms/settings.py").read_text())
# The same in all workers of xdist, which inherit the controller's environment.
RUN = os.environ.setdefault("TANDEM_RUN", secrets.token_hex(6))
CORPORA = ROOT.parent / "shared" / "corpora"


def _prepare() -> Engines:
    """A setting of the developer's shell must not change a test, so only ours remain."""
    for name in APP_VARIABLES:
        os.environ.pop(name, None)
    engines = shared_engines()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "master")
    is_sqlite = os.environ.get("TEST_DATABASE") == "sqlite" or engines.database_url is None
    os.environ["DATABASE_URL"] = "sqlite:////tmp/tandem-tests.sqlite3" if is_sqlite else str(engines.database_url)
    os.environ["REDIS_URL"] = "" if is_sqlite else engines.redis_url_for(worker) or ""
    os.environ["MEDIA_ROOT"] = "/tmp/tandem-tests-media"
    os.environ["SECRET_KEY"] = "only-for-tests-0123456789-0123456789-0123456789"
    return engines


ENGINES = _prepare()


# Files with few tests that take long, by what was measured. Begun last, they would keep one core for minutes after the other.
LONG = (
    *("tests/rehearsal/", "tests/leaks/", "tests/canary/live/", "tests/cms/search/test_18f_words.py", "tests/load/"),
    *("tests/live/test_schemathesis.py", "tests/live/test_generated_clients.py", "tests/test_v1_removal.py"),
    *("tests/cms/exporters/test_round_trip.py", "tests/cms/importers/", "tests/faults/", "tests/browser/"),
    *("tests/canary/controller/test_processes.py", "tests/test_gates.py", "tests/scale/", "tests/bench/"),
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order is otherwise as it was, at random. `make test` passes --no-loadscope-reorder: xdist would sort by counts."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    database = "SQLite" if os.environ["DATABASE_URL"].startswith("sqlite") else "PostgreSQL"
    terminalreporter.write_line(f"Tests used {database}. Engines: {'; '.join(ENGINES.summary()) or 'none'}.")


def pytest_unconfigure() -> None:
    ENGINES.stop()  # in a worker of xdist it stops nothing: the controller started them
