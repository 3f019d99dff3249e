"""Change v1's life: its deprecation, brownouts and sunset, the way back, and notices to its consumers.

`is_override` skips the guards, never the order of states and dates; the event keeps the skipped guards. Where
approvals are needed, what takes v1 from its clients waits until a second person asks for the same.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db.models import Max

from canary.conf import canary_conf
from canary.core import consumers, lifecycle
from canary.core.approvals import ADD_BROWNOUT, ENDS_OF_STABLE, EXTEND, REQUEST, SUNSET
from canary.core.lifecycle import Facts, Life, LifeError, OwnWindow, Unmet, Window
from canary.core.names import Names, in_names
from canary.core.plans import FULL_BP
from canary.errors import Refused
from canary.models import Rollout, RolloutEvent, Verdict
from canary.retiring.consumers import consumers_to_tell, dates_to_tell, usages_to_tell
from canary.retiring.parity import unmapped_calls
from canary.retiring.usage import NOTIFY, last_call_at, quiet_left_out, recent_callers, recent_calls, untold
from canary.services.changing import change_rollout
from canary.services.waiting import StepUp, confirmed, keep_waiting

type Guard = Callable[[Life, Facts, float], list[Unmet]]
NAMES_KEPT: Final = 200
"""How many names each list of facts has in the event log: strangers can make up very many."""


@dataclass(frozen=True)
class Transition:
    verb: str
    step: Callable[[Life, Facts], Life]
    guard: Guard | None = None
    is_override: bool = False
    arguments: dict[str, Any] = field(default_factory=dict)
    """Those that two people have to agree on, as JSON."""
    told: dict[str, Any] = field(default_factory=dict)
    """More that the event keeps."""
    is_untold_spared: bool = False
    notes: list[str] = field(default_factory=list)
    """Sentences after those of guards that aren't met."""
    is_end: Callable[[Life, Life], bool] = lambda before, after: True
    """Whether a verb of ENDS_OF_STABLE takes v1 from anybody, which a second person has to approve."""


def deprecate(
    *, sunset_at: int, is_override: bool = False, actor: str, reason: str, expected_version: int | None, now: datetime
) -> Rollout:
    """Announce v1's end at `sunset_at`, in unix seconds; if it is deprecated already, only move the date."""
    at = now.timestamp()
    transition = Transition(
        "lifecycle deprecate",
        lambda life, facts: lifecycle.deprecate(life, sunset_at, at),
        lifecycle.unmet_for_deprecation,
        is_override,
    )
    return _take(transition, actor=actor, reason=reason, expected_version=expected_version, now=now)


def add_brownout(
    *, window: Window, is_override: bool = False, actor: str, reason: str, expected_version: int | None, now: datetime
) -> Rollout:
    """Plan a window, from and to in unix seconds, in which v1 is switched off."""
    transition = Transition(
        ADD_BROWNOUT,
        lambda life, facts: lifecycle.add_brownout(life, window, now.timestamp()),
        lambda life, facts, at: lifecycle.unmet_for_brownout(life, window, facts, at),
        is_override,
        {"window": [*window], "is_override": is_override},
    )
    return _take(transition, actor=actor, reason=reason, expected_version=expected_version, now=now)


def add_own_brownout(
    *, own: OwnWindow, is_override: bool = False, actor: str, reason: str, expected_version: int | None, now: datetime
) -> Rollout:
    """Plan a window in which v1 is switched off for one consumer alone."""
    consumer, window = own.consumer, (own.start, own.end)
    transition = Transition(
        ADD_BROWNOUT,
        lambda life, facts: consumers.add_own_brownout(life, consumer, window, now.timestamp()),
        lambda life, facts, at: consumers.unmet_for_own_brownout(life, consumer, window, facts, at),
        is_override,
        {"window": [*window], "consumer": consumer, "is_override": is_override},
        {"consumer": consumer},
    )
    return _take(transition, actor=actor, reason=reason, expected_version=expected_version, now=now)


def end_brownout(
    *,
    is_all: bool = False,
    consumer: str | None = None,
    actor: str,
    reason: str,
    expected_version: int | None,
    now: datetime,
) -> Rollout:
    """End the running windows now, those of single consumers too; with `is_all` those ahead are taken back as well.

    With `consumer` only its own.
    """
    at = now.timestamp()
    transition = Transition(
        "lifecycle brownout end",
        lambda life, facts: consumers.end_brownouts(life, at, is_all=is_all, consumer=consumer),
        told={"consumer": consumer} if consumer else {},
    )
    return _take(transition, actor=actor, reason=reason, expected_version=expected_version, now=now)


