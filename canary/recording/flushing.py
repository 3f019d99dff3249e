"""The recorder's turns beside the requests of a server process: sum up, write, tell Prometheus.

Summing up waits for nothing and runs in the shared thread. Writing may wait for a database and has its own thread.
While the database is away the sums grow within their bounds, and one batch waits to be written.
"""

import datetime
import math
import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Final

from django.db import DatabaseError, InterfaceError, OperationalError, connections

from canary import server
from canary.conf import canary_conf
from canary.core.crossover import period_at
from canary.core.routing import is_candidate, needs_controller
from canary.core.values import CANDIDATE, Identity, Snapshot
from canary.metrics.counters import Labels, Totals
from canary.metrics.node import Node, own_node
from canary.models import EvidencePoint
from canary.recording.batches import Batch, ObservationRow
from canary.recording.compaction import compact
from canary.recording.consumer_names import ConsumerNames
from canary.recording.pruning import prune
from canary.recording.recorder import Person, queue
from canary.recording.tally import Tally
from canary.recording.writing import Header, write
from canary.requests.faults import faults
from canary.requests.in_flight import flights
from canary.services import watch_controller
from canary.state import store

TALLY_EVERY_S: Final = 1.0
WRITE_EVERY_S: Final = 1.0
EVIDENCE_EVERY_S: Final = 5.0
TIDY_EVERY_S: Final = 60.0
TOLD_MAX: Final = 10_000
GRACE_S: Final = 1.0
"""The time after a bucket's end, and after a request came: by then the requests before it have been answered too."""


class Outbox:
    """One process's observations, on their way to the database."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._names = ConsumerNames()
        self._lock = threading.Lock()
        self.told: deque[tuple[str, str, int]] = deque(maxlen=TOLD_MAX)
        self._waiting: tuple[Batch, int] | None = None
        # Grows in a process even if another Outbox takes its place: the database knows the last number by the process.
        self._number = time.time_ns()
        self._lost = 0
        self._controller_at = -math.inf
        """When a controller last finished a turn, by this process's own clock."""

    def sum_up(self) -> None:
        """Empty the recorder's queue. Never waits for the database."""
        # The queue's clock doesn't jump, but the one that all agree on may, so each turn measures their distance again.
        began_s = canary_conf().clock() - time.perf_counter_ns() / 1e9
        with self._lock:
            for seen in queue.drain():
                try:
                    self.tally.take(seen, began_s + seen.finished_ns / 1e9)
                except (ValueError, TypeError, KeyError, AttributeError) as error:
                    faults.record(error)  # one unreadable request must not hide the others
                    self._lost += 1
            self.tally.traffic.warn(began_s + time.perf_counter_ns() / 1e9)

    def observe(self, rows: Iterable[ObservationRow]) -> None:
        with self._lock:
            for row in rows:
                self.tally.batch.observe(row)

    def know(self, identity: Identity, person: Person, proof: int) -> None:
        with self._lock:
            self.tally.know(identity, person, proof)

    def write(self, *, is_last: bool = False) -> None:
        """Write what failed to be written before, then what is complete by now. Raises what the database raises."""
        self.sum_up()
        now = canary_conf().now()
        if self._waiting is not None:
            self._send(*self._waiting, now)
        self._send(*self._seal(math.inf if is_last else now.timestamp() - GRACE_S), now)

    def _seal(self, before_s: float) -> tuple[Batch, int]:
        with self._lock:
            batch = self.tally.batch.take_closed(before_s)
            self._lost += batch.lost
            self._number += 1
            return batch, self._number

    def _send(self, batch: Batch, number: int, now: datetime.datetime) -> None:
        if batch.is_empty():
            return
        self._waiting = batch, number
        with self._lock:
            top, lost = self.tally.traffic.top(now.timestamp()), self._lost
        try:
            self._names.fold(batch)
            write(batch, Header(server.presence.name, number, now, queue.dropped, lost, top))
        except (OperationalError, InterfaceError):
            raise  # it waits for the next turn
        except DatabaseError:
            # Never right however often it is tried, and all that comes later would wait behind it.
            with self._lock:
                self._lost += sum(cell.requests for cell in batch.cells.values()) + len(batch.observations)
            self._waiting = None
            raise
        self._waiting = None

    def publish(self, node: Node) -> None:
        """Tell the other workers of this server what this one has counted."""
        now_s = canary_conf().now().timestamp()
        with self._lock:
            totals = self.tally.totals
            while self.told:
                name, label, times = self.told.popleft()
                totals.count(name, (label,), times)
            totals.set_counter("canary_decision_errors", faults.count)
            totals.set_counter("canary_recorder_dropped", queue.dropped)
            totals.set_counter("canary_recorder_lost", self._lost)
            snapshot, age_s = store.current_snapshot(), store.age_s(now_s)
            for name, series in _gauges_of(snapshot, now_s).items():
                totals.gauge(name, series)
            totals.gauge("canary_snapshot_age_seconds", {(): math.inf if age_s is None else age_s})
            totals.gauge("canary_controller_age_seconds", {(): time.monotonic() - self._controller_at})
            totals.gauge("canary_top_identity_share", {(): self.tally.traffic.top(now_s).share})
            totals.gauge(
                "canary_in_flight", {(snapshot.names.of(version),): n for version, n in flights.counts().items()}
            )
            totals.gauge("canary_workers", {(): 1})
            for name, value in pool_numbers().items():
                totals.gauge(name, {(): value})
            dumped = totals.dump()
        node.publish(dumped)

    def add(self, totals: Totals) -> None:
        """Count for Prometheus what another process can't any more."""
        with self._lock:
            self.tally.totals.add_dumped(totals.dump())

    def tell_evidence(self, log_e: dict[str, float]) -> None:
        with self._lock:
            # The largest number that a float has is e to the 709.
            values: dict[Labels, float] = {(metric,): math.exp(min(value, 700.0)) for metric, value in log_e.items()}
            self.tally.totals.gauge("canary_evidence", values)

    def tell_controller(self, age_s: float | None) -> None:
        self._controller_at = -math.inf if age_s is None else time.monotonic() - age_s


