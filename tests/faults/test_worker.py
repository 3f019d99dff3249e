"""Real workers as processes: killed in the middle, stopped in order, several at once, and without their database."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.management import CommandError, call_command

from tests.databases import copied_database, new_database, process_env
from tests.receivers import HANG, Receiver, receiving
from tests.servers import ROOT, clean_environment, end_in_order, manage, spawn, stop_process
from tests.session import ENGINES
from tests.slow import slow

MAKE_WEBHOOK_AND_TAG = """
from django.utils import timezone
from cms.policy import SYSTEM
from cms.services.tags import create_tag
from cms.services.webhooks import create_webhook
now = timezone.now()
create_webhook(actor=SYSTEM, fields={{"url": "{url}", "events": ["*"]}}, now=now)
create_tag(actor=SYSTEM, fields={{"name": "Told"}}, now=now)
"""
ENQUEUE = "from tests.cms.jobs import sample_tasks as tasks\nfor n in range({count}): tasks.{call}"
JOBS = "from cms.models import Job; print([(j.status, j.attempts, j.return_value) for j in Job.objects.order_by('pk')])"
LOOPS = ("schedule", "jobs", "webhooks 1", "webhooks 2", "webhooks 3")
LEASE = "from cms.models import Job; print(Job.objects.get(status='running').leased_until.isoformat())"
DELIVERIES = "from cms.models import Delivery; print([(d.status, d.attempts) for d in Delivery.objects.all()])"


class Site:
    """A migrated database of its own, and the workers that run on it."""

    def __init__(self, url: str, folder: Path, stack: contextlib.ExitStack) -> None:
        self.env = process_env(url, JOB_LEASE_S="3", WEBHOOK_TIMEOUT_S="3", WEBHOOKS_ALLOW_PRIVATE="true")
        self.folder, self._stack, self._count = folder, stack, 0

    def start_worker(self, *options: str) -> tuple[subprocess.Popen[bytes], Path]:
        self._count += 1
        log = self.folder / f"worker-{self._count}.log"
        command = [sys.executable, "manage.py", "run_worker", *options]
        process = spawn(command, log=log, cwd=ROOT, env=clean_environment(self.env))
        self._stack.callback(stop_process, process, signal.SIGKILL)
        return process, log

    def shell(self, code: str) -> str:
        done = manage("shell", "--no-imports", "-c", code, env=self.env)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module", params=[slow("sqlite"), "postgresql"])
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a migrated database, of which each test gets a copy."""
    with new_database(request.param, tmp_path_factory.mktemp("template")) as url:
        assert manage("migrate", "--no-seed", "-v0", env=process_env(url)).returncode == 0
        yield url


@pytest.fixture
def site(template: str, tmp_path: Path) -> Iterator[Site]:
    with copied_database(template, tmp_path) as url, contextlib.ExitStack() as stack:
        yield Site(url, tmp_path, stack)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def wait_until(condition: Callable[[], object], *, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


@pytest.mark.slow
def test_a_job_and_a_delivery_whose_worker_was_killed_are_done_by_another(site: Site, receiver: Receiver) -> None:
    receiver.answers = [HANG]
    site.shell(MAKE_WEBHOOK_AND_TAG.format(url=receiver.url))
    site.shell(ENQUEUE.format(count=1, call=f"write_and_wait.enqueue({str(site.folder)!r})"))
    first, _ = site.start_worker()
    wait_until(lambda: receiver.requests and list(site.folder.glob(f"started-{first.pid}")))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    (site.folder / "go").touch()
    second, log = site.start_worker()
    wait_until(lambda: len(receiver.requests) == 2 and list(site.folder.glob("finished-*")))
    wait_until(lambda: "successful" in log.read_text() and "delivered" in log.read_text())
    assert site.shell(JOBS) == str([("successful", 2, second.pid)])
    assert site.shell(DELIVERIES) == str([("delivered", 2)])
    assert len(set(receiver.ids)) == 1


@pytest.mark.slow
def test_a_worker_that_is_told_to_stop_keeps_and_finishes_the_job_in_hand_and_takes_no_other(site: Site) -> None:
    site.shell(ENQUEUE.format(count=2, call=f"write_and_wait.enqueue({str(site.folder)!r})"))
    worker, log = site.start_worker()
    wait_until(lambda: list(site.folder.glob("started-*")))
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: "stopping after the work in hand" in log.read_text())
    lease = site.shell(LEASE)
    wait_until(lambda: site.shell(LEASE) > lease)
    assert worker.poll() is None
    (site.folder / "go").touch()
    assert worker.wait(120) == 0
    assert site.shell(JOBS) == str([("successful", 1, worker.pid), ("ready", 0, None)])


@pytest.mark.slow
def test_of_several_workers_each_job_is_run_by_one(site: Site) -> None:
    site.env["JOB_LEASE_S"] = "600"  # what one of them has in hand is not lost to another, however slow the machine
    site.shell(ENQUEUE.format(count=40, call="add.enqueue(n, 1)"))
    workers = [site.start_worker("--queues", "default") for _ in range(2)]
    count = "from cms.models import Job; print(Job.objects.filter(status='successful', attempts=1).count())"
    wait_until(lambda: sum(log.read_text().count("successful") for _, log in workers) >= 40)
    assert site.shell(count) == "40"
    for worker, log in workers:
        wait_until(lambda log=log: "worker started" in log.read_text())  # type: ignore[misc]  # one may have done it all
        assert end_in_order(worker, log, signal.SIGINT) == 0, log.read_text()


@pytest.mark.slow
def test_once_does_what_is_due_and_ends(site: Site, receiver: Receiver) -> None:
    site.shell(MAKE_WEBHOOK_AND_TAG.format(url=receiver.url))
    site.shell(ENQUEUE.format(count=3, call="add.enqueue(n, 1)"))
    done = manage("run_worker", "--once", env=site.env)
    assert (done.returncode, receiver.types) == (0, ["tag.created"])
    assert site.shell(JOBS) == str([("successful", 1, n + 1) for n in range(3)])
    assert "delivered" in done.stderr
    assert receiver.url not in done.stderr  # it may be a secret of the receiver


@pytest.mark.parametrize(("queues", "said"), [("default,nowhere", "nowhere"), (",", "the queues are default, media")])
def test_a_queue_that_does_not_exist_is_wrong_usage(queues: str, said: str) -> None:
    with pytest.raises(CommandError, match=said) as refused:
        call_command("run_worker", "--queues", queues)
    assert refused.value.returncode == 2


@pytest.mark.slow
def test_a_worker_survives_a_database_that_goes_away_and_comes_back(site: Site) -> None:
    name = urlsplit(site.env["DATABASE_URL"]).path[1:]
    if site.env["DATABASE_URL"].startswith("sqlite"):
        pytest.skip("an SQLite file does not go away")
    worker, log = site.start_worker()
    wait_until(lambda: "worker started" in log.read_text())
    with psycopg.connect(ENGINES.database_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        # Every loop but that of pruning, whose turn comes once a minute.
        wait_until(lambda: all(f"{loop} failed" in log.read_text() for loop in LOOPS))
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    site.shell(ENQUEUE.format(count=1, call="add.enqueue(n, 1)"))
    wait_until(lambda: "successful" in log.read_text())
    assert end_in_order(worker, log) == 0
