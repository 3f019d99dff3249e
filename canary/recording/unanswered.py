"""Requests without an answer: those that hang, and those whose process has died. Each is a failure of its version."""

import datetime
import logging
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from time import perf_counter_ns
from typing import Final

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.urls import Resolver404, resolve

from canary import server
from canary.conf import canary_conf
from canary.metrics.node import Node, is_alive, own_node
from canary.models import Crash
from canary.recording import flushing
from canary.recording.recorder import Seen, give_up, queue
from canary.recording.tally import Tally
from canary.recording.writing import write_rows
from canary.requests.black_box import REPEAT, Found, Lost, own_site, read_box
from canary.requests.faults import faults
from canary.requests.in_flight import Flight, flights
from canary.requests.queries import NOTHING
from canary.state.store import current_snapshot

HANGS_EVERY_S: Final = 1.0
CRASHES_EVERY_S: Final = 1.0
logger = logging.getLogger("canary")
CRASHED: Final = 502
"""A proxy answers so to the client of a process that died."""


def register() -> None:
    """Have a server process take these turns."""
    server.every(HANGS_EVERY_S, record_hangs, "hangs")
    # Before the first answer: a version that ends each process by its first request would else go uncounted.
    server.every(CRASHES_EVERY_S, record_crashes, "crashes", own_thread=True, is_awaited=True)


def record_hangs() -> None:
    """Record what is in flight for longer than CANARY_HANG_S. Never waits."""
    flights.leave_dropped()
    if flights.box is not None:
        flights.box.tick(canary_conf().now().timestamp())
    before_ns = perf_counter_ns() - int(canary_conf().hang_s * 1e9)
    for flight in flights:
        if flight.hangs(before_ns) and flights.tell(flight):
            _record_hang(flight)


def _record_hang(flight: Flight) -> None:
    if flight.snapshot is not None:
        queue.put(give_up(flight, flight.snapshot))
    flushing.count("canary_hangs", current_snapshot().names.of(flight.api_version))


def record_crashes(node: Node | None = None) -> None:
    """Record what dead processes of this machine had in flight. A failure leaves it for the next turn."""
    for path in (node or own_node()).left_boxes():
        try:
            found = read_box(path)
        except FileNotFoundError:
            continue  # another process was quicker
        except ValueError as error:
            faults.record(error)
        else:
            if found.site != own_site():
                continue
            if found.lost:
                _record_crash(found, path, canary_conf().now())
        path.unlink(missing_ok=True)


def _record_crash(found: Found, path: Path, now: datetime.datetime) -> None:
    """Write all of it in one transaction, and only once: the rows of a death are unique, however many processes try."""
    if Crash.objects.filter(worker=found.worker).exists():
        return
    tally = Tally()
    for lost in found.lost:
        if not lost.is_told and lost.decision.reason != REPEAT:
            ended_s = min(now.timestamp(), lost.started_s + canary_conf().hang_s)
            tally.take(_seen(lost, ended_s - lost.started_s), ended_s)
    death = found.worker if is_alive(path.parent.name) else f"{found.worker.partition(':')[0]}:{path.parent.name}"
    try:
        with transaction.atomic():
            Crash.objects.bulk_create(_rows(found, death, now))
            write_rows(tally.batch.take_closed(math.inf), found.worker)
    except IntegrityError:
        return  # another process has written them since
    flushing.outbox.add(tally.totals)
    for lost in found.lost:
        flushing.count("canary_crashes", current_snapshot().names.of(lost.decision.api_version))
        if lost.decision.reason == REPEAT:  # no bucket of metrics tells of it
            logger.error("process %s died while it repeated %s %s", found.worker, lost.method, lost.path)


def _rows(found: Found, death: str, now: datetime.datetime) -> list[Crash]:
    requests = Counter((lost.snapshot.release, lost.snapshot.stage, lost.decision.api_version) for lost in found.lost)
    return [
        Crash(
            worker=found.worker,
            death=death,
            release=release,
            stage=stage,
            api_version=api_version,
            requests=count,
            at=now,
        )
        for (release, stage, api_version), count in requests.items()
    ]


def _seen(lost: Lost, took_s: float) -> Seen:
    """Return it as if its version had failed it. Only the view would have found out who is staff."""
    return Seen(
        finished_ns=0,
        took_ns=int(took_s * 1e9),
        method=lost.method,
        template=_template(lost),
        path=lost.path,
        status=CRASHED,
        answer=lost.decision,
        snapshot=replace(lost.snapshot, names=current_snapshot().names),
        queries=NOTHING,
        excluded=canary_conf().is_excluded(_request(lost)),
        person=None,
        credential=None,
        client_id="",
        cookie="",
        address=lost.address,
        agent=lost.agent,
    )


def _template(lost: Lost) -> str | None:
    arm = canary_conf().arms.get(current_snapshot().names.of(lost.decision.api_version))
    try:
        return resolve(lost.path, arm).route if arm else None
    except Resolver404:
        return None


def _request(lost: Lost) -> HttpRequest:
    """Return as much of the request as the box tells."""
    request = HttpRequest()
    request.method, request.path, request.path_info = lost.method, lost.path, lost.path
    request.META = {"REMOTE_ADDR": lost.address, "HTTP_USER_AGENT": lost.agent}
    return request
