"""A read that v2 fails and v1 answers is one request for everything that counts requests."""

import errno
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api_v1.views.tags import TagListView as TagListOfV1
from api_v2.views.terms import TagsView
from canary.conf import BUSY
from canary.recording import recorder
from canary.services import set_weight
from canary.state import store
from cms.costs.turns import Busy
from cms.models import ApiKey, User
from tests.canary.seeing import fresh_recorder
from tests.versions.conftest import Browser, with_key, with_token

pytestmark = pytest.mark.django_db
TAGS = "/api/tags"


@pytest.fixture(autouse=True)
def everybody_on_v2(settings: Any) -> Iterator[None]:
    settings.PUBLIC_CACHE_MB = 0  # an answer that is kept fails nobody
    with fresh_recorder():
        at = store.refresh().version
        set_weight(weight_bp=10_000, actor="cli:test", reason="a test", expected_version=at, now=timezone.now())
        store.refresh()
        yield


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`fail(error)`: v2's tags raise it; `fail(error, TagListOfV1)`: v1's do."""

    def plant(error: Exception, view: type[Any] = TagsView) -> None:
        def explode(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(view, "get", explode)

    return plant


def answered_by(client: Client, **headers: str) -> str:
    response = client.get(TAGS, headers=headers)
    return f"{response.headers.get('API-Version')}: {response.status_code}"


def test_a_rate_limit_counts_it_once(fail: Callable[..., None], settings: Any) -> None:
    settings.RATE_LIMIT_ANONYMOUS = 3
    fail(RuntimeError("planted"))
    assert [answered_by(Client()) for _ in range(4)] == ["1: 200"] * 3 + ["2: 429"]


def test_a_failure_ahead_of_the_count_is_counted_by_the_version_that_answers(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("planted")

    settings.RATE_LIMIT_ANONYMOUS = 3
    monkeypatch.setattr(TagsView, "dispatch", explode)
    client = Client(raise_request_exception=False)
    assert [answered_by(client) for _ in range(4)] == ["1: 200"] * 3 + ["1: 429"]


def test_each_version_asks_who_it_is_and_the_use_of_a_key_is_noted_once(
    fail: Callable[..., None], author: User, raw_key_of: Callable[..., str]
) -> None:
    client = with_key(raw_key_of(author, "posts:read"))
    fail(RuntimeError("planted"))
    with CaptureQueriesContext(connection) as queries:
        assert answered_by(client) == "1: 200"
    assert sum("UPDATE" in query["sql"] for query in queries) == 1
    assert ApiKey.objects.get().last_used_at is not None


def test_a_token_and_a_browser_are_known_to_the_version_that_answers(
    fail: Callable[..., None], mia: User, client_of: Callable[[User], Client]
) -> None:
    fail(RuntimeError("planted"))
    browser = Browser(mia)
    for client in (client_of(mia), browser.client):
        assert answered_by(client) == "1: 200"
    seen = [one for one in recorder.queue.drain() if one.path == TAGS]
    assert [(one.answer.reason, one.person is not None) for one in seen] == [("bucket", True), ("failover", True)] * 2  # type: ignore[union-attr]
    assert answered_by(with_token("no token")) == "2: 401"


AWAY = OperationalError("the connection is lost")
TOO_SLOW = OperationalError("canceling statement due to statement timeout")
TOO_SLOW.__cause__ = psycopg.errors.QueryCanceled()


def test_a_database_that_is_away_is_so_for_both_versions(fail: Callable[..., None]) -> None:
    fail(AWAY)
    assert answered_by(Client()) == "2: 503"


@pytest.mark.parametrize(("view", "version"), [(TagListOfV1, 1), (TagsView, 2)])
def test_an_outage_is_recorded_as_one_by_either_version(
    fail: Callable[..., None], view: type[Any], version: int
) -> None:
    fail(AWAY, view)
    assert Client().get(f"/api/v{version}/tags").status_code == 503
    assert [one.away for one in recorder.queue.drain()] == [True]


def test_a_file_that_v2_alone_writes_where_nothing_may_be_written_is_its_failure(fail: Callable[..., None]) -> None:
    fail(OSError(errno.EROFS, "Read-only file system", "/app/cache"))
    assert answered_by(Client()) == "1: 200"


def test_a_statement_that_took_too_long_is_a_failure_of_its_version(fail: Callable[..., None]) -> None:
    fail(TOO_SLOW)
    assert answered_by(Client()) == "1: 200"


STATES = psycopg.errors


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        *((of_its_own, "1: 200") for of_its_own in (STATES.DeadlockDetected, STATES.LockNotAvailable)),
        *((of_its_own, "1: 200") for of_its_own in (STATES.OutOfMemory, STATES.ConfigurationLimitExceeded)),
        *((shared, "2: 503") for shared in (STATES.TooManyConnections, STATES.AdminShutdown, STATES.ConnectionFailure)),
        *((shared, "2: 503") for shared in (STATES.DiskFull, STATES.IoError, STATES.ReadOnlySqlTransaction)),
    ],
)
def test_what_a_database_that_is_there_refuses_a_statement_is_its_versions_too(
    fail: Callable[..., None], cause: type[Exception], told: str
) -> None:
    error = OperationalError("refused")
    error.__cause__ = cause()
    fail(error)
    assert answered_by(Client()) == told


def test_v1_answers_what_v2_is_too_busy_for(fail: Callable[..., None]) -> None:
    fail(Busy("requests wait for one answer"))
    assert answered_by(Client()) == "1: 200"
    seen = [(one.answer.reason, one.status, one.away) for one in recorder.queue.drain()]  # type: ignore[union-attr]
    assert seen == [("bucket", 503, BUSY), ("busy", 200, False)]


def test_where_both_are_too_busy_v1_says_so(fail: Callable[..., None]) -> None:
    for view in (TagsView, TagListOfV1):
        fail(Busy("searches run"), view)
    assert answered_by(Client()) == "1: 503"


def test_where_v1_fails_too_its_own_failure_is_told(fail: Callable[..., None]) -> None:
    fail(RuntimeError("planted"))
    fail(RuntimeError("planted"), TagListOfV1)
    assert answered_by(Client()) == "1: 500"


def test_what_v1_lacks_keeps_the_failure_of_v2(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr("api_v2.views.me.MeView.get", explode)
    assert Client().get("/api/me").status_code == 500
