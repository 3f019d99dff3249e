"""PostgreSQL, Redis or both go away and come back under load: what clients are told meanwhile, and how soon all is well.

What is promised in seconds is measured from the instant at which the promise begins; everything else waits for what has to be
seen, however slow the machine.
"""

import contextlib
import statistics
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import psycopg
import pytest

from tests.conftest import PASSWORD
from tests.databases import process_env
from tests.faults.crowd import Crowd, Told, is_refusal_in_shape
from tests.faults.engines_of_own import IMMEDIATE, OwnEngines, own_engines
from tests.servers import Server, manage, serve
from tests.stalls import fair_time, let_pass

DOWN_S, LONG_DOWN_S = 4.0, 20.0
BACK_WITHIN_S = 2.0
SERVED_WITHIN_S = 2.0
# A refusal takes some 2 ms of a core and waits for nothing. Ten clients at once on one core: 20 ms, and the same again
# for the clients themselves; twenty times that for a machine that does other things.
REFUSED_WITHIN_S = 0.8
# Whoever took a database that is gone for one that is busy would wait 10 s for a connection.
SLOWEST_S = 5.0
# Longer than Redis is waited for by those who can ask the database, shorter than by those who can't.
LATE_S = 0.6
UNLIMITED = dict.fromkeys(("RATE_LIMIT_ANONYMOUS", "RATE_LIMIT_CREDENTIAL", "RATE_LIMIT_LOGIN"), "0")
ANSWERED = {"v1": 200, "v2": 200, "entrance": 404, "v1 write": 201, "v2 write": 201, "page": 302}
WRITES = {"v1 write", "v2 write"}
WORKERS = 2
REASON = ("--reason", "a test")


@dataclass
class Site:
    engines: OwnEngines
    server: Server
    env: dict[str, str]
    token: str
    post: str

    def crowd(self) -> Crowd:
        """Every client but the warm readers asks for what only the database knows."""
        token = {"Authorization": f"Bearer {self.token}"}
        new = {"title": "Written in a storm", "content": "x", "tags": ["storm"]}
        asks: dict[str, Callable[[httpx.Client, int], httpx.Response]] = {
            "warm": lambda http, _: http.get(f"/api/v2/posts/{self.post}"),
            "v1": lambda http, _: http.get("/api/v1/posts", params={"limit": 2}),
            "v2": lambda http, n: http.get("/api/v2/posts", params={"author": f"nobody-{n}"}),
            "entrance": lambda http, n: http.get(
                f"/api/posts/{uuid.uuid4()}", headers={"X-Client-Id": f"client {n % 20}"}
            ),
            "v1 write": lambda http, n: http.post("/api/v1/posts", json=new | {"title": f"V1 {n}"}, headers=token),
            "v2 write": lambda http, n: http.post(
                "/api/v2/posts", json=new | {"title": f"V2 {n}"}, headers=token | {"Idempotency-Key": f"key {n}"}
            ),
            "page": lambda http, _: http.get("/admin/", headers={"Cookie": f"sessionid={32 * '0'}"}),
            "livez": lambda http, _: http.get("/livez"),
            "readyz": lambda http, _: http.get("/readyz", headers={"Host": "10.1.2.3:8000"}),
        }
        return Crowd(self.server.base_url, asks)

    def canary(self, *words: str, code: int = 0) -> str:
        """What the command wrote to stderr, once it has ended as it should."""
        done = manage("canary", *words, env=self.env)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stderr

    def versions_of_workers(self) -> list[int]:
        with psycopg.connect(self.engines.postgres.url) as connection:
            return [row[0] for row in connection.execute("SELECT version FROM canary_worker").fetchall()]

    def wait_for_workers(self, version: int) -> None:
        """Until all of them serve it."""
        deadline = time.monotonic() + 180
        while self.versions_of_workers() != [version] * WORKERS:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with own_engines() as engines:
        env = process_env(engines.postgres.url, REDIS_URL=engines.redis.url, **UNLIMITED)
        assert manage("migrate", "--no-seed", "-v0", env=env).returncode == 0
        account = ("--username", "mia", "--email", "mia@example.org", "--role", "author", "--password-stdin")
        assert manage("users", "create", *account, env=env, input=PASSWORD).returncode == 0
        assert manage("canary", "set", "50", *REASON, env=env).returncode == 0
        serving = serve(env, workers=WORKERS, threads=16)
        with serving as server, httpx.Client(base_url=server.base_url, timeout=60) as http:
            credentials = {"email": "mia@example.org", "password": PASSWORD}
            token = http.post("/api/v2/auth/token", json=credentials).json()["access_token"]
            http.headers["Authorization"] = f"Bearer {token}"
            post = http.post("/api/v2/posts", json={"title": "Read by all", "content": "x"}).json()["id"]
            assert http.post(f"/api/v2/posts/{post}/actions/publish").status_code == 200
            yield Site(engines, server, env, token, post)


