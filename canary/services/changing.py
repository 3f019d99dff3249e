"""Change the rollout: lock the row, compare its version, change it, write the event, notify."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, transaction

from canary.conf import canary_conf, secret_for
from canary.core import chain
from canary.core.bucketing import cohort_of
from canary.core.crossover import running_crossover
from canary.core.lifecycle import ADVANCE, Life, dump_life
from canary.core.names import difference_of
from canary.core.plans import reached_step
from canary.errors import Refused, RolloutError, StoreUnreachable, VersionConflict
from canary.models import Rollout, RolloutEvent
from canary.notices.choosing import queue_notices
from canary.requests.faults import faults
from canary.state import store
from canary.state.status import status

REASON_MAX = 1_000
ACTOR_MAX = 160
BETWEEN_JOURNEYS = (ADVANCE, "build", "unguarded", "guarded")
"""The verbs of changes that settings with other names may make: servers tell of themselves at any time."""
UNREACHABLE = "The rollout's database can't be used, so nothing was changed"


def change_rollout(  # noqa: PLR0913  who, what, why, when and against which state: one change has no less
    *,
    verb: str,
    actor: str,
    reason: str,
    expected_version: int | None,
    now: datetime,
    mutate: Callable[[Rollout], str | None],
    evidence: dict[str, Any] | None = None,
) -> Rollout:
    """Run `mutate` on the locked row and record what it did; the row after it. A text that it returns is the verb.

    `expected_version` is the version that the caller has seen; None compares nothing. Raises RolloutError, with the
    state that was found; what `mutate` raises undoes all.
    """
    try:
        with transaction.atomic():
            row = lock_rollout(now)
            if expected_version is not None and row.version != expected_version:
                raise _conflict(row, expected_version)
            _refuse_between(row, verb)
            before = describe_row(row)
            verb = mutate(row) or verb
            _save(row, now)
            event = _write_event(row, before, _event_words(verb, actor, reason, evidence), now)
            _notify(event)
            transaction.on_commit(store.refresh, robust=True)
    except RolloutError as error:
        error.current = _status_or_nothing(now)
        raise
    except (IntegrityError, DataError):
        raise
    except (DatabaseError, InterfaceError) as error:
        raise StoreUnreachable("store-unreachable", f"{UNREACHABLE}: {_first_line(error)}.") from error
    return row


def _refuse_between(row: Rollout, verb: str) -> None:
    """Refuse a change by settings of another journey, whose weight or life would not be that of their versions."""
    sentence = difference_of(row.names, canary_conf().names)
    if sentence and verb not in BETWEEN_JOURNEYS:
        raise Refused("other-journey", sentence)


def lock_rollout(now: datetime) -> Rollout:
    """Return the row, locked until the transaction ends; make it on first use.

    A new row takes over the salt in force until then, so that nobody moves (ADR 15). Its weight is 0: servers apply the
    environment's percentage before their first response, and a command's environment may have another one.
    """
    row = Rollout.objects.select_for_update().filter(pk=1).first()
    if row is None:
        conf = canary_conf()
        first = Rollout(
            pk=1,
            salt=conf.snapshot.salt,
            build=conf.build(),
            stage_started_at=now,
            changed_at=now,
            lifecycle=dump_life(Life()),
            stable=conf.names.stable,
            candidate=conf.names.candidate,
        )
        Rollout.objects.bulk_create([first], ignore_conflicts=True)
        row = Rollout.objects.select_for_update().get(pk=1)
    _keep_keys(row)
    return row


def _keep_keys(row: Rollout) -> None:
    """Store the keys that SECRET_KEY gives, unless some are stored: another SECRET_KEY then moves nobody (ADR 34)."""
    row.anonymous_key = row.anonymous_key or secret_for("canary-anon").hex()
    row.cookie_key = row.cookie_key or secret_for("canary-cookie").hex()


def move_weight(row: Rollout, weight_bp: int, now: datetime) -> None:
    """Change the weight; every other one begins a stage, for it is another chance of being sent to v2."""
    if row.plan is not None:
        row.plan = {**row.plan, "step": reached_step(row.plan["steps_bp"], weight_bp)}
    if weight_bp != row.weight_bp:
        row.weight_bp = weight_bp
        row.request = None
        row.stage += 1
        row.stage_started_at = now


def begin_release(row: Rollout, now: datetime) -> None:
    """Begin a release: from now on observations count to a new body of evidence, and none to an earlier crossover."""
    row.release += 1
    row.crossover = None
    row.stage, row.stage_started_at = 1, now


def refuse_latched(row: Rollout) -> None:
    if row.latched:
        raise Refused(
            "latched", "The rollout was rolled back and stays at 0 % until somebody acknowledges that (`canary ack`)."
        )


def refuse_crossing(row: Rollout) -> None:
    if running_crossover(row.crossover) is not None:
        raise Refused("crossover-running", "A crossover is running: `crossover stop` ends it.")


def describe_row(row: Rollout) -> dict[str, Any]:
    """Return the row as events keep it: without the salt, by which anybody could make up identities for a version."""
    return {
        "weight_bp": row.weight_bp,
        "release": row.release,
        "stage": row.stage,
        "latched": row.latched,
        "plan": row.plan,
        "request": row.request,
        "crossover": row.crossover,
        "lifecycle": row.lifecycle,
        "environment_seen_bp": row.environment_seen_bp,
        "cohort": cohort_of(row.salt),
        "names": row.names.as_json(),
    }


def event_columns(event: RolloutEvent) -> dict[str, Any]:
    """Return the columns that the chain's hash covers, and the hash."""
    columns: dict[str, Any] = {name: getattr(event, name) for name in (*chain.COLUMNS, "hash")}
    return columns | {"at": event.at.astimezone(UTC).isoformat(timespec="microseconds")}


