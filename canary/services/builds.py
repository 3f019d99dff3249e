"""The build in force, whose observations count. Another build begins another stage; no old process brings it back."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q

from canary.core.plans import is_active
from canary.models import Rollout, RolloutEvent, Worker
from canary.services.changing import change_rollout
from canary.state.status import HEARD_OF_S

ACTOR: Final = "server"
VERB: Final = "build"
LEAST_S: Final = 3_600.0
"""For how long at least a plan's step sees a build; less where the step itself is shorter."""


def apply_build(build: str, now: datetime) -> Rollout | None:
    """Put the build of this process in force if it is the later one, and begin a stage for it; the row then, else None.

    A build that was never in force is a deployment. One that was belongs to an old process beside a new one, until no
    process of the build in force is left. Without a stored rollout there is nothing to tell apart.
    """
    row = Rollout.objects.filter(pk=1).first() if build else None
    if row is None or row.build == build or not _is_later(build, row.build, now):
        return None
    known = row.build
    try:
        return change_rollout(
            verb=VERB,
            actor=ACTOR,
            reason=f"Build {build} is in service{f', after {known}' if known else ''}.",
            expected_version=None,
            now=now,
            mutate=lambda row: _take(row, build, known, now),
            evidence={"build": build, "before": known},
        )
    except _TakenMeanwhile:
        return None


def builds_by_stage(release: int) -> dict[int, str]:
    """Return the build that was in force as each stage of a release began; empty where none had been told by then."""
    told: Any = RolloutEvent.objects.filter(verb=VERB).order_by("version").values_list("version", "evidence")
    changes = [(version, evidence["build"]) for version, evidence in told]
    stages = RolloutEvent.objects.filter(after__release=release).order_by("-version").values_list("after", "version")
    begun = {after["stage"]: version for after, version in stages}
    return {
        stage: next((build for changed, build in reversed(changes) if changed <= version), "")
        for stage, version in begun.items()
    }


def _is_later(build: str, in_force: str, now: datetime) -> bool:
    was_in_force = Q(evidence__build=build) | Q(evidence__before=build)
    if not in_force or not RolloutEvent.objects.filter(was_in_force, verb=VERB).exists():
        return True
    heard_of = Worker.objects.filter(build=in_force, seen_at__gte=now - timedelta(seconds=HEARD_OF_S))
    return not heard_of.exists()


def _take(row: Rollout, build: str, known: str, now: datetime) -> None:
    if row.build != known:
        raise _TakenMeanwhile
    row.build = build
    row.stage += 1
    row.stage_started_at = now
    plan = row.plan
    if plan is not None and is_active(plan) and plan["next_at"]:
        least = now + timedelta(seconds=min(plan["min_s"], LEAST_S))
        row.plan = {**plan, "next_at": max(datetime.fromisoformat(plan["next_at"]), least).isoformat()}


class _TakenMeanwhile(Exception):
    """Another process was first."""
