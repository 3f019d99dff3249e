"""The evidence of a release as the database keeps it: observations in the order of their sequence, and checkpoints.

The state is a fold over the observations of the release in that order and nothing else. A process that reads the latest
checkpoint and replays the rest comes to the same state, to the last bit. Only the leader gives numbers and writes
checkpoints. Observations of another build than the one in force when their stage began are skipped.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from django.db import connection
from django.db.models import Max

from canary.conf import secret_for
from canary.core.statistics import Evidence, Observed
from canary.models import EvidenceCheckpoint, Observation
from canary.services.builds import builds_by_stage

COLUMNS: Final = Observed._fields
CHUNK: Final = 5_000
KEPT_RELEASES: Final = 2
"""Releases whose checkpoints stay: a state may take megabytes, and older releases have their verdicts."""

_OLDEST = "SELECT id FROM canary_observation WHERE sequence IS NULL ORDER BY id LIMIT %(limit)s"
_TAKEN = f"RETURNING sequence, release, build, {', '.join(COLUMNS)}"
_SEQUENCE = f"""
    UPDATE canary_observation SET sequence = %(after)s + width_bucket(id, %(ids)s::bigint[])
    WHERE id = ANY(%(ids)s::bigint[])
    {_TAKEN}
"""  # noqa: S608  the names are the model's own
_SEQUENCE_ON_SQLITE = f"""
    WITH fresh AS (SELECT first.id, row_number() OVER (ORDER BY first.id) AS place FROM ({_OLDEST}) AS first)
    UPDATE canary_observation SET sequence = %(after)s + fresh.place FROM fresh WHERE canary_observation.id = fresh.id
    {_TAKEN}
"""  # noqa: S608  likewise

logger = logging.getLogger(__name__)

type Taken = tuple[int, Observed | None]
"""The number of an observation, and the observation if it counts in the book's release."""


class Builds:
    """Whose observations count in each stage of a release."""

    def __init__(self, release: int) -> None:
        self._release = release
        self._by_stage: dict[int, str] = {}

    def observed(self, build: str, columns: Iterable[Any]) -> Observed | None:
        """Return the observation of these COLUMNS; None for one that another build wrote."""
        observed = Observed(*columns)
        return observed if self.counts(observed.stage, build) else None

    def counts(self, stage: int, build: str) -> bool:
        """Return whether this build's observations count in the stage."""
        if stage not in self._by_stage:
            self._by_stage = {stage: "", **builds_by_stage(self._release)}
        return self._by_stage[stage] in ("", build)


@dataclass
class Book:
    """A process's evidence of a release, up to and with the observation `sequence` of all releases."""

    release: int
    evidence: Evidence
    sequence: int
    saved: int
    """The sequence of the last checkpoint; -1 before the first."""
    builds: Builds

    @property
    def unsaved(self) -> int:
        return self.sequence - self.saved


def open_book(release: int, keep: Callable[[], object] = lambda: None) -> Book:
    """Open a book from the latest checkpoint and later numbered observations; `keep` is called now and then."""
    evidence, saved = _checkpoint(release)
    upto = last_sequence()
    builds = Builds(release)
    for build, columns in replayed(release, max(saved, 0), keep):
        _take(evidence, builds.observed(build, columns))
    return Book(release, evidence, upto, saved, builds)


def peek(release: int) -> Evidence:
    """Return the evidence as if all waiting observations were taken now, in the order of arrival. Writes nothing."""
    book = open_book(release)
    waiting = Observation.objects.filter(release=release, sequence=None).order_by("pk")
    for build, *columns in waiting.values_list("build", *COLUMNS):
        _take(book.evidence, book.builds.observed(build, columns))
    return book.evidence


def has_new() -> bool:
    return Observation.objects.filter(sequence=None).exists()


def take_new(book: Book, limit: int = CHUNK) -> list[Taken]:
    """Give the oldest observations without a number the next ones; those of the book's release, in their order.

    Rows of other releases get their numbers too. For the leader's transaction: the book itself stays as it is until
    `enter`, so that what isn't committed was never taken.
    """
    given: dict[str, Any] = {"limit": limit, "after": book.sequence}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # A join would be planned for the row count of the last ANALYZE, when the table may have been empty.
            cursor.execute(_OLDEST, given)
            given["ids"] = [row[0] for row in cursor.fetchall()]
            cursor.execute(_SEQUENCE, given)
        else:
            cursor.execute(_SEQUENCE_ON_SQLITE, given)
        rows = sorted(cursor.fetchall())
    return [(row[0], book.builds.observed(row[2], row[3:]) if row[1] == book.release else None) for row in rows]


def enter(book: Book, taken: list[Taken]) -> None:
    """Add to the book, after the commit, what was taken."""
    for sequence, observed in taken:
        book.sequence = sequence
        _take(book.evidence, observed)


def save(book: Book, now: datetime) -> None:
    """Write a checkpoint, for the leader's transaction."""
    EvidenceCheckpoint.objects.update_or_create(
        release=book.release,
        defaults={"sequence": book.sequence, "state": book.evidence.dump(), "at": now},
    )
    EvidenceCheckpoint.objects.filter(release__lte=book.release - KEPT_RELEASES).delete()
    book.saved = book.sequence


def last_sequence() -> int:
    """Return the last number given; observations may be pruned, so a checkpoint can know of a later one."""
    given = Observation.objects.aggregate(last=Max("sequence"))["last"] or 0
    known = EvidenceCheckpoint.objects.aggregate(last=Max("sequence"))["last"] or 0
    return int(max(given, known))


def _checkpoint(release: int) -> tuple[Evidence, int]:
    found = EvidenceCheckpoint.objects.filter(release=release).first()
    if found is not None:
        try:
            return Evidence.load(bytes(found.state)), found.sequence
        except (ValueError, KeyError, TypeError):
            logger.warning("the checkpoint of release %d is of another version: all is replayed instead", release)
    return Evidence.fresh(guard_salt(release)), -1


def guard_salt(release: int) -> str:
    """Return the salt of a release's A/A guard: another draw in each, the same in every replay."""
    return blake2b(str(release).encode(), digest_size=16, key=secret_for("canary-guard")).hexdigest()


def replayed(release: int, after: int, keep: Callable[[], object] = lambda: None) -> Iterator[tuple[str, list[Any]]]:
    """Yield build and COLUMNS of the numbered observations after a number, in their order.

    Read page by page: a cursor would have to stay open as long as the replay takes.
    """
    columns = ("sequence", "build", *COLUMNS)
    rows: Any = Observation.objects.filter(release=release).order_by("sequence").values_list(*columns)
    while page := list(rows.filter(sequence__gt=after)[:CHUNK]):
        for sequence, build, *observed in page:
            yield build, observed
            after = sequence
        keep()


def _take(evidence: Evidence, observed: Observed | None) -> None:
    if observed is not None:
        evidence.take(observed)