def extend(
    *,
    consumer: str,
    until: int | None,
    actor: str,
    reason: str,
    expected_version: int | None,
    now: datetime,
) -> Rollout:
    """Let v1 answer this consumer until then, in unix seconds, also after the sunset; None ends its extension."""
    at = now.timestamp()

    def step(life: Life, facts: Facts) -> Life:
        if until is None:
            return consumers.end_extension(life, consumer)
        return consumers.extend(life, consumer, until, at)

    told = {"consumer": consumer, "until": until}
    transition = Transition(
        EXTEND,
        step,
        arguments=told,
        told=told,
        is_end=lambda before, after: consumers.is_shortened(before, after, consumer),
    )
    return _take(transition, actor=actor, reason=reason, expected_version=expected_version, now=now)


def sunset(
    *,
    is_override: bool = False,
    is_told_only: bool = False,
    actor: str,
    reason: str,
    expected_version: int | None,
    now: datetime,
) -> Rollout:
    """Take v1 out of service, until `restore`.

    With `is_told_only` v1 keeps answering consumers that were never notified, until the notice days after they are.
    """
    if not canary_conf().snapshot.is_candidate_enabled:
        sentence = "v2 is switched off by API_V2_ENABLED=false: without v1 no version would answer."
        raise Refused("v2-off", in_names(sentence, canary_conf().names))
    if Rollout.objects.filter(pk=1, latched=True).exists():
        raise Refused(
            "latched",
            f"The rollout was rolled back: no user gets v{canary_conf().names.candidate} until somebody acknowledges it"
            " (`canary ack`).",
        )
    at, calls = now.timestamp(), recent_calls(now)

    def step(life: Life, facts: Facts) -> Life:
        following = lifecycle.sunset(life, at)
        return consumers.spare_untold(following, facts.spared, at) if is_told_only else following

    arguments = {"is_override": is_override} | ({"is_told_only": True} if is_told_only else {})
    transition = Transition(
        SUNSET,
        step,
        lifecycle.unmet_for_sunset,
        is_override,
        arguments,
        told={"calls": calls._asdict()},
        is_untold_spared=is_told_only,
        notes=[*filter(None, [consumers.unproven_sentence(calls.unproven, calls.recent)])],
    )
    return _take(transition, actor=actor, reason=reason, expected_version=expected_version, now=now)


def restore(*, actor: str, reason: str, expected_version: int | None, now: datetime) -> Rollout:
    """Go one state back, so that v1 answers again; announced dates that are still to come are in force again."""
    transition = Transition("lifecycle restore", lambda life, facts: lifecycle.restore(life, now.timestamp()))
    return _take(transition, actor=actor, reason=reason, expected_version=expected_version, now=now)


def notify(*, actor: str, reason: str, expected_version: int | None, now: datetime) -> dict[str, str]:
    """Mail each consumer of v1 its own usage; return the result by consumer: `mailed` or `no_address`.

    The notice days of consumers that a sunset spared begin now.
    """
    outcome: dict[str, str] = {}
    seen = Rollout.objects.filter(pk=1).first()
    # Read before the row is locked: a rollback must not wait for the usage that strangers have made.
    prepared = _prepared_notices(lifecycle.life_from(seen.lifecycle) if seen else Life(), now)

    def mutate(row: Rollout) -> None:
        life = lifecycle.life_from(row.lifecycle)
        if life != prepared.before:
            sentence = "The end of v1 changed while the notices were prepared, so no consumer was notified: try again."
            raise Refused("changed-meanwhile", in_names(sentence, row.names))
        outcome.update(_tell(prepared.usages, prepared.dates))
        row.lifecycle = lifecycle.dump_life(prepared.after)

    change_rollout(
        verb=NOTIFY,
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        now=now,
        mutate=mutate,
        evidence={"consumers": outcome},
    )
    return outcome


class _Notices(NamedTuple):
    before: Life
    after: Life
    usages: list[dict[str, Any]]
    dates: dict[str, Any]


def _prepared_notices(life: Life, now: datetime) -> _Notices:
    named = consumers_to_tell(now, life)
    after = consumers.count_as_told(life, [one.consumer for one in named], now.timestamp())
    return _Notices(life, after, usages_to_tell(named, now, after), dates_to_tell(now, after))


