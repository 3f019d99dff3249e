"""What Prometheus reads: sums over workers, counters that never fall, gauges that end with their process, and who may read."""

import datetime
import errno
import itertools
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from canary import services
from canary.core.values import Identity
from canary.metrics import node as nodes
from canary.metrics.counters import COUNTERS, GAUGES, HISTOGRAM, SHADOW_RESULTS, Totals
from canary.metrics.exposition import exposition
from canary.metrics.node import Node, name_of_process
from canary.recording import flushing
from canary.state import store
from tests.canary.seeing import fresh_recorder

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/metrics.md"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    monkeypatch.setattr(nodes, "default_root", lambda: tmp_path / "metrics")
    nodes.own_node.cache_clear()
    with fresh_recorder():
        yield nodes.own_node()
    nodes.own_node.cache_clear()


def worker(requests: int, version: int = 3, weight_bp: int = 1_000) -> Totals:
    totals = Totals()
    for _ in range(requests):
        totals.count_request("2", "GET /posts", 200, 0.004)
    totals.gauge("canary_config_version", {(): version})
    totals.gauge("canary_weight_bp", {(): weight_bp})
    totals.gauge("canary_workers", {(): 1})
    return totals


def value(text: str, series: str) -> float | None:
    return next((float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{series} ")), None)


REQUESTS = 'canary_requests_total{route="GET /posts",status_class="2xx",version="2"}'


def test_workers_are_summed_up_and_the_one_furthest_behind_is_told() -> None:
    text = exposition(None, [worker(3).dump(), worker(4, version=2, weight_bp=500).dump()]).decode()
    assert value(text, REQUESTS) == 7
    assert value(text, 'canary_request_seconds_bucket{le="0.005",route="GET /posts",version="2"}') == 7
    assert value(text, 'canary_request_seconds_bucket{le="0.0025",route="GET /posts",version="2"}') == 0
    assert value(text, 'canary_request_seconds_bucket{le="+Inf",route="GET /posts",version="2"}') == 7
    assert value(text, 'canary_request_seconds_sum{route="GET /posts",version="2"}') == pytest.approx(0.028)
    assert (value(text, "canary_config_version"), value(text, "canary_weight_bp")) == (2, 500)
    assert value(text, "canary_workers") == 2
    assert value(text, "canary_decision_errors_total") == 0


def test_rare_events_are_told_as_0_before_the_first_one_so_that_its_increase_is_seen() -> None:
    text = exposition(None, []).decode()
    assert value(text, 'canary_hangs_total{version="2"}') == 0
    assert value(text, 'canary_crashes_total{version="1"}') == 0
    for result in SHADOW_RESULTS:
        assert value(text, f'canary_shadow_total{{result="{result}"}}') == 0
    totals = worker(1)
    totals.count("canary_hangs", ("2",), 3)
    assert value(exposition(None, [totals.dump()]).decode(), 'canary_hangs_total{version="2"}') == 3


def test_counters_of_a_process_that_ended_stay_and_its_gauges_go(node: Node, tmp_path: Path) -> None:
    node.publish(worker(3).dump())
    [folder] = (tmp_path / "metrics").iterdir()
    ended = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    theirs = folder / f"{name_of_process(ended.pid)}.json"
    (folder / f"{name_of_process(os.getpid())}.json").rename(theirs)
    node.publish(worker(2).dump())
    assert value(exposition(*node.read()).decode(), REQUESTS) == 5
    assert value(exposition(*node.read()).decode(), "canary_workers") == 2
    ended.communicate(b"\n")
    for _ in range(2):  # the first reading moves them, the second finds them moved
        text = exposition(*node.read()).decode()
        assert (value(text, REQUESTS), value(text, "canary_workers")) == (5, 1)
    assert not theirs.exists()


def test_folders_of_servers_that_are_gone_are_removed_by_the_next(node: Node, tmp_path: Path) -> None:
    left = tmp_path / "metrics" / "4194305-1"
    left.mkdir(parents=True)
    (tmp_path / "metrics").chmod(0o700)
    node.publish(worker(1).dump())
    assert not left.exists()


OUTLIVING = """
import os, sys, time
from pathlib import Path
from canary.metrics.node import Node
root, server = Path(sys.argv[1]), os.getpid()
node = Node(root)
if os.fork():
    while not [*root.glob("*/*.json")]:
        time.sleep(0.01)
    os._exit(0)
node.publish({"at": "first"})
while os.getppid() == server:
    time.sleep(0.01)
node.publish({"at": "last"})
"""


def test_a_worker_that_outlives_its_server_makes_no_folder_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OUTLIVING, str(tmp_path / "metrics")]
    subprocess.run(command, cwd=DOCUMENT.parents[1], check=True, capture_output=True, timeout=300)  # ends with both
    [told] = (tmp_path / "metrics").glob("*/*")
    assert json.loads(told.read_text()) == {"at": "first"}


def test_a_worker_whose_name_could_not_be_read_once_is_not_dead_for_good(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, reads = Path.read_text, itertools.count(1)

    def failing_once(path: Path, **options: Any) -> str:  # other threads read files too
        if path.name == "stat" and next(reads) == 2:  # the first is of the server, the second of this process
            raise OSError(errno.EMFILE, "Too many open files")
        return read(path, **options)

    monkeypatch.setattr(Path, "read_text", failing_once)
    node.publish(worker(1).dump())
    assert node.read()[1] == []
    node.publish(worker(2).dump())
    assert len(node.read()[1]) == 1


def test_telling_again_interns_nothing(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """pathlib interns the parts of each path it takes apart, and a worker tells its numbers every second."""
    node.publish(worker(1).dump())
    interned: list[str] = []
    intern, ours = sys.intern, threading.get_ident()

    def watched(text: str) -> str:
        if threading.get_ident() == ours:
            interned.append(text)
        return intern(text)

    monkeypatch.setattr(sys, "intern", watched)
    str(Path("/seen"))
    node.publish(worker(2).dump())
    assert interned == ["seen"]


def test_what_is_withdrawn_leaves_no_folder_unless_others_tell_theirs_in_it(node: Node, tmp_path: Path) -> None:
    root = tmp_path / "metrics"
    node.withdraw()
    node.publish(worker(1).dump())
    [folder] = root.iterdir()
    (folder / "other.json").write_text("{}")
    node.withdraw()
    assert [path.name for path in folder.iterdir()] == ["other.json"]
    (folder / "other.json").unlink()
    node.publish(worker(1).dump())
    node.withdraw()
    assert not [*root.iterdir()]


def test_a_folder_that_others_may_write_to_is_not_used(node: Node, tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics").chmod(0o777)
    with pytest.raises(PermissionError, match="others may write"):
        node.publish(worker(1).dump())


def test_labels_are_bounded_whatever_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("canary.metrics.counters.SERIES_MAX", 10)
    totals = Totals()
    for number in range(100):
        totals.count_request("2", f"GET /{number}", 200, 0.1)
    assert len(totals.counters["canary_requests"]) == len(totals.histograms) == 10


# -- who may read -----------------------------------------------------------------------------------------------------

NEAR, FAR, PROXY = "127.0.0.1", "203.0.113.9", "10.0.0.7"
TOKEN = {"HTTP_AUTHORIZATION": "Bearer secret-token"}
READERS: dict[str, tuple[dict[str, str], int]] = {
    "the machine itself": ({"REMOTE_ADDR": NEAR}, 200),
    "the machine itself by IPv6": ({"REMOTE_ADDR": "::1"}, 200),
    "the machine itself, mapped": ({"REMOTE_ADDR": "::ffff:127.0.0.1"}, 200),
    "a trusted proxy itself": ({"REMOTE_ADDR": PROXY}, 200),
    "somebody else": ({"REMOTE_ADDR": FAR}, 401),
    "a Unix socket": ({"REMOTE_ADDR": ""}, 401),
    "somebody behind the proxy": ({"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": FAR}, 401),
    "somebody behind it who claims to be near": ({"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": f"{NEAR}"}, 401),
    "somebody who names two": ({"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": f"{NEAR}, {PROXY}"}, 401),
    "somebody behind a proxy on the machine": ({"REMOTE_ADDR": NEAR, "HTTP_X_FORWARDED_FOR": FAR}, 401),
    "behind a proxy that says only so": ({"REMOTE_ADDR": NEAR, "HTTP_VIA": "1.1 edge"}, 401),
    "behind a proxy with an empty list": ({"REMOTE_ADDR": NEAR, "HTTP_X_FORWARDED_FOR": ""}, 401),
    "somebody who claims to be near": ({"REMOTE_ADDR": FAR, "HTTP_X_FORWARDED_FOR": NEAR}, 401),
    "with the token": ({"REMOTE_ADDR": FAR} | TOKEN, 200),
    "with the token by the proxy": ({"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": FAR} | TOKEN, 200),
    "with another token": ({"REMOTE_ADDR": FAR, "HTTP_AUTHORIZATION": "Bearer secret"}, 401),
    "with an odd token": ({"REMOTE_ADDR": FAR, "HTTP_AUTHORIZATION": "Bearer sécret\udcff"}, 401),
    "with another scheme": ({"REMOTE_ADDR": FAR, "HTTP_AUTHORIZATION": "Basic secret-token"}, 401),
}


@pytest.fixture
def behind_a_proxy(settings: Settings, node: Node) -> None:
    settings.CANARY = settings.CANARY | {"METRICS_TOKEN": "secret-token", "TRUSTED_PROXIES": ["10.0.0.0/8"]}


@pytest.mark.usefixtures("behind_a_proxy")
@pytest.mark.parametrize("reader", READERS)
def test_metrics_are_for_the_machine_its_proxies_and_whoever_has_the_token(reader: str) -> None:
    environ, status = READERS[reader]
    response = Client().get("/metrics", **environ)  # type: ignore[arg-type]
    assert response.status_code == status
    if status == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert response.headers["Content-Type"] == "application/problem+json"
    else:
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        assert b"# TYPE canary_weight_bp gauge" in response.content


def test_without_a_token_set_none_opens_them(node: Node) -> None:
    for given in ("Bearer ", "Bearer", "Bearer None", ""):
        response = Client().get("/metrics", REMOTE_ADDR=FAR, HTTP_AUTHORIZATION=given)
        assert response.status_code == 401, given


def test_metrics_ask_no_database_and_are_read_only(node: Node) -> None:
    assert Client().get("/metrics").status_code == 200  # a statement would fail: the test has no database
    for refused in (Client(enforce_csrf_checks=True).post("/metrics", REMOTE_ADDR=FAR), Client().options("/metrics")):
        told = {name: refused.headers[name] for name in ("Allow", "Cache-Control")}
        assert (refused.status_code, told) == (405, {"Allow": "GET, HEAD", "Cache-Control": "no-store"})
        assert refused.content == b""  # as the probes do


def test_what_a_process_publishes_is_what_it_has_seen(node: Node) -> None:
    flushing.outbox.tally.totals.count_request("1", "GET /posts", 503, 0.2)
    flushing.count("canary_shadow", "equal", 2)
    flushing.outbox.tell_evidence({"overall": 3.0, "errors": 5_000.0})
    flushing.publish()
    text = Client().get("/metrics").content.decode()
    assert value(text, 'canary_requests_total{route="GET /posts",status_class="5xx",version="1"}') == 1
    assert value(text, 'canary_shadow_total{result="equal"}') == 2
    assert value(text, 'canary_evidence{metric="overall"}') == pytest.approx(20.0855, rel=1e-4)
    assert value(text, "canary_config_version") == 0
    assert (value(text, 'canary_evidence{metric="errors"}') or 0) > 1e300


def test_the_age_of_the_controllers_last_turn_grows_until_it_is_read_again(node: Node) -> None:
    assert told("canary_controller_age_seconds") == math.inf
    flushing.outbox.tell_controller(40.0)
    assert 40 <= (told("canary_controller_age_seconds") or 0) < 100
    assert told("canary_needs_controller") == 0
    flushing.outbox.tell_controller(None)
    assert told("canary_controller_age_seconds") == math.inf


def test_every_metric_is_documented() -> None:
    text = DOCUMENT.read_text()
    for name in (*(f"{name}_total" for name in COUNTERS), *GAUGES, HISTOGRAM):
        assert f"`{name}" in text, name
    for result in SHADOW_RESULTS:
        assert f"`{result}`" in text, result


def told(name: str) -> float | None:
    flushing.outbox.tally.totals.count_request("1", "GET /posts", 200, 0.1)  # else it would count as the server
    flushing.publish()
    return value(Client().get("/metrics").content.decode(), name)


@pytest.mark.django_db
def test_a_rollback_is_told_until_somebody_acknowledges_it(node: Node, now: datetime.datetime) -> None:
    services.roll_back(actor="test", reason="a test", now=now)
    store.refresh()
    assert told("canary_latched") == 1
    services.acknowledge(actor="test", reason="a test", expected_version=None, now=now)
    store.refresh()
    assert told("canary_latched") == 0


def test_the_bulkhead_is_told_until_v1_is_gone(node: Node, rollout: Callable[..., None]) -> None:
    rollout(10_000)
    assert told("canary_bulkhead") == 7
    rollout(10_000, IS_V1_ENABLED=False)
    assert told("canary_bulkhead") is None


def test_an_identity_that_sends_too_much_is_told_without_its_name(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    traffic = flushing.outbox.tally.traffic
    for number in range(300):
        traffic.add(Identity("client", str(number) if number % 2 else "hungry"), 1_000.0)
    for _ in range(3):
        traffic.warn(1_000.0)
    assert [record.getMessage() for record in caplog.records] == [
        "one identity sends 50 % of the requests to the entrance (150 of 300): shares by identity say little"
    ]
    traffic.warn(1_060.0)
    assert len(caplog.records) == 2
    assert traffic.top(1_200.0).share == 0
