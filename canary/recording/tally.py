"""Read the recorder's queue beside the requests and sum it up in memory: nothing here waits for anything."""

import datetime
import logging
import re
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from canary.conf import BUSY, secret_for
from canary.core.crossover import counted_period, is_drawn
from canary.core.histograms import SLICES, cell_of
from canary.core.routing import CROSSOVER, OVERLOADED
from canary.core.values import CANDIDATE, STABLE, Decision, Identity, Snapshot
from canary.metrics.counters import Totals
from canary.recording.batches import (
    BUCKET_S,
    Batch,
    CellKey,
    Finding,
    FindingKey,
    LastSeen,
    Usage,
    UsageKey,
)
from canary.recording.outcomes import Crossed, CrossoverKey, OutcomeKey, Sample
from canary.recording.recorder import GONE, Person, Seen
from canary.recording.route_names import REFUSED, Name, name_of, name_of_path
from canary.recording.traffic import Traffic
from canary.recording.units import Judged, Subject, Units
from canary.requests.identity import UnusableIdentityError, client_identity, network_of, parse_cookie, was_let_in
from canary.requests.queries import fingerprint_of, normalised

logger = logging.getLogger("canary")

NOT_JUDGED: Final = frozenset({401, 403, 404, 405, 410, 429})
"""Responses about who asks and what for: neither good nor failed. Both versions' shares of refusals are compared."""
CLIENT_ERRORS: Final = frozenset({400, 406, 409, 412, 413, 415, 422, 428})
"""A stricter version could cause these: counted for people."""
ANSWERS_AGAIN: Final = frozenset({"busy", "failover"})
"""Why the stable version answers what the candidate has answered already."""
STANDS_IN: Final = ANSWERS_AGAIN | {"overflow"}
"""Why the stable version answers in place of the candidate, which the identity was sent to."""
COUNTED: Final = {"overflow": "canary_shed", "busy": "canary_shed", "failover": "canary_failovers"}
"""For Prometheus, by the reason of a decision."""
BROWNOUT: Final = "lifecycle_brownout"
WEIGHED: Final = frozenset({"bucket", "failover", CROSSOVER, BROWNOUT})
"""Breakers look at these. In a brownout nobody is split, and a rollback ends it."""
READS: Final = frozenset({"GET", "HEAD"})
SAFE: Final = READS | {"OPTIONS"}
NOT_HERE: Final = frozenset({301, 302, 307, 308})
"""Redirects of a write that has not been done. A 303 says that it has (RFC 9110, section 15.4.4)."""
UNUSED: Final = frozenset({"health", "synthetic"})
"""Whose calls of v1 don't count as use of it."""
NOTE_AGAIN_S: Final = 30.0
NOTED_MAX: Final = 100_000
UNVOUCHED: Final = frozenset({"client", "anon"})
"""Kinds that anybody can make up."""
PROOFS_MAX: Final = 4
"""So many credentials of one identity, such as its sessions, prove who sends a refused request."""
UNVOUCHED_MAX: Final = 5_000
"""So many of these are recorded for one network, per process and day."""
_PRODUCT: Final = re.compile(r"[\w.+-]{1,80}", re.ASCII)