def facts_about(row: Rollout, now: datetime, *, is_untold_spared: bool = False) -> Facts:
    """Return the facts that the guards of every transition look at, read from the tables.

    `is_untold_spared`: as if v1 kept answering those that were never notified.
    """
    life = lifecycle.life_from(row.lifecycle)
    verdict = Verdict.objects.filter(release=row.release).order_by("-at", "-pk").first()
    extended = consumers.extended(life, now.timestamp())
    callers = recent_callers(now)
    left_out = untold(callers, life.deprecated_at)
    proven = {name: caller for name, caller in left_out.items() if caller.is_proven}
    reached = [name for name in proven if name not in extended]
    spared = [*filter(consumers.can_be_spared, reached)] if is_untold_spared else []
    kept = {*extended, *spared}
    ended = (caller.last_at for name, caller in callers.items() if caller.is_proven and name not in kept)
    return Facts(
        full_since=_full_since(row),
        is_safe=verdict is not None and verdict.kind == Verdict.Kind.PASS,
        unmapped=unmapped_calls(),
        unnotified=tuple(quiet_left_out(proven, now)),
        last_call_at=_seconds(last_call_at()),
        untold=tuple(name for name in reached if name not in {*spared}),
        unproven=tuple(name for name in left_out if name not in proven),
        spared=tuple(spared),
        last_reached_at=_seconds(max(ended, default=None)),
    )


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())


def _full_since(row: Rollout) -> int | None:
    """Return since when v2 has had all, in unix seconds. By the events: a deployment begins a stage of that weight."""
    if row.weight_bp != FULL_BP:
        return None
    before = RolloutEvent.objects.exclude(after__weight_bp=FULL_BP).aggregate(last=Max("version"))["last"] or 0
    events = RolloutEvent.objects.filter(version__gt=before).order_by("version")
    since = events.values_list("at", flat=True).first()
    return None if since is None else int(since.timestamp())


def _take(transition: Transition, *, actor: str, reason: str, expected_version: int | None, now: datetime) -> Rollout:
    evidence: dict[str, Any] = {**transition.told}

    def mutate(row: Rollout) -> str | None:
        life, facts = lifecycle.life_from(row.lifecycle), Facts()
        if transition.guard is not None:
            facts = facts_about(row, now, is_untold_spared=transition.is_untold_spared)
        following = _step(transition, life, facts, row.names)
        if transition.guard is not None:
            unmet = transition.guard(life, facts, now.timestamp())
            if unmet and not transition.is_override:
                raise _refusal([one.sentence for one in unmet] + transition.notes, row.names)
            skipped = [asdict(one) for one in unmet]
            evidence.update(facts=_kept(facts), is_override=transition.is_override, skipped=skipped)
        change = StepUp(transition.verb, transition.arguments, row.weight_bp, actor, reason, now)
        if request := confirmed(row, change):
            evidence["request"] = request
        elif transition.is_end(life, following) and keep_waiting(row, change):
            return REQUEST
        row.lifecycle = lifecycle.dump_life(following)
        if row.request is not None and row.request["verb"] in ENDS_OF_STABLE:
            row.request = None
        return None

    return change_rollout(
        verb=transition.verb,
        actor=actor,
        reason=reason,
        expected_version=expected_version,
        now=now,
        mutate=mutate,
        evidence=evidence,
    )


def _step(transition: Transition, life: Life, facts: Facts, names: Names) -> Life:
    try:
        return transition.step(life, facts)
    except LifeError as error:
        raise Refused(error.code, in_names(error.sentence, names)) from error


def _kept(facts: Facts) -> dict[str, Any]:
    told = asdict(facts)
    return {name: value[:NAMES_KEPT] if isinstance(value, tuple) else value for name, value in told.items()}


def _refusal(sentences: list[str], names: Names) -> Refused:
    return Refused("guards-unmet", in_names(" ".join(sentences), names), override="override")


def _tell(usages: list[dict[str, Any]], life: dict[str, Any]) -> dict[str, str]:
    notify_consumers = canary_conf().notify_consumers
    if notify_consumers is None:
        raise Refused("no-notifier", "CANARY['NOTIFY_CONSUMERS'] is not set, so no consumer can be notified.")
    return notify_consumers(usages, life)
