"""The calendar in force: the freezes of the settings and of the plan, and when the next step up may be.

It only ever holds up steps. One that can't be read holds them all, and no rollback and no status waits for it.
"""

from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from canary.conf import canary_conf
from canary.core.calendar import Opening, Window, date_of_next_step, next_opening, stored_freeze
from canary.core.instants import LATEST, stored_date

type AnyPlan = dict[str, Any] | None
UNREADABLE: Final = (ArithmeticError, LookupError, OSError, TypeError, ValueError)
"""Errors of dates out of range, lost time zones and malformed texts."""


def opening_for_step(plan: AnyPlan, weight_bp: int, now: datetime) -> Opening | None:
    """Return when the plan's next step may be, by its date and the freezes; None for at once."""
    try:
        step_at = date_of_next_step(plan, weight_bp) if plan else None
        return next_opening(now.timestamp(), step_at, windows_of(plan), zone_of(plan))
    except UNREADABLE as error:
        return _never(error)


def opening_by_hand(plan: AnyPlan, now: datetime) -> Opening | None:
    """Return when the freezes end for a step that somebody takes by hand; None when there is none."""
    try:
        return next_opening(now.timestamp(), None, windows_of(plan))
    except UNREADABLE as error:
        return _never(error)


def windows_of(plan: AnyPlan) -> list[Window]:
    conf, zone = canary_conf(), zone_of(plan)
    own = [Window(stored_freeze(text), zone) for text in (plan or {}).get("freezes") or ()]
    return [*(Window(freeze, conf.time_zone) for freeze in conf.freezes), *own]


def zone_of(plan: AnyPlan) -> tzinfo:
    """Return the plan's zone, else that of the settings. Raises an error if this machine does not know it."""
    name = (plan or {}).get("time_zone")
    return ZoneInfo(name) if name else canary_conf().time_zone


def not_before(plan: AnyPlan, weight_bp: int, now: datetime) -> str | None:
    """Return the earliest moment of the plan's next step in ISO 8601: minimum time, date and freezes together."""
    if not plan or plan["state"] == "done":
        return None
    due_at = stored_date(plan["next_at"]) if plan["next_at"] else now
    from_then = max(now, due_at)
    opening = opening_for_step(plan, weight_bp, from_then)
    at = datetime.fromtimestamp(opening.at, opening.zone) if opening else from_then
    zone = opening.zone if opening and opening.is_unreadable else zone_of(plan)
    return at.astimezone(zone).isoformat(timespec="seconds") if at > now else None


def _never(error: Exception) -> Opening:
    return Opening(LATEST.timestamp(), f"the calendar can't be read: {error}", UTC, is_unreadable=True)