class Tally:
    """Everything that one process has seen and not yet handed on. Used by one thread at a time."""

    def __init__(self) -> None:
        self.batch = Batch()
        self.totals = Totals()
        self.traffic = Traffic()
        self._units = Units()
        self._sample = Sample()
        self._noted: dict[Identity, float] = {}
        self._unvouched: dict[tuple[datetime.date, str], int] = {}
        self._people: dict[Identity, tuple[Person, tuple[int, ...]]] = {}
        """Whom the views knew, and what stands for the last credentials that they were known by."""
        self._stable_writes: dict[tuple[str, bool], list[int]] = {}
        """The stable version's writes by route, of people who can't be made up or of others: all, and redirected."""

    def take(self, seen: Seen, at_s: float) -> None:
        """Count one request that was answered at `at_s`, in unix seconds."""
        at = datetime.datetime.fromtimestamp(at_s, datetime.UTC)
        if isinstance(seen.answer, Decision):
            name = name_of(seen.answer.api_version, seen.method, seen.template)
            if seen.template is None and seen.status >= 500:  # it found no place beside requests that hang
                name = name_of_path(seen.method, seen.path)
            version = seen.snapshot.names.of(seen.answer.api_version)
            self.totals.count_request(version, name.shared, seen.status, seen.took_ns / 1e9)
            self._take_decided(seen, seen.answer, name, at)
            if counter := COUNTED.get(seen.answer.reason):
                self.totals.count(counter)
        else:
            name = name_of_path(seen.method, seen.path) if seen.status == GONE else Name(REFUSED, "")
            version = seen.snapshot.names.stable if seen.status == GONE else "none"
            self.totals.count_request(version, name.shared if name.own else REFUSED, seen.status, seen.took_ns / 1e9)
            if seen.answer.code == OVERLOADED.code:
                self.totals.count("canary_shed")
            self._use(seen, None, name.own, at)

    def _take_decided(self, seen: Seen, decision: Decision, name: Name, at: datetime.datetime) -> None:
        identity = decision.identity
        network = network_of(seen.address)
        person = self._person_of(identity, seen) if identity else None
        subject = subject_of(identity, person, at) if identity else Subject(network, "", is_authenticated=False)
        # One unit a network: no name that is made up adds a row, and none hides what others got.
        voter = subject.unit if subject.is_authenticated else network
        stands_in = decision.reason in STANDS_IN
        is_crossing = _is_crossing(decision, seen.snapshot)
        is_by_bucket = decision.reason == "bucket" or (stands_in and decision.bucket is not None) or is_crossing
        is_recorded = identity is None or self._is_recorded(identity, network, seen.status, at)
        is_counted = is_by_bucket and not seen.excluded
        is_split = is_counted and is_recorded
        # Neither version fails where a store that both need is away or busy.
        judged = is_split and not stands_in and not seen.away and seen.status not in NOT_JUDGED
        self._count(seen, decision.api_version, name.shared, voter, judged, at)
        if identity is not None and decision.reason not in ANSWERS_AGAIN:
            self.traffic.add(identity, at.timestamp())
            if is_recorded:
                self._note(identity, seen, at)
        if is_split and identity is not None:
            self._judge(
                seen,
                Judged(
                    seen.snapshot,
                    CANDIDATE if stands_in else decision.api_version,
                    subject,
                    name.shared,
                    seen.status,
                    seen.took_ns / 1e6,
                    network,
                    at - datetime.timedelta(microseconds=seen.took_ns / 1e3),
                    judged,
                    decision.reason == "failover" and seen.status < 500,
                    self._is_refused(seen, decision, name, subject) and name.is_common and not stands_in,
                ),
                is_crossing=is_crossing,
            )
        # Strangers can send a key's prefix: their good answers must not thin out the failures that its owner had.
        if judged and is_crossing and identity and (person or identity.kind == "client"):
            self._cross(seen, decision, str(identity), at)
        is_by_brownout = decision.reason == BROWNOUT and not seen.excluded
        is_weighed = (is_counted or is_by_brownout) and decision.reason in WEIGHED
        if is_weighed and identity is not None and seen.snapshot.version:
            self._weigh(seen, decision, voter, at)
        if decision.api_version == STABLE and not stands_in:
            self._use(seen, identity, name.own, at)

    def _is_refused(self, seen: Seen, decision: Decision, name: Name, subject: Subject) -> bool:
        """Return whether the client did not get what it asked for, and the version has not failed.

        A redirected write is refused, except where the stable version has redirected half of these or more so far: a
        login that leads on would be its users' one refusal, and hide all others. Such a rule of the past alone is as
        fair to either version as none.
        """
        if seen.method in SAFE:
            return 400 <= seen.status < 500 or seen.away == BUSY
        is_elsewhere = seen.status in NOT_HERE
        known = self._stable_writes.setdefault((name.shared, subject.is_authenticated), [0, 0])
        is_usual = 0 < known[0] <= 2 * known[1]
        if decision.api_version == STABLE:
            known[0] += 1
            known[1] += is_elsewhere
        return 400 <= seen.status < 500 or seen.away == BUSY or (is_elsewhere and not is_usual)

    def _weigh(self, seen: Seen, decision: Decision, unit: str, at: datetime.datetime) -> None:
        """Count an answer for the breakers; that of the stable version after a failover beside the failed one."""
        snapshot, is_failed = seen.snapshot, seen.status >= 500
        is_again = decision.reason == "failover"
        api_version = CANDIDATE if is_again else decision.api_version
        key = OutcomeKey(at.replace(second=0, microsecond=0), snapshot.release, snapshot.stage, api_version, unit)
        halvings = self._sample.halvings_for(key)
        if halvings is None:
            return
        outcome = self.batch.outcome(key, halvings)
        if is_again:
            outcome.failed_over += 1
            outcome.failed_twice += is_failed
            return
        # A 4xx is neither good nor failed: strangers with nonsense would hide that everybody else's requests fail.
        if not 400 <= seen.status < 500 and not seen.away:
            outcome.answers += 1
            outcome.failures += is_failed
        if seen.method in READS:
            outcome.reads += 1
            outcome.refused_reads += 400 <= seen.status < 500

    def _person_of(self, identity: Identity, seen: Seen) -> Person | None:
        """Return whom the view knew.

        A failure or refusal before the user is looked up belongs to the person of an earlier response: a version may
        refuse wrongly, by a lost route or a credential that it does not know. A refusal needs the same credentials.
        A failure of a key needs them too, for it is anybody's without: a cookie is signed for any key that somebody
        makes up.
        """
        if seen.person is None:
            person, proofs = self._people.get(identity, (None, ()))
            if seen.status < 400:
                return None
            needs_proof = identity.kind == "key" or seen.status < 500
            return person if not needs_proof or (seen.proof and seen.proof in proofs) else None
        self.know(identity, seen.person, seen.proof)
        return seen.person

    def know(self, identity: Identity, person: Person, proof: int) -> None:
        """Remember whom a view knew by these credentials, of a request or of its repeat on the other version."""
        if len(self._people) >= NOTED_MAX:
            self._people.clear()
        known, proofs = self._people.get(identity, (person, ()))
        if known != person or proof not in proofs:
            kept = proofs[1 - PROOFS_MAX :] if known == person else ()
            self._people[identity] = (person, (*kept, proof))

    def _count(self, seen: Seen, api_version: int, route: str, unit: str, judged: bool, at: datetime.datetime) -> None:
        start_s = int(at.timestamp())
        snapshot = seen.snapshot
        cell = self.batch.cell(
            CellKey(
                start_s - start_s % BUCKET_S,
                snapshot.release,
                snapshot.stage,
                snapshot.weight_bp,
                api_version,
                route,
                judged,
            )
        )
        cell.requests += 1
        if 200 <= seen.status < 600:
            cell.statuses[seen.status // 100 - 2] += 1
        cell.client_errors += seen.status in CLIENT_ERRORS
        cell.sql += seen.queries.statements
        cell.sql_max = max(cell.sql_max, seen.queries.statements)
        cell.seconds += seen.took_ns / 1e9
        place = cell_of(int(unit[:2], 16) % SLICES, seen.took_ns / 1e6)
        cell.histogram[place] = cell.histogram.get(place, 0) + 1

    def _cross(self, seen: Seen, decision: Decision, consumer: str, at: datetime.datetime) -> None:
        """Count an answer in the period in which its request came, if the schedule had this version then."""
        snapshot, crossover = seen.snapshot, seen.snapshot.crossover
        assert crossover is not None
        period = counted_period(crossover, at.timestamp() - seen.took_ns / 1e9)
        is_on_candidate = decision.api_version == CANDIDATE
        if period is None or is_drawn(crossover, consumer, period, snapshot.salt) != is_on_candidate:
            return
        key = CrossoverKey(snapshot.release, crossover.consumers[consumer], period, decision.api_version)
        crossed = self.batch.crossed.setdefault(key, Crossed())
        crossed.requests += 1
        crossed.failures += seen.status >= 500

    def _judge(self, seen: Seen, judged: Judged, *, is_crossing: bool) -> None:
        """Note what the statistics of a plan bet on, except of a crossover, and the statements that were repeated."""
        for row in () if is_crossing else self._units.observe(judged):
            self.batch.observe(row)
        if not judged.is_evidence:
            return
        for sql, times in seen.queries.repeated:
            statement = _normalised(sql)
            if statement is None:
                continue
            key = FindingKey(judged.snapshot.release, judged.api_version, judged.route, fingerprint_of(statement))
            found = self.batch.finding(
                key,
                lambda said=statement: Finding(said, judged.at, judged.at),  # type: ignore[misc]
            )
            found.last_seen_at = judged.at
            found.repeats_max = max(found.repeats_max, times)
            found.requests += 1

    def _is_recorded(self, identity: Identity, network: str, status: int, at: datetime.datetime) -> bool:
        """Return whether the identity is known, or can't be made up, or is among the first of its network and day.

        Anybody can make up the text of a key: it is known once a view has known its person.
        """
        is_unknown_key = identity.kind == "key" and identity not in self._people
        if is_unknown_key and status in NOT_JUDGED:
            return False
        if not (is_unknown_key or identity.kind in UNVOUCHED) or identity in self._noted:
            return True
        key = (at.date(), network)
        if len(self._unvouched) >= NOTED_MAX:
            self._unvouched.clear()
        count = self._unvouched[key] = self._unvouched.get(key, 0) + 1
        return count <= UNVOUCHED_MAX

    def _note(self, identity: Identity, seen: Seen, at: datetime.datetime) -> None:
        """Note an identity that came: again after a while, and each time it turns out to have been another one."""
        before = None
        if identity.kind in ("user", "key") and seen.cookie.startswith(("client.", "anon.")):
            before = parse_cookie(seen.cookie)
        at_s = at.timestamp()
        if before is None and at_s - self._noted.get(identity, 0.0) < NOTE_AGAIN_S:
            return
        if len(self._noted) >= NOTED_MAX:
            self._noted.clear()
        self._noted[identity] = at_s
        self.batch.see(identity, LastSeen(at, before))

    def _use(self, seen: Seen, identity: Identity | None, route: str, at: datetime.datetime) -> None:
        if not route or seen.excluded in UNUSED:
            return
        identity = identity or (Identity(*seen.credential) if seen.credential else _named(seen))
        is_vouched = identity is not None and _is_vouched(identity, seen)
        kind, identifier = _consumer(identity, seen, is_vouched=is_vouched)
        product = _PRODUCT.match(seen.agent)
        agent = product[0] if product else ""
        usage = self.batch.usage(UsageKey(at.date(), kind, identifier, route), lambda: Usage(agent, at))
        usage.agent, usage.last_seen_at = agent or usage.agent, at
        usage.calls += 1
        usage.refused += seen.status == GONE
        usage.is_vouched |= is_vouched


def _is_crossing(decision: Decision, snapshot: Snapshot) -> bool:
    """Return whether the schedule of a crossover chose the version, also where the stable one stood in for it."""
    if snapshot.crossover is None or decision.bucket is None or decision.reason == "bucket":
        return False
    return str(decision.identity) in snapshot.crossover.consumers


def subject_of(identity: Identity, person: Person | None, at: datetime.datetime) -> Subject:
    """Return the unit that the request counts for: the person whose own identity it is, else the identity.

    Other people may send the same `X-Client-Id` and share its bucket: were each of them a unit, they would all fall on
    one side together.
    """
    digest = digest_of(identity)
    is_own = person is not None and (identity.kind == "key" or identity == ("user", person[0]))
    if person is None or not is_own:
        return Subject(digest, digest, is_authenticated=False)
    owner, since, *may_choose = person
    is_chosen = identity.kind == "key" and any(may_choose)
    return Subject(digest_of(Identity("user", owner)), digest, is_authenticated=since <= at, is_chosen=is_chosen)


def digest_of(identity: Identity) -> str:
    """Return what names the identity in evidence; under another key than the bucket's, so that they are independent."""
    name = str(identity).encode(errors="surrogateescape")
    return blake2b(name, digest_size=16, key=secret_for("canary-unit")).hexdigest()


def _is_vouched(identity: Identity, seen: Seen) -> bool:
    """Return whether a view has known this very identity: no cookie proves one, and no other person's session."""
    if identity.kind == "user" and seen.person is not None and seen.person[0] == identity.id:
        return True
    return _is_of_credential(identity, seen) and was_let_in(seen.status, is_known=seen.person is not None)


def _is_of_credential(identity: Identity, seen: Seen) -> bool:
    return seen.credential is not None and identity == Identity(*seen.credential)


def _consumer(identity: Identity | None, seen: Seen, *, is_vouched: bool) -> tuple[str, str]:
    """Return kind and id of the consumer of v1; an empty id for one without a name, or with one that may be made up.

    No view looks at the keys of refused calls: they keep their names, which nobody vouches for.
    """
    if identity is None or identity.kind == "anon":
        return "anon", ""
    is_own = _is_of_credential(identity, seen)
    is_refuted = is_own and not is_vouched and seen.status != GONE
    return ("anon", "") if is_refuted or (identity.kind == "key" and not is_own) else (identity.kind, identity.id)


def _named(seen: Seen) -> Identity | None:
    try:
        return client_identity(seen.client_id) or parse_cookie(seen.cookie)
    except UnusableIdentityError:
        return None


_normalised = lru_cache(maxsize=512)(normalised)