@dataclass
class Storm:
    """Nothing is written before `let_them_write`: every write makes all warm answers cold."""

    crowd: Crowd
    began_at: float
    """The instant from which on all is as bad as it gets."""
    returning_at: float = float("inf")
    """The one at which what was away begins to return."""
    ended_at: float = float("inf")

    def let_them_write(self) -> None:
        self.crowd.held_back.clear()

    def has_begun(self) -> None:
        self.let_them_write()
        self.began_at = fair_time()

    def is_about_to_end(self, after_s: float) -> None:
        """Not before so many seconds, nor before everybody has been told of it; readyz looks once a second."""
        let_pass(self.began_at + after_s)
        self.crowd.wait_for(*ANSWERED, "warm", "livez", since=self.began_at)
        self.crowd.wait_for("readyz", since=self.began_at + BACK_WITHIN_S, times=1)
        self.returning_at = fair_time()

    def during(self, *kinds: str, from_s: float = 0.0) -> list[Told]:
        return self.crowd.of(*kinds, since=self.began_at + from_s, until=self.returning_at)

    def after(self, *kinds: str) -> list[Told]:
        """From when all has to be well again."""
        return self.crowd.of(*kinds, since=self.ended_at + BACK_WITHIN_S)


@contextlib.contextmanager
def storm_over(site: Site) -> Iterator[Storm]:
    """A crowd that asks before the block, during it, and after all has to be well."""
    crowd = site.crowd()
    crowd.held_back |= WRITES
    with crowd.asking():
        crowd.wait_for(*site.crowd().asks.keys() - WRITES, since=0, times=5)
        storm = Storm(crowd, fair_time())
        yield storm
        storm.ended_at = fair_time()
        crowd.wait_for(*crowd.asks, since=storm.ended_at + BACK_WITHIN_S)
    assert crowd.broken == []
    wrong = [
        told for told in crowd.told if told.status >= 500 and told.kind != "readyz" and not is_refusal_in_shape(told)
    ]
    assert [(told.kind, told.status, told.answer.text) for told in wrong[:3]] == []
    for kind, status in {**ANSWERED, "warm": 200, "readyz": 200}.items():
        assert statuses(storm.after(kind)) == {status}, kind
    assert statuses(crowd.of("livez")) == {200}


def statuses(told: list[Told]) -> set[int]:
    return {each.status for each in told}


def assert_that_reads_went_on_and_the_rest_was_refused(storm: Storm, log: str) -> None:
    assert statuses(storm.crowd.of("warm", until=storm.returning_at)) == {200}, log
    for kind in ANSWERED:
        assert statuses(storm.during(kind)) == {503}, kind
    assert statuses(storm.during("readyz", from_s=BACK_WITHIN_S)) == {503}
    took_s = sorted(told.took_s for told in storm.during(*ANSWERED))
    figures = f"median {statistics.median(took_s) * 1_000:.0f} ms, slowest {took_s[-1] * 1_000:.0f} ms of {len(took_s)}"
    print(f"refusals: {figures}")
    assert statistics.median(took_s) < REFUSED_WITHIN_S, figures
    assert took_s[-1] < SLOWEST_S, figures


def assert_that_no_decision_changed(storm: Storm) -> None:
    """Before, during and after; a refusal, too, is that of the client's version."""
    versions: dict[str, set[str]] = defaultdict(set)
    for told in storm.crowd.of("entrance"):
        versions[told.answer.request.headers["X-Client-Id"]].add(told.answer.headers["API-Version"])
    assert {len(found) for found in versions.values()} == {1}
    assert set().union(*versions.values()) == {"1", "2"}


def assert_that_nothing_is_half_done(site: Site, storm: Storm) -> None:
    """What was answered with 201 is there, and every post has what belongs to it."""
    written = {told.answer.json().get("title") or told.answer.json()["data"]["title"] for told in created(storm)}
    with psycopg.connect(site.engines.postgres.url) as connection:
        stored = {row[0] for row in connection.execute("SELECT title FROM cms_post").fetchall()}
    assert written <= stored
    checked = manage("check_content", env=site.env)
    assert checked.returncode == 0, checked.stdout


def created(storm: Storm) -> list[Told]:
    return [told for told in storm.crowd.of(*WRITES) if told.status == 201]


def database_outage(site: Site, down_s: float) -> None:
    with storm_over(site) as storm, site.engines.postgres.away():
        storm.has_begun()
        for words in (("status",), ("set", "10", *REASON), ("rollback", *REASON)):
            assert_that_it_is_said_in_one_line(site.canary(*words, code=1))
        with site.engines.redis.silent():
            time.sleep(LATE_S)
        storm.is_about_to_end(down_s)
    assert_that_reads_went_on_and_the_rest_was_refused(storm, site.server.log[-4_000:])
    assert_that_no_decision_changed(storm)
    assert_that_nothing_is_half_done(site, storm)


