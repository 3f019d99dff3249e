"""The black box: what a process that died had in flight is there to be read, and nothing else."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.http import HttpRequest, StreamingHttpResponse
from django.test import RequestFactory

from canary.core.values import Decision, Identity, Snapshot
from canary.requests.black_box import SLOTS, TEXT_MAX, BlackBox, Lost, own_site, read_box
from canary.requests.ends import land
from canary.requests.in_flight import Flight, InFlight, flights
from tests.servers import ROOT

SNAPSHOT = Snapshot(version=7, weight_bp=1_000, salt="salt", release=3, stage=2)
DECISION = Decision(2, "bucket", Identity("client", "mia:1"), 42)


def request(path: str = "/api/posts", agent: str = "curl/8") -> HttpRequest:
    made = RequestFactory().post("/", headers={"user-agent": agent})
    made.path_info = path
    return made


def fly(flights: InFlight, path: str = "/api/posts") -> Flight:
    flight = Flight(request(path), DECISION, SNAPSHOT, time.perf_counter_ns())
    assert flights.enter(flight)
    return flight


def lost_of(path: Path) -> list[Lost]:
    return read_box(path).lost


def test_a_request_is_read_back_as_it_was_decided(tmp_path: Path) -> None:
    box = BlackBox(tmp_path / "box", "host:1:2", 1e9)
    box.note(request(), DECISION, SNAPSHOT)
    found = read_box(tmp_path / "box")
    assert (found.site, found.worker) == (own_site(), "host:1:2")
    [lost] = found.lost
    assert lost.decision == DECISION._replace(bucket=None)
    assert lost.snapshot == Snapshot(version=7, weight_bp=1_000, salt="", release=3, stage=2)
    assert lost.started_s == 1e9
    box.tick(1e9 + 2)
    box.note(request(), DECISION, SNAPSHOT)
    assert [lost.started_s for lost in lost_of(tmp_path / "box")] == [1e9, 1e9 + 2]
    assert lost[3:] == ("POST", "127.0.0.1", "/api/posts", "curl/8", False)


@pytest.mark.parametrize("identity", [None, Identity("anon", "x\x1fy"), Identity("client", "c" * 128)])
@pytest.mark.parametrize("path", ["/api/\x1f", "/api/\ud800", "/api/\0\n", f"/api/{9_999 * 'ü'}"])
def test_no_text_of_a_client_makes_a_box_unreadable(tmp_path: Path, path: str, identity: Identity | None) -> None:
    box = BlackBox(tmp_path / "box", "worker", 1e9)
    box.note(request(path, 999 * "é"), Decision(1, "pinned", identity), SNAPSHOT)
    [lost] = lost_of(tmp_path / "box")
    assert (lost.decision.api_version, lost.method, lost.snapshot.stage) == (1, "POST", 2)
    assert len(lost.path) <= TEXT_MAX


def test_what_is_answered_is_not_in_it_and_what_hung_is_marked(tmp_path: Path) -> None:
    flights = InFlight()
    flights.box = BlackBox(tmp_path / "box", "worker", 1e9)
    ends, hangs, streams = fly(flights, "/1"), fly(flights, "/2"), fly(flights, "/3")
    for flight in (ends, ends):
        flights.leave(flight)
    assert flights.tell(hangs)
    flights.await_client(streams)
    assert [(lost.path, lost.is_told) for lost in lost_of(tmp_path / "box")] == [("/2", True)]
    flights.leave(hangs)
    flights.leave(streams)
    assert lost_of(tmp_path / "box") == []


def test_what_a_version_works_on_after_its_view_is_in_it_too(tmp_path: Path) -> None:
    """A v2 that killed its process in the middle of each stream was seen by nobody."""
    flights.box = BlackBox(tmp_path / "box", "worker", 1e9)
    found: list[list[str]] = []

    def look() -> bytes:
        found.append([lost.path for lost in lost_of(tmp_path / "box")])
        return b"a part"

    response = StreamingHttpResponse(look() for _ in range(2))
    response._resource_closers.append(look)  # type: ignore[attr-defined]
    flight = fly(flights, "/1")
    land(flight, response)
    for _ in response:
        assert lost_of(tmp_path / "box") == []  # the client takes its time
    response.close()
    flights.box = None
    assert found == [["/1"]] * 3
    assert lost_of(tmp_path / "box") == []


def test_what_hung_is_marked_for_good(tmp_path: Path) -> None:
    flights = InFlight()
    flights.box = BlackBox(tmp_path / "box", "worker", 1e9)
    flight = fly(flights)
    assert flights.tell(flight)
    flights.await_client(flight)
    for _ in range(2):
        flights.await_view(flight)
    assert [lost.is_told for lost in lost_of(tmp_path / "box")] == [True]
    flights.leave(flight)
    assert lost_of(tmp_path / "box") == []


def test_more_requests_than_it_has_room_for_are_answered_all_the_same(tmp_path: Path) -> None:
    flights = InFlight()
    flights.box = BlackBox(tmp_path / "box", "worker", 1e9)
    entered = [fly(flights) for _ in range(SLOTS + 2)]
    assert len(lost_of(tmp_path / "box")) == SLOTS
    for flight in entered:
        flights.leave(flight)
    assert lost_of(tmp_path / "box") == []
    assert fly(flights).slot is not None


def test_at_the_end_of_a_process_it_goes_unless_something_will_get_no_answer(tmp_path: Path) -> None:
    for is_left in (True, False):
        box = BlackBox(tmp_path / "box", "worker", 1e9)
        slot = box.note(request(), DECISION, SNAPSHOT)
        if not is_left:
            box.clear(slot)
        box.put_away()
        assert (tmp_path / "box").exists() is is_left


def test_a_slot_that_was_not_written_whole_hides_no_other(tmp_path: Path) -> None:
    box = BlackBox(tmp_path / "box", "worker", 1e9)
    torn, _ = box.note(request("/1"), DECISION, SNAPSHOT), box.note(request("/2"), DECISION, SNAPSHOT)
    assert torn is not None
    box._map[torn + 1 : torn + 9] = b"........"
    assert [lost.path for lost in lost_of(tmp_path / "box")] == ["/2"]


@pytest.mark.parametrize("content", [b"", b"no box", bytes(4_096)])
def test_what_is_no_box_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "box").write_bytes(content)
    with pytest.raises(ValueError):
        read_box(tmp_path / "box")


DIES = """
import ctypes, os, pathlib, signal, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "cms.settings"
django.setup()
from django.test import RequestFactory
from canary.core.values import Decision, Snapshot
from canary.requests.black_box import BlackBox
from canary.requests.in_flight import Flight, flights
flights.box = BlackBox(pathlib.Path(sys.argv[1]), "worker", 1e9)
for number in range(3):
    flights.enter(Flight(RequestFactory().get(f"/api/posts/{number}"), Decision(2, "pinned"), Snapshot(1, 1, ""), 0))
exec(sys.argv[2])
"""
DEATHS = ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "ctypes.string_at(0)"]


@pytest.mark.parametrize("death", DEATHS, ids=["exit", "kill", "segfault"])
def test_it_outlives_its_process(tmp_path: Path, death: str) -> None:
    command = [sys.executable, "-c", DIES, str(tmp_path / "box"), death]
    subprocess.run(command, cwd=ROOT, check=False, capture_output=True, timeout=300)
    assert [lost.path for lost in lost_of(tmp_path / "box")] == ["/api/posts/0", "/api/posts/1", "/api/posts/2"]
