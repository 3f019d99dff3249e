"""From a request to the rows about it: what is counted, what counts as evidence, and what is left out."""

from collections.abc import Callable, Iterator

import pytest
from django.db.models import Count, Sum
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from canary.core.values import Identity
from canary.models import ConsumerUsage, MetricBucket, Observation, QueryFinding, SeenIdentity
from canary.models import Recorder as RecorderRow
from canary.recording import flushing, recorder, tally
from canary.recording.batches import Batch, Usage, UsageKey
from canary.recording.consumer_names import ConsumerNames
from canary.recording.flushing import flush
from canary.recording.writing import write_rows
from canary.requests.identity import COOKIE
from canary.services import add_to_list
from canary.state import store
from cms.models import User
from tests.canary.seeing import ARMS, ask, client_on, fresh_recorder, metrics_of, weight

pytestmark = pytest.mark.django_db
ON_ENTRANCE, ON_V1, ON_V2 = "/api/things/7", "/api/v1/things/7", "/api/v2/things/7"


@pytest.fixture(autouse=True)
def half(rollout: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Half of all clients are on v2, and what is seen of them counts for one bucket of time.

    Of those that are 5 s long a test would now and then meet the end of one.
    """
    rollout(0, **ARMS, WARM_UP_S=0)
    monkeypatch.setattr(tally, "BUCKET_S", 86_400)
    with fresh_recorder():
        weight(5_000)
        yield


def test_requests_become_a_row_for_each_version_and_route() -> None:
    on_v1, on_v2 = client_on(1), client_on(2)
    ask(ON_ENTRANCE, on_v1, times=3)
    ask(f"{ON_ENTRANCE}?status=500&times=2", on_v2)
    ask(f"{ON_ENTRANCE}?status=422", on_v2)
    ask("/api/nowhere/at/all", on_v2)
    flush()
    rows = {(row.api_version, row.route, row.judged): row for row in MetricBucket.objects.all()}
    assert set(rows) == {
        (1, "GET /things/{id}", True),
        (1, "GET /things/{id}", False),  # in place of v2, which failed
        (2, "GET /things/{id}", True),
        (2, "(unknown)", False),
    }
    v1, v2 = rows[1, "GET /things/{id}", True], rows[2, "GET /things/{id}", True]
    assert (v1.requests, v1.status_2xx, v1.sql, v1.weight_bp, v1.stage) == (3, 3, 0, 5_000, 1)
    assert (v2.requests, v2.status_5xx, v2.status_4xx, v2.client_errors) == (2, 1, 1, 1)
    assert (v2.sql, v2.sql_max) == (2, 2)
    assert sum(count for buckets in v1.histogram.values() for count in buckets.values()) == 3
    assert len(v1.histogram) == 1  # one client, one slice


NOT_EVIDENCE: dict[str, tuple[str, dict[str, str]]] = {
    "a version by header": (ON_ENTRANCE, {"api_version": "2"}),
    "a pinned path": (ON_V2, {}),
    "a robot": (ON_ENTRANCE, {"user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}),
    "a probe": (ON_ENTRANCE, {"user_agent": "kube-probe/1.31"}),
    "a health check": ("/api/health", {}),
    "a bad identity": (ON_ENTRANCE, {"x_client_id": "\x7f"}),
}


@pytest.mark.parametrize("kind", NOT_EVIDENCE)
def test_what_says_nothing_of_the_version_is_counted_but_no_evidence(kind: str) -> None:
    path, headers = NOT_EVIDENCE[kind]
    ask(path, client_on(2), **headers)
    flush()
    assert list(MetricBucket.objects.values_list("requests", "judged")) == [(1, False)]
    assert not Observation.objects.exists()


@pytest.mark.parametrize("status", [401, 403, 404, 405, 410, 429])
def test_a_refusal_is_observed_once_and_is_neither_a_good_answer_nor_a_failed_one(status: int) -> None:
    """A 404 that one version alone gives would otherwise look as if its users had been lost."""
    ask(f"{ON_ENTRANCE}?status={status}", client_on(2), times=4)
    flush()
    assert set(MetricBucket.objects.values_list("judged", flat=True)) == {False}
    assert metrics_of() == ["seen", "refusal"]


@pytest.mark.parametrize(("status", "is_refusal"), [(301, 1), (302, 1), (307, 1), (308, 1), (303, 0), (201, 0)])
def test_a_write_that_is_sent_elsewhere_is_a_refusal_and_a_read_is_none(status: int, is_refusal: int) -> None:
    """A v2 that answered each write by 302 and stored nothing came to 100 %. 303 says that the write is done."""
    ask(f"{ON_ENTRANCE}?status={status}", client_on(2))
    Client().options(f"{ON_ENTRANCE}?status={status}", headers={"x-client-id": client_on(2)})
    flush()
    assert metrics_of() == ["seen"]
    for method in ("post", "put", "patch", "delete"):
        getattr(Client(), method)(f"{ON_ENTRANCE}?status={status}", headers={"x-client-id": client_on(2)})
    flush()
    assert metrics_of(metric="refusal") == ["refusal"] * is_refusal


@pytest.mark.parametrize("path", ["/api/of-v2-alone", "/api/nowhere/at/all"])
def test_what_one_version_lacks_is_no_refusal(path: str) -> None:
    for version in (1, 2):
        ask(f"{path}?status=404", client_on(version))
    flush()
    assert metrics_of() == ["seen", "seen"]


def test_whoever_calls_a_request_synthetic_without_the_permission_is_judged() -> None:
    ask(ON_ENTRANCE, client_on(2), x_synthetic="1")
    ask(ON_V1, "mobile", x_synthetic="1")
    flush()
    assert metrics_of() == ["seen"]
    assert ConsumerUsage.objects.get().identifier == "mobile"


@pytest.mark.parametrize("name", ["allow", "exclude"])
def test_whoever_is_on_a_list_is_no_evidence(name: str) -> None:
    client = client_on(2)
    add_to_list(
        list=name,
        identity=Identity("client", client),
        actor="cli:test",
        reason="a test",
        expected_version=store.refresh().version,
        now=timezone.now(),
    )
    store.refresh()
    ask(ON_ENTRANCE, client)
    flush()
    assert list(MetricBucket.objects.values_list("judged", flat=True)) == [False]


@pytest.mark.parametrize(("role", "judged"), [("author", True), ("editor", False), ("admin", False)])
def test_staff_by_the_user_whom_the_view_let_in_is_no_evidence(
    rollout: Callable[..., None],
    make_user: Callable[..., User],
    client_of: Callable[[User], Client],
    django_assert_num_queries: DjangoAssertNumQueries,
    role: str,
    judged: bool,
) -> None:
    rollout(0, **ARMS | {"ARMS": {1: "api_v1.root_urls", 2: "api_v2.root_urls"}, "SUCCESSORS": "api_v1.successors"})
    weight(10_000)
    client = client_of(make_user(role))
    client.get("/api/posts")
    with django_assert_num_queries(2):  # its user, and the page: the recorder asks nothing
        client.get("/api/posts?limit=1")
    flush()
    assert list(MetricBucket.objects.values_list("judged", "route").distinct()) == [(judged, "GET /posts")]
    assert Observation.objects.filter(is_authenticated=True).exists() is judged


def test_a_version_that_fails_before_it_asks_who_it_is_fails_the_person(
    rollout: Callable[..., None], author: User, make_key: Callable[..., tuple[str, str]]
) -> None:
    rollout(0, **ARMS | {"ARMS": {1: "tests.canary.let_in_urls_v1", 2: "tests.canary.let_in_urls_v2"}})
    weight(10_000)
    _, raw_key = make_key(author, "posts:read")
    ask("/api/things", x_api_key=raw_key)
    ask("/api/before-anybody-is-asked", x_api_key=raw_key)
    flush()
    assert metrics_of(is_authenticated=True) == ["seen", "error"]


def test_a_unit_is_seen_then_measured_then_settled_once() -> None:
    ask(ON_ENTRANCE, client_on(2), times=7)
    flush()
    assert metrics_of() == ["seen", "latency", "settled"]
    assert set(Observation.objects.values_list("api_version", "weight_bp", "is_authenticated")) == {(2, 5_000, False)}
    assert len(set(Observation.objects.values_list("unit", "network"))) == 1
    latency = Observation.objects.get(metric="latency")
    assert latency.route == "GET /things/{id}"
    assert -5 < (latency.value or 0) < 8  # the logarithm of some milliseconds


def test_a_unit_that_fails_is_an_error_once_and_never_settles() -> None:
    client = client_on(1)
    ask(f"{ON_ENTRANCE}?status=503", client, times=3)
    ask(ON_ENTRANCE, client, times=4)
    flush()
    assert metrics_of() == ["seen", "error", "latency"]


def test_a_refusal_that_a_stricter_version_could_cause_is_observed_and_does_not_hinder_settling() -> None:
    ask(f"{ON_ENTRANCE}?status=422", client_on(2), times=3)
    flush()
    assert metrics_of() == ["seen", "refusal", "settled"]


def test_an_observation_carries_the_weight_of_its_own_decision() -> None:
    client = client_on(2)
    ask(ON_ENTRANCE, client)
    weight(9_000)
    ask(ON_ENTRANCE, client)
    flush()
    assert list(Observation.objects.order_by("pk").values_list("metric", "stage", "weight_bp")) == [
        ("seen", 1, 5_000),
        ("seen", 2, 9_000),
    ]


def test_a_statement_that_a_request_repeats_is_found_without_its_values() -> None:
    ask(f"{ON_ENTRANCE}?times=4", client_on(2))
    ask(f"{ON_ENTRANCE}?times=6", client_on(2), times=2)
    ask(f"{ON_ENTRANCE}?times=9", client_on(2))
    ask(f"{ON_V2}?times=50")
    flush()
    found = QueryFinding.objects.get()
    assert (found.api_version, found.route, found.repeats_max, found.requests) == (2, "GET /things/{id}", 9, 3)
    assert found.statement == "SELECT %s, ? WHERE ? IN (?, ?)"
    ask(f"{ON_ENTRANCE}?times=5", client_on(2))
    flush()
    found.refresh_from_db()
    assert (found.repeats_max, found.requests) == (9, 4)


def test_calls_of_v1_are_counted_by_consumer_route_and_day_and_added_up() -> None:
    ask(ON_V1, "mobile", times=2, user_agent="python-requests/2.31 x")
    ask(ON_V1, user_agent="curl/8")
    flush()
    ask(ON_V1, "mobile")
    ask("/api/v1/health")
    ask("/api/v1/no-such-thing", "mobile")
    ask(ON_V2, "mobile")
    flush()
    fields = ("kind", "identifier", "route", "calls", "refused", "agent")
    assert set(ConsumerUsage.objects.values_list(*fields)) == {
        ("client", "mobile", "GET /things/{id}", 3, 0, "python-requests"),
        ("anon", "", "GET /things/{id}", 1, 0, "curl"),
    }


@pytest.mark.parametrize(
    ("names", "bound"), [(12, 4), pytest.param(3_000, 1_000, marks=pytest.mark.slow)], ids=["a few", "thousands"]
)
def test_names_that_outsiders_make_up_are_bounded_and_all_their_calls_count(
    rollout: Callable[..., None], names: int, bound: int
) -> None:
    rollout(0, **ARMS, WARM_UP_S=0, ANONYMOUS_CONSUMERS=bound)
    for number in range(names):
        ask(ON_ENTRANCE if number % 2 else ON_V1, f"made-up-{number}")
        if number % (names // 3) == 1:
            flush()
    flush()
    with_name = ConsumerUsage.objects.exclude(identifier="")
    calls_of_v1 = MetricBucket.objects.filter(api_version=1).aggregate(sum=Sum("requests"))["sum"]
    assert with_name.count() == bound
    assert ConsumerUsage.objects.count() == bound + 1
    assert ConsumerUsage.objects.aggregate(sum=Sum("calls"))["sum"] == calls_of_v1
    # Units of evidence are all there: each has its row, until its retention ends.
    assert Observation.objects.filter(metric="seen").count() == SeenIdentity.objects.count() == names // 2


def test_processes_share_the_bound_and_known_names_stay(rollout: Callable[..., None]) -> None:
    rollout(0, **ARMS, ANONYMOUS_CONSUMERS=2)
    for name in ("a", "b"):
        ask(ON_V1, name)
    flush()
    flushing.outbox = flushing.Outbox()  # as another process, or after a restart
    for name in ("new", "b", "newer"):
        ask(ON_V1, name)
    flush()
    rows = ConsumerUsage.objects.values_list("identifier", "calls")
    assert set(rows) == {("a", 1), ("b", 2), ("", 2)}


def test_the_rows_of_made_up_names_are_bounded_too_and_all_their_calls_count(rollout: Callable[..., None]) -> None:
    rollout(0, **ARMS, ANONYMOUS_CONSUMERS=2)

    def rows_of(*usages: tuple[str, str]) -> set[tuple[str, int]]:
        batch, now = Batch(), timezone.now()
        for name, route in usages:
            batch.usage(UsageKey(now.date(), "client", name, route), lambda: Usage("", now)).calls += 1
        ConsumerNames().fold(batch)
        write_rows(batch, "a worker")
        rows = ConsumerUsage.objects.values("identifier").annotate(rows=Count("pk"))
        return {(row["identifier"], row["rows"]) for row in rows}

    routes = [f"GET /{number}" for number in range(20)]
    assert rows_of(("busy", routes[0]), ("other", routes[0])) == {("busy", 1), ("other", 1)}
    rows = rows_of(*(("busy", route) for route in routes), *(("third", route) for route in routes))
    assert rows == {("busy", 9), ("other", 1), ("", 20)}
    assert ConsumerUsage.objects.aggregate(sum=Sum("calls"))["sum"] == 42


def test_an_account_keeps_its_name_beyond_the_bound(rollout: Callable[..., None]) -> None:
    names = ConsumerNames()
    rollout(0, **ARMS, ANONYMOUS_CONSUMERS=0)
    batch, now = Batch(), timezone.now()
    for kind, name, is_vouched in (
        ("user", "u", True),
        ("key", "real", True),
        ("key", "x", False),
        ("client", "y", False),
    ):
        batch.usage(UsageKey(now.date(), kind, name, "GET /things"), lambda: Usage("", now)).is_vouched = is_vouched
    names.fold(batch)
    assert {(key.kind, key.identifier) for key in batch.usages} == {
        *(("user", "u"), ("key", "real")),
        *(("key", ""), ("client", "")),
    }


@pytest.mark.parametrize("has_unit", [True, False], ids=["the site names its people", "a good answer has to do"])
def test_a_key_that_was_not_let_in_is_nobody(rollout: Callable[..., None], has_unit: bool) -> None:
    rollout(0, **ARMS if has_unit else {name: value for name, value in ARMS.items() if name != "EVIDENCE_UNIT"})
    key = f"tdm_{'a' * 16}_{'b' * 40}"
    for status in (401, 404, 500):
        ask(f"{ON_V1}?status={status}", x_api_key=key)
    ask(ON_V1, x_api_key=key)
    flush()
    let_in = {("anon", "", 3, False), ("key", "a" * 16, 1, True)}
    found = {*ConsumerUsage.objects.values_list("kind", "identifier", "calls", "is_vouched")}
    assert found == ({("anon", "", 4, False)} if has_unit else let_in)


def test_a_refused_call_of_v1_is_a_call_of_its_route(rollout: Callable[..., None]) -> None:
    rollout(0, **ARMS, IS_V1_ENABLED=False, SUCCESSORS="api_v1.successors")
    store.refresh()
    ask("/api/v1/posts/0199a3c2-5b1e-7c40-9d3f-2f6a1c0e8b57", "mobile", times=2)
    ask("/api/v1/nothing-of-the-sort", "mobile")
    flush()
    assert list(ConsumerUsage.objects.values_list("identifier", "route", "calls", "refused")) == [
        ("mobile", "GET /posts/{uuid}", 2, 2)
    ]


def test_identities_on_the_entrance_are_noted_with_what_they_were_before(
    make_user: Callable[..., User], client_of: Callable[[User], Client]
) -> None:
    user = make_user()
    client = client_of(user)
    nobody = Client()
    nobody.get(ON_ENTRANCE, headers={"x-client-id": "before"})
    client.cookies = nobody.cookies
    client.get(ON_ENTRANCE)
    client.get(ON_ENTRANCE)
    ask(ON_V1, "pinned only")
    flush()
    fields = ("kind", "identifier", "before_kind", "before_identifier")
    assert set(SeenIdentity.objects.values_list(*fields)) == {
        ("client", "before", "", ""),
        ("user", str(user.pk), "client", "before"),
    }
    ask(ON_ENTRANCE, "later")
    flush()
    assert SeenIdentity.objects.count() == 3


def test_the_queue_keeps_little_of_a_long_cookie() -> None:
    client = Client()
    client.cookies[COOKIE] = "client." + "x" * 8_000
    client.get(ON_ENTRANCE)
    (seen,) = recorder.queue.drain()
    assert len(seen.cookie) <= 512
    assert sum(len(part) for part in seen if isinstance(part, str)) < 1_500


def test_what_comes_while_the_queue_is_full_is_counted_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "QUEUE_MAX", 2)
    ask(ON_ENTRANCE, client_on(1), times=5)
    flush()
    assert RecorderRow.objects.get().dropped == 3
    assert MetricBucket.objects.get().requests == 2


def test_a_request_is_recorded_without_any_statement(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client = client_on(2)
    with django_assert_num_queries(0):
        ask(ON_ENTRANCE, client, times=2)
        ask(ON_V1, client)
