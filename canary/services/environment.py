"""The environment's percentage as one more door: what a server process does with it before its first answer."""

import logging
from datetime import datetime

from canary.conf import canary_conf
from canary.core.approvals import REQUEST
from canary.core.crossover import running_crossover
from canary.models import Rollout
from canary.services.changing import change_rollout, move_weight
from canary.services.waiting import StepUp, keep_waiting
from canary.services.weights import check_weight, pause_running
from canary.state.calendar import opening_by_hand

ACTOR = "environment"
VARIABLE = "API_V2_TRAFFIC_PERCENTAGE"

logger = logging.getLogger("canary.environment")


def apply_environment(weight_bp: int | None, now: datetime) -> Rollout | None:
    """Make the environment's percentage the weight if it isn't the value last seen; the row then, else None.

    Compare-and-swap against what was last *seen*, so that a restart never undoes what was decided since. A value that
    a latch or a crossover refuses counts as seen: neither a restart nor its end brings it back. None has no opinion.
    """
    if weight_bp is None or _seen(weight_bp) or is_of_another_journey():
        return None
    check_weight(weight_bp)
    if _is_frozen(weight_bp, now):
        logger.warning("%s=%g is a step up in a freeze: the next start after it applies it", VARIABLE, weight_bp / 100)
        return None
    try:
        return change_rollout(
            verb="environment",
            actor=ACTOR,
            reason=_reason(weight_bp),
            expected_version=None,
            now=now,
            mutate=lambda row: _take(row, weight_bp, now),
        )
    except _SeenMeanwhile:
        return None


def _take(row: Rollout, weight_bp: int, now: datetime) -> str | None:
    if row.environment_seen_bp == weight_bp:
        raise _SeenMeanwhile
    row.environment_seen_bp = weight_bp
    if row.latched or running_crossover(row.crossover) is not None:
        return None
    if keep_waiting(row, StepUp("set", {"weight_bp": weight_bp}, weight_bp, ACTOR, _reason(weight_bp), now)):
        return REQUEST
    pause_running(row)
    move_weight(row, weight_bp, now)
    return None


def _reason(weight_bp: int) -> str:
    return f"{VARIABLE}={weight_bp / 100:g}"


def _is_frozen(weight_bp: int, now: datetime) -> bool:
    row = Rollout.objects.filter(pk=1).first()
    is_up = weight_bp > (row.weight_bp if row else 0)
    return is_up and opening_by_hand(row.plan if row else None, now) is not None


def is_of_another_journey() -> bool:
    """Return whether the settings name other versions than the stored rollout."""
    row = Rollout.objects.filter(pk=1).first()
    return row is not None and row.names != canary_conf().names


def _seen(weight_bp: int) -> bool:
    return Rollout.objects.filter(environment_seen_bp=weight_bp).exists()


class _SeenMeanwhile(Exception):
    """Another worker was first."""