def _event_words(verb: str, actor: str, reason: str, evidence: dict[str, Any] | None) -> dict[str, Any]:
    words = {"verb": verb, "actor": storable(actor)[:ACTOR_MAX], "reason": storable(reason).strip()[:REASON_MAX]}
    if not words["reason"]:
        raise Refused("reason-missing", "Every change needs a reason.")
    return words | {"evidence": None if evidence is None else _plain(evidence)}


def storable(text: str) -> str:
    """Return the text without NUL and lone surrogates, which a command line may hold and no database takes."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _plain(value: Any) -> Any:
    """Return JSON as any database returns it, with the name of a number that JSON lacks.

    Evidence must never stop a rollback.
    """
    if isinstance(value, dict):
        return {storable(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return storable(str(value))


def _save(row: Rollout, now: datetime) -> None:
    row.version += 1
    row.changed_at = now
    row.save()


def _write_event(row: Rollout, before: dict[str, Any], words: dict[str, Any], now: datetime) -> RolloutEvent:
    last = RolloutEvent.objects.order_by("-version").values_list("hash", flat=True).first()
    after = json.loads(json.dumps(describe_row(row)))
    event = RolloutEvent(
        version=row.version, at=now, before=before, after=after, previous_hash=last or chain.GENESIS, **words
    )
    event.hash = chain.event_hash(event_columns(event))
    event.seal = chain.seal(event.hash, secret_for("canary-chain"))
    event.save(force_insert=True)
    return event


def _notify(event: RolloutEvent) -> None:
    """Queue the messages in the transaction: only if the change is made. A failing one does not stop the change."""
    conf = canary_conf()
    for notify in (conf.notify, queue_notices if conf.notify_urls else None):
        if notify is None:
            continue
        try:
            with transaction.atomic():
                notify(event)
        except Exception as error:
            faults.record(error)


def _conflict(row: Rollout, expected_version: int) -> VersionConflict:
    return VersionConflict(
        "version-conflict",
        f"The rollout is at version {row.version} with {row.weight_bp / 100:g} %, not at version {expected_version}:"
        " somebody else has changed it. Nothing was changed.",
    )


def _status_or_nothing(now: datetime) -> dict[str, Any]:
    try:
        return status(now)
    except StoreUnreachable:
        return {}


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
