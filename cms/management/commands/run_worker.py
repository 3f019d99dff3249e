"""`manage.py run_worker`: run background jobs, deliver webhooks, send events of scheduled posts, prune daily."""

import datetime
import logging
import os
import secrets
import socket
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

from cms import clock
from cms.jobs.execution import run_job
from cms.jobs.loops import Work, run_once, run_until
from cms.jobs.queue import claim_job
from cms.management.heartbeat import add_heartbeat_argument, beat_into
from cms.management.interruption import stop_requests
from cms.services.deliveries import deliver_due
from cms.services.pruning import prune_if_due
from cms.services.schedule import settle_due_posts

WEBHOOKS, SCHEDULE, TRANSFERS = "webhooks", "schedule", "transfers"
POLL_S: Final = 1.0
SCHEDULE_POLL_S: Final = 5.0
TURN_LIMIT_S: Final = 60.0
"""A turn of schedule settles 500 posts in some 5 s; a webhook turn also waits for its slowest receiver."""
PRUNE_POLL_S: Final = 60.0
DELIVERERS: Final = 3  # a turn lasts as long as its slowest receiver; with the other loops they need eight connections
logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Run background jobs, deliver webhooks, send the events of posts whose time to appear or expire has come, and"
        " prune once a day. On SIGTERM or SIGINT it finishes the work in hand and exits. Several workers may run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do the work that is due, then exit")
        parser.add_argument(
            "--queues",
            type=lambda text: [name.strip() for name in text.split(",") if name.strip()],
            default=known_queues(),
            metavar="A,B",
            help=f"serve only these of {', '.join(known_queues())} (default: all)",
        )

        add_heartbeat_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        unknown = sorted(set(options["queues"]) - set(known_queues()))
        if unknown or not options["queues"]:
            message = f"There is no queue {', '.join(unknown)!r}; the queues are {', '.join(known_queues())}."
            raise CommandError(message, returncode=2)
        works = works_for(options["queues"])
        if options["once"]:
            self._run_once(works)
            return
        beat = beat_into(options["heartbeat"])
        is_told_to_stop = stop_requests()
        logger.info("worker started for %s", ", ".join(options["queues"]))
        if not run_until(is_told_to_stop, works, beat):
            raise CommandError("A loop of the worker has ended; the log has the reason.")
        logger.info("worker stopped")

    def _run_once(self, works: list[Work]) -> None:
        try:
            run_once(works)
        except DatabaseError as error:
            raise CommandError(f"The database reported an error: {' '.join(str(error).split())}") from error


def known_queues() -> list[str]:
    return [*settings.TASKS["default"]["QUEUES"], WEBHOOKS, SCHEDULE]


def works_for(queues: list[str]) -> list[Work]:
    """Return the loops of a worker for these queues. Each has its thread: a long job holds up no event."""
    worker = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
    works = []
    if SCHEDULE in queues:
        works.append(Work("schedule", lambda: settle_due_posts(now=_now()) > 0, SCHEDULE_POLL_S, TURN_LIMIT_S))
        works.append(Work("pruning", _prune, PRUNE_POLL_S, TURN_LIMIT_S))
    if TRANSFERS in queues:  # an import of an hour holds up no mail
        works.append(Work("transfers", partial(_run_next_job, worker, [TRANSFERS]), POLL_S))
    if job_queues := [name for name in queues if name not in (WEBHOOKS, SCHEDULE, TRANSFERS)]:
        works.append(Work("jobs", partial(_run_next_job, worker, job_queues), POLL_S))
    if WEBHOOKS in queues:
        limit_s = settings.WEBHOOK_TIMEOUT_S + TURN_LIMIT_S
        works += [Work(f"webhooks {number}", _deliver, POLL_S, limit_s) for number in range(1, DELIVERERS + 1)]
    return works


def _now() -> datetime.datetime:
    """Return the present by which leases end: connecting reads the database's clock."""
    connection.ensure_connection()
    return clock.now()


def _prune() -> bool:
    return prune_if_due(now=_now())


def _deliver() -> bool:
    return deliver_due(now=_now()) > 0


def _run_next_job(worker: str, queues: list[str]) -> bool:
    job = claim_job(worker=worker, now=_now(), queues=queues)
    if job is not None:
        run_job(job, clock=clock.now)
    return job is not None