def assert_that_it_is_said_in_one_line(stderr: str) -> None:
    assert len(stderr.strip().splitlines()) == 1, stderr
    assert "database" in stderr


@pytest.mark.slow
def test_while_postgresql_is_stopped_warm_reads_go_on_and_the_rest_is_refused_in_its_shape(site: Site) -> None:
    """Also while Redis is late with its answers; and the canary's commands say what is wrong."""
    database_outage(site, DOWN_S)


@pytest.mark.soak
def test_twenty_seconds_without_postgresql(site: Site) -> None:
    database_outage(site, LONG_DOWN_S)


@pytest.mark.slow
def test_without_redis_everything_is_answered_and_the_weight_is_changed_and_rolled_back(site: Site) -> None:
    with storm_over(site) as storm, site.engines.redis.away():
        storm.has_begun()
        assert_that_it_is_served(site, storm, "2", "set", "100")
        assert_that_it_is_served(site, storm, "1", "rollback")
        site.canary("set", "50", *REASON, code=1)
        storm.is_about_to_end(0)
    assert [told for told in storm.crowd.told if told.status >= 500] == []
    assert "down" in {told.answer.json()["checks"]["redis"] for told in storm.during("readyz")}
    assert versions_of(storm.after("entrance")) == {"1"}
    rolled_back = max(site.versions_of_workers())
    site.canary("ack", *REASON)
    site.canary("set", "50", *REASON)
    site.wait_for_workers(rolled_back + 2)  # the next test's clients must not see the change


def assert_that_it_is_served(site: Site, storm: Storm, api_version: str, *words: str) -> None:
    """By every worker as soon as is promised, as all of them say, and by the one that the client at the entrance meets."""
    before = max(site.versions_of_workers())
    site.canary(*words, *REASON)
    served_at = fair_time() + SERVED_WITHIN_S
    let_pass(served_at)
    assert site.versions_of_workers() == [before + 1] * WORKERS
    storm.crowd.wait_for("entrance", since=served_at)
    assert versions_of(storm.crowd.of("entrance", since=served_at)) == {api_version}


def versions_of(told: list[Told]) -> set[str]:
    return {each.answer.headers["API-Version"] for each in told}


@pytest.mark.slow
def test_sessions_that_end_while_they_are_idle_fail_no_request(site: Site) -> None:
    with httpx.Client(base_url=site.server.base_url, timeout=60) as http:
        for number in range(8):
            assert site.engines.terminate_sessions() >= 0
            assert http.get("/api/v1/posts").status_code == 200
            assert http.get("/api/v2/posts", params={"author": f"nobody-again-{number}"}).status_code == 200


@pytest.mark.soak
def test_a_restart_a_crash_and_ended_sessions_are_survived(site: Site) -> None:
    with storm_over(site) as storm:
        storm.let_them_write()
        time.sleep(0.5)
        site.engines.postgres.stop(IMMEDIATE)
        site.engines.postgres.start()
        time.sleep(0.5)
        site.engines.kill_a_backend()
        time.sleep(1)
        assert site.engines.terminate_sessions() > 0
    assert_that_nothing_is_half_done(site, storm)


@pytest.mark.soak
def test_without_both_nothing_is_read_from_memory_that_may_have_changed(site: Site) -> None:
    with storm_over(site) as storm, site.engines.redis.away(), site.engines.postgres.away():
        storm.has_begun()
        storm.is_about_to_end(DOWN_S)
    assert statuses(storm.during("warm")) == {503}
    assert_that_nothing_is_half_done(site, storm)


@pytest.mark.soak
def test_a_database_that_falls_silent_is_noticed_and_keeps_no_thread(site: Site) -> None:
    """Its sockets stay open, its machine answers: only that nobody is let in any more tells it."""
    with storm_over(site) as storm, site.engines.postgres.silent():
        storm.has_begun()
        storm.is_about_to_end(6)
    known = storm.during(*ANSWERED, from_s=4.5)
    assert statuses(known) == {503}
    assert max(told.took_s for told in known) < 1
    assert max(told.took_s for told in storm.crowd.told) < 4.5  # 0.75 s of suspicion, 2 s before a closed door


@pytest.mark.soak
def test_commands_say_in_one_line_that_the_database_is_away(site: Site) -> None:
    with site.engines.postgres.away():
        for command in (("check_content",), ("prune",), ("migrate", "--no-seed")):
            began_at = time.monotonic()
            done = manage(*command, env=site.env)
            assert done.returncode == 1, command
            assert_that_it_is_said_in_one_line(done.stderr)
            assert time.monotonic() - began_at < 5
