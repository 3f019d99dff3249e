"""Web processes that end, are killed and come back, under visitors who never stop."""

import http.client
from contextlib import closing
from pathlib import Path

import pytest

from scripts.staging_local.stack import WEBS, ask
from tests.servers import HOST
from tests.slow import slow_unless
from tests.staging.site import Staging, eventually
from tests.stalls import fair_time, let_pass


def test_a_rolling_restart_goes_unnoticed(staging: Staging) -> None:
    pids = {name: staging.stack.processes.pid(name) for name in WEBS}
    visitors = staging.visitors(readers=4, writers=2)
    with visitors.visiting():
        for name in WEBS:
            staging.stack.renew(name)
        visitors.more(50)
    staging.figures.append(f"rolling restart of both web processes: {visitors.summary}")
    assert visitors.failed == []
    assert visitors.sent > 200
    assert all(staging.stack.processes.pid(name) not in (None, pids[name]) for name in WEBS)


def test_a_rollback_under_load_fails_nobody_and_arrives_within_two_seconds(at_rest: Staging) -> None:
    at_rest.set_weight(100)
    visitors = at_rest.visitors(readers=4, writers=1)
    with visitors.visiting():
        visitors.more(300)
        asked_at = fair_time()
        at_rest.canary("rollback")
        rolled_back_at = fair_time()
        visitors.more(200)
        let_pass(rolled_back_at + 3)
        visitors.more(100)
    entrance = [one for one in visitors.told if not one.path.startswith(("/api/v1", "/api/v2"))]
    late = [one.began_at - rolled_back_at for one in entrance if one.version == "2" and one.began_at > rolled_back_at]
    at_rest.figures.append(
        f"rollback from 100 % under load: {visitors.summary}; the last answer of v2 to a request that began "
        f"{max(late, default=0):.2f} s after it"
    )
    assert visitors.failed == []
    assert max(late, default=0) < 2
    assert {one.version for one in entrance if one.began_at < asked_at - 0.5} == {"2"}


@pytest.mark.slow
def test_a_killed_web_process_costs_no_reader_anything_and_a_writer_one_repetition(staging: Staging) -> None:
    visitors = staging.visitors(readers=4, writers=2, is_patient=True)
    with visitors.visiting():
        visitors.more(50)
        staging.stack.processes.kill("web-1")
        visitors.more(100)
        assert staging.stack.processes.pid("web-1") is None
        staging.stack.start("web-1")
        staging.stack.await_ready("web-1")
        visitors.more(100)
    staging.figures.append(f"web process killed (-9) and started again: {visitors.summary}")
    assert visitors.failed == []


def test_what_a_killed_process_had_in_hand_is_written_once(staging: Staging) -> None:
    visitors = staging.visitors(readers=0, writers=4, is_patient=True)
    with visitors.visiting():
        visitors.more(10)
        staging.stack.processes.kill("web-2")
        visitors.more(20)
        staging.stack.start("web-2")
        staging.stack.await_ready("web-2")
    made = [one.body for one in visitors.told]
    assert visitors.failed == []
    assert len(set(made)) == len(made)


@pytest.mark.slow
def test_a_second_one_killed_right_after_the_first_is_back_costs_repetitions_only(staging: Staging) -> None:
    """The proxy leaves the first one alone for two seconds more, and so asks both though one of them is dying."""
    visitors = staging.visitors(readers=0, writers=4, is_patient=True)
    with visitors.visiting():
        for name in WEBS:
            staging.stack.processes.kill(name)
            visitors.more(20)
            staging.stack.start(name)
            staging.stack.await_ready(name)
    made = [one.body for one in visitors.told]
    assert visitors.failed == []
    assert len(set(made)) == len(made)