outbox = Outbox()


def register() -> None:
    """Have a server process take these turns."""
    server.every(TALLY_EVERY_S, sum_up, "recorder")
    server.every(TALLY_EVERY_S, publish, "metrics")
    server.every(WRITE_EVERY_S, flush, "recorder-writing", own_thread=True)
    server.every(EVIDENCE_EVERY_S, Tidying().turn, "tidying", own_thread=True)
    os.register_at_fork(before=_unpublish, after_in_child=_begin_anew)


def sum_up() -> None:
    outbox.sum_up()


def flush(*, is_last: bool = False) -> None:
    """Write everything that this process has seen.

    Buckets of the last seconds are written only with `is_last`, as at the end of a process.
    """
    outbox.write(is_last=is_last or server.background.is_stopped)


def publish() -> None:
    if not (server.background.is_stopped and _has_answered_nothing()):  # else it is the server, at its end
        outbox.publish(own_node())


def read_evidence() -> None:
    """Read the evidence of the release in force, for Prometheus."""
    points = EvidencePoint.objects.filter(release=store.current_snapshot().release)
    point = points.order_by("-at").first()
    outbox.tell_evidence(point.log_e if point else {})


class Tidying:
    """Watches the controller and reads its conclusions; now and then merges many rows into few."""

    def __init__(self) -> None:
        self._tidied_at = time.monotonic()

    def turn(self) -> None:
        outbox.tell_controller(watch_controller(canary_conf().now()).age_s)
        read_evidence()
        if time.monotonic() - self._tidied_at >= TIDY_EVERY_S:
            self._tidied_at = time.monotonic()
            now = canary_conf().now()
            compact(holder=server.presence.name, now=now)
            prune(holder=server.presence.name, now=now)


def count(name: str, label: str, times: int = 1) -> None:
    """Count for another part, for Prometheus; `name` is one of `canary.metrics.counters.COUNTERS`. Never waits."""
    outbox.told.append((name, label, times))


def observe(rows: Iterable[ObservationRow]) -> None:
    """Have observations of another part written. Never waits for the database."""
    outbox.observe(rows)


def know(identity: Identity, person: Person, proof: int) -> None:
    """Know whom a repeat has let in: `Tally.know`. Never waits for the database."""
    outbox.know(identity, person, proof)


def _gauges_of(snapshot: Snapshot, now_s: float) -> dict[str, dict[Labels, float]]:
    """Return the rollout's numbers, by gauge. There is no bulkhead, and so no gauge of it, once v1 is gone."""
    has_bulkhead = is_candidate(CANDIDATE, snapshot, now_s)
    period = None if snapshot.crossover is None else period_at(snapshot.crossover, now_s)
    return {
        "canary_weight_bp": {(): snapshot.weight_bp},
        "canary_config_version": {(): snapshot.version},
        "canary_latched": {(): float(snapshot.latched)},
        "canary_needs_controller": {(): float(needs_controller(snapshot))},
        "canary_crossover_period": {(): 0.0 if period is None else period + 1.0},
        "canary_bulkhead": {(): canary_conf().bulkhead_at(snapshot.weight_bp)} if has_bulkhead else {},
    }


def pool_numbers() -> dict[str, float]:
    """Return the numbers of the default database's pool; none without a pool."""
    pool = getattr(connections["default"], "pool", None)
    if pool is None:
        return {}
    found, names = pool.stats(), {"size": "size", "available": "idle", "waiting": "waiting"}
    return {f"canary_db_pool_{name}": float(found[key]) for name, key in names.items()}


def _unpublish() -> None:
    """Withdraw a process that forks before it has answered anything: it is the server, and not one of its workers."""
    if _has_answered_nothing():
        own_node().withdraw()


def _has_answered_nothing() -> bool:
    return not outbox.tally.totals.histograms


def _begin_anew() -> None:
    global outbox  # noqa: PLW0603  new in every process
    outbox = Outbox()
