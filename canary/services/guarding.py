"""Report that no controller guards a running plan, and that one does again: each once, by the first server."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from canary.conf import canary_conf
from canary.core.plans import HELD, RUNNING
from canary.models import Rollout, RolloutEvent
from canary.services.changing import change_rollout
from canary.state.guard import Guard, read_guard

ACTOR: Final = "server"
UNGUARDED: Final = "unguarded"
GUARDED: Final = "guarded"
REMEMBERED: Final = (UNGUARDED, GUARDED, "start")
"""The last of these events says what was told. Every plan that starts is a new case."""
BACK: Final = "A controller finishes turns again."


def watch_controller(now: datetime) -> Guard:
    """Write the event that tells people, if there is something to tell. The row's lock has it told once."""
    guard = read_guard()
    row = Rollout.objects.filter(pk=1).first()
    news = _news(row, guard, now) if row else None
    if news is None:
        return guard

    def mutate(row: Rollout) -> None:
        if _news(row, guard, now) != news:
            raise _ToldMeanwhile

    reason = BACK if news == GUARDED else f"{guard.sentence} Start one: `manage.py run_canary_controller`."
    with suppress(_ToldMeanwhile):
        change_rollout(verb=news, actor=ACTOR, reason=reason, expected_version=None, now=now, mutate=mutate)
    return guard


def _news(row: Rollout, guard: Guard, now: datetime) -> str | None:
    events = RolloutEvent.objects.filter(verb__in=REMEMBERED).order_by("-version")
    was_told = events.values_list("verb", flat=True).first() == UNGUARDED
    if guard.is_alive:
        return GUARDED if was_told else None
    is_running = row.plan is not None and row.plan["state"] in (RUNNING, HELD)
    # Somebody who has just changed something may be about to start a controller.
    is_long = now - row.changed_at >= timedelta(seconds=canary_conf().unguarded_s)
    return UNGUARDED if is_running and is_long and not was_told else None


class _ToldMeanwhile(Exception):
    """Another process was first, or somebody has changed the plan."""