@pytest.mark.slow
def test_with_one_web_process_killed_the_other_answers_for_both(staging: Staging) -> None:
    staging.stack.processes.kill("web-2")
    try:
        answers = [staging.anonymous.get(path) for path in ("/readyz", "/livez", "/api", "/admin/login/") * 5]
        assert {answer.status_code for answer in answers} == {200}
    finally:
        staging.stack.start("web-2")
        staging.stack.await_ready("web-2")


@pytest.mark.slow
def test_when_the_second_goes_while_the_proxy_still_leaves_the_first_alone_nobody_is_refused(staging: Staging) -> None:
    staging.stack.processes.kill("web-2")
    answers = [staging.anonymous.get("/livez") for _ in range(5)]
    staging.stack.start("web-2")
    staging.stack.await_ready("web-2")
    staging.stack.processes.kill("web-1")
    try:
        answers += [staging.anonymous.get(path) for path in ("/livez", "/api") * 20]
    finally:
        staging.stack.start("web-1")
        staging.stack.await_ready("web-1")
    assert {answer.status_code for answer in answers} == {200}


def test_a_process_that_drains_says_so_and_still_answers(staging: Staging) -> None:
    port, file = staging.stack.ports["web-1"], staging.stack.drain_file("web-1")
    file.touch()
    try:
        assert ask(port, "/readyz") == 503
        assert (ask(port, "/livez"), ask(port, "/api/v1"), ask(port, "/api/v2")) == (200, 200, 200)
        assert ask(staging.stack.ports["web-2"], "/readyz") == 200
    finally:
        file.unlink()
    assert ask(port, "/readyz") == 200


def test_nothing_is_sent_to_a_drained_process(staging: Staging) -> None:
    log = staging.stack.folder / "logs/nginx-access.log"
    staging.stack.drain("web-1")
    try:
        before = len(log.read_text().splitlines())
        for _ in range(12):
            assert staging.anonymous.get("/livez").status_code == 200
        # nginx writes a line after the answer.
        eventually(lambda: len(log.read_text().splitlines()) >= before + 12, "all are in the log")
        lines = log.read_text().splitlines()[before:]
    finally:
        staging.stack.undrain("web-1")
    assert not [line for line in lines if f":{staging.stack.ports['web-1']} " in line]


def has_been_read(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side has taken out of its socket all that was sent."""
    there, here = connection.sock.getpeername()[1], connection.sock.getsockname()[1]
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return (f":{there:04X}", f":{here:04X}", "00000000") in {(row[1][8:], row[2][8:], row[4][9:]) for row in rows}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's own tables")
@pytest.mark.parametrize("name", [slow_unless(name == WEBS[0], name) for name in WEBS])
def test_what_a_process_has_in_hand_is_finished_when_it_is_told_to_end(staging: Staging, name: str) -> None:
    """A request whose body comes slowly: it has begun before the signal and ends after it."""
    staging.stack.drain(name)
    try:
        with closing(http.client.HTTPConnection(HOST, staging.stack.ports[name], timeout=30)) as connection:
            body = b'{"email": "nobody@example.org", "password": "wrong"}'
            connection.putrequest("POST", "/api/v2/auth/token")
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body[:5])
            eventually(lambda: has_been_read(connection), "it has taken that in")
            pid = staging.stack.processes.pid(name)
            assert pid is not None
            staging.stack.processes.signal(name)
            connection.send(body[5:])
            assert connection.getresponse().status == 401
    finally:
        staging.stack.processes.stop(name)
        staging.stack.start(name)
        staging.stack.await_ready(name)
        staging.stack.undrain(name)


@pytest.mark.slow
def test_a_killed_controller_leads_again_when_it_is_started(staging: Staging) -> None:
    log = staging.stack.processes.log("controller")
    eventually(lambda: "this controller leads" in log.read_text(), "it leads")
    staging.stack.processes.kill("controller")
    before = log.read_text().count("this controller leads")
    staging.stack.start("controller")
    eventually(lambda: log.read_text().count("this controller leads") > before, "it leads again")
