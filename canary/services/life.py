"""Change v1's life: its deprecation, brownouts and sunset, the way back, and notices to its consumers.

`is_override` skips the guards, never the order of states and dates; the event keeps the skipped guards. Where
approvals are needed, what takes v1 from its clients waits until a second person asks for the same.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Max

from canary.conf import canary_conf
from canary.core import lifecycle
from canary.core.approvals import ADD_BROWNOUT, ENDS_OF_V1, REQUEST, SUNSET
from canary.core.lifecycle import Facts, Life, LifeError, Unmet, Window
from canary.core.plans import FULL_BP
from canary.errors import Refused
from canary.models import Rollout, RolloutEvent, Verdict
from canary.retiring.consumers import dates_to_tell, usages_to_tell
from canary.retiring.parity import unmapped_calls
from canary.retiring.usage import NOTIFY, last_call_at, unnotified
from canary.services.changing import change_rollout
from canary.services.waiting import StepUp, confirmed, keep_waiting

type Guard = Callable[[Life, Facts, float], list[Unmet]]


@dataclass(frozen=True)
class Transition:
    verb: str
    step: Callable[[Life], Life]
    guard: Guard | None = None
    is_override: bool = False
    arguments: dict[str, Any] = field(default_factory=dict)
    """Those that two people have to agree on, as JSON."""


def deprecate(
    *, sunset_at: int, is_override: bool = False, actor: str, reason: str, expected_version: int | None, now: datetime
) -> Rollout:
    """Announce v1's end at `sunset_at`, in unix seconds; if it is deprecated already, only move the date."""
    at = now.timestamp()
    transition = Transition(
        "lifecycle deprecate",
        lambda life: lifecycle.deprecate(life, sunset_at, at),
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
        lambda life: lifecycle.add_brownout(life, window, now.timestamp()),
        lambda life, facts, at: lifecycle.unmet_for_brownout(life, window, facts, at),
        is_override,
        {"window": [*window], "is_override": is_override},
    )
    return _take(transition, actor=actor, reason=reason, expected_version=expected_version, now=now)


def end_brownout(
    *, is_all: bool = False, actor: str, reason: str, expected_version: int | None, now: datetime
) -> Rollout:
    """End the running window now; with `is_all` those ahead are taken back as well."""
    transition = Transition(
        "lifecycle brownout end", lambda life: lifecycle.end_brownout(life, now.timestamp(), is_all=is_all)
    )
    return _take(transition, actor=actor, reason=reason, expected_version=expected_version, now=now)


def sunset(
    *, is_override: bool = False, actor: str, reason: str, expected_version: int | None, now: datetime
) -> Rollout:
    """Take v1 out of service, until `restore`."""
    if not canary_conf().snapshot.is_v2_enabled:
        raise Refused("v2-off", "v2 is switched off by API_V2_ENABLED=false: without v1 nobody would answer.")
    if Rollout.objects.filter(pk=1, latched=True).exists():
        raise Refused(
            "latched", "The rollout was rolled back: nobody goes to v2 until that is acknowledged (`canary ack`)."
        )
    transition = Transition(
        SUNSET,
        lambda life: lifecycle.sunset(life, now.timestamp()),
        lifecycle.unmet_for_sunset,
        is_override,
        {"is_override": is_override},
    )
    return _take(transition, actor=actor, reason=reason, expected_version=expected_version, now=now)


def restore(*, actor: str, reason: str, expected_version: int | None, now: datetime) -> Rollout:
    """Go one state back, so that v1 answers again; announced dates that are still to come are in force again."""
    transition = Transition("lifecycle restore", lambda life: lifecycle.restore(life, now.timestamp()))
    return _take(transition, actor=actor, reason=reason, expected_version=expected_version, now=now)


def notify(*, actor: str, reason: str, expected_version: int | None, now: datetime) -> dict[str, str]:
    """Mail each consumer of v1 its own usage; return the result by consumer: `mailed` or `no_address`."""
    outcome: dict[str, str] = {}

    def mutate(row: Rollout) -> None:
        life = lifecycle.life_from(row.lifecycle)
        outcome.update(_tell(usages_to_tell(now, life), dates_to_tell(now, life)))

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


def facts_about(row: Rollout, now: datetime) -> Facts:
    """Return the facts that the guards of every transition look at, read from the tables."""
    life = lifecycle.life_from(row.lifecycle)
    verdict = Verdict.objects.filter(release=row.release).order_by("-at", "-pk").first()
    last = last_call_at()
    return Facts(
        full_since=_full_since(row),
        is_safe=verdict is not None and verdict.kind == Verdict.Kind.PASS,
        unmapped=unmapped_calls(),
        unnotified=tuple(unnotified(now=now, deprecated_at=life.deprecated_at)),
        last_call_at=None if last is None else int(last.timestamp()),
    )


def _full_since(row: Rollout) -> int | None:
    """Return since when v2 has had all, in unix seconds. By the events: a deployment begins a stage of that weight."""
    if row.weight_bp != FULL_BP:
        return None
    before = RolloutEvent.objects.exclude(after__weight_bp=FULL_BP).aggregate(last=Max("version"))["last"] or 0
    events = RolloutEvent.objects.filter(version__gt=before).order_by("version")
    since = events.values_list("at", flat=True).first()
    return None if since is None else int(since.timestamp())


def _take(transition: Transition, *, actor: str, reason: str, expected_version: int | None, now: datetime) -> Rollout:
    evidence: dict[str, Any] = {}

    def mutate(row: Rollout) -> str | None:
        life = lifecycle.life_from(row.lifecycle)
        try:
            following = transition.step(life)
        except LifeError as error:
            raise Refused(error.code, error.sentence) from error
        if transition.guard is not None:
            facts = facts_about(row, now)
            unmet = transition.guard(life, facts, now.timestamp())
            _refuse_unmet(unmet, is_override=transition.is_override)
            skipped = [asdict(one) for one in unmet]
            evidence.update(facts=asdict(facts), is_override=transition.is_override, skipped=skipped)
        change = StepUp(transition.verb, transition.arguments, row.weight_bp, actor, reason, now)
        if request := confirmed(row, change):
            evidence["request"] = request
        elif keep_waiting(row, change):
            return REQUEST
        row.lifecycle = lifecycle.dump_life(following)
        if row.request is not None and row.request["verb"] in ENDS_OF_V1:
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


def _refuse_unmet(unmet: list[Unmet], *, is_override: bool) -> None:
    if unmet and not is_override:
        sentences = " ".join(one.sentence for one in unmet)
        raise Refused("guards-unmet", sentences, override="override")


def _tell(usages: list[dict[str, Any]], life: dict[str, Any]) -> dict[str, str]:
    notify_consumers = canary_conf().notify_consumers
    if notify_consumers is None:
        raise Refused("no-notifier", "CANARY['NOTIFY_CONSUMERS'] names nobody who could tell the consumers.")
    return notify_consumers(usages, life)
