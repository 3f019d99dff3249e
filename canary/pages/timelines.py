"""The plan and the life of v1 as steps in their order: past, present and future."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils.dateformat import format as date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext

from canary.core.consumers import end_for, is_extended
from canary.core.instants import stored_date
from canary.core.lifecycle import (
    ACTIVE,
    BROWNOUT,
    DEPRECATED,
    NOTICE_DAYS,
    REMOVED,
    SUNSET,
    Life,
    running_brownout,
)
from canary.core.plans import HELD, PAUSED
from canary.core.values import Snapshot
from canary.core.wording import duration
from canary.pages.speaking import spoken

DONE: Final = gettext_noop("done")
NOW: Final = gettext_noop("now")
NEXT: Final = gettext_noop("next")
AHEAD: Final = gettext_noop("later")
ORDER: Final = (ACTIVE, DEPRECATED, BROWNOUT, SUNSET, REMOVED)


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    standing: str
    notes: tuple[str, ...] = ()
    at: datetime | None = None
    """When it begins or began, if that is known."""
    at_label: str = ""
    """Said before that time."""


type Change = tuple[datetime, int, int]
"""When the weight was changed, from what, to what, in basis points."""


def plan_steps(plan: dict[str, Any], weight_bp: int, changes: Sequence[Change], now: datetime) -> list[Step]:
    """Return the steps. One is the present one while the weight is its own; a person may have put it between two steps.

    `changes` are the release's, the latest first.
    """
    ahead = [step_bp for step_bp in plan["steps_bp"] if step_bp > weight_bp]
    return [
        _reached_step(step_bp, weight_bp, changes)
        if step_bp <= weight_bp
        else _step_ahead(step_bp, plan, ahead.index(step_bp), now)
        for step_bp in plan["steps_bp"]
    ]


def life_steps(snapshot: Snapshot, now: float) -> list[Step]:
    life = snapshot.life
    reached = ORDER.index(life.state)
    standings = [DONE if place < reached else NOW if place == reached else AHEAD for place in range(len(ORDER))]
    sunset_at = life.sunset_done_at or life.sunset_at
    return [
        Step(_("Active"), standings[0]),
        Step(_("Deprecated"), standings[1], at=_instant(life.deprecated_at)),
        Step(_("Brownouts"), _of_brownouts(life, standings[2]), tuple(_windows(snapshot, now))),
        Step(_("Sunset"), standings[3], _of_sunset(life), _instant(sunset_at)),
        Step(_("Removed"), standings[4], (_("by a deploy without v1's code"),)),
    ]


def until_text(until: int | None) -> str:
    if until is None:
        return _("v1 answers it until %(count)s days after it is notified") % {"count": NOTICE_DAYS}
    at = date_format(datetime.fromtimestamp(until, UTC), pgettext("format of a time", "j M Y H:i"))
    return _("v1 answers it until %(at)s UTC") % {"at": at}


def own_ends(life: Life, now: float) -> list[tuple[str, str]]:
    """Return the consumers whose v1 ends otherwise than that of all others, each with a sentence."""
    windows = [(one.consumer, window_text(one.start, one.end)) for one in life.own_brownouts if one.end > now]
    return [
        *((name, until_text(end_for(life, name))) for name in life.extensions if is_extended(life, name, now)),
        *((name, _("a brownout of its own: %(window)s") % {"window": text}) for name, text in windows),
    ]


def window_text(start: float, end: float) -> str:
    first, last = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
    until = "H:i" if first.date() == last.date() else pgettext("format of a time", "j M H:i")
    return _("%(first)s to %(last)s UTC, %(length)s") % {
        "first": date_format(first, pgettext("format of a time", "j M Y H:i")),
        "last": date_format(last, until),
        "length": spoken(duration(end - start)),
    }


def _reached_step(step_bp: int, weight_bp: int, changes: Sequence[Change]) -> Step:
    at = next((at for at, before, after in changes if before < step_bp <= after), None)
    standing, label = (NOW, _("since")) if step_bp == weight_bp else (DONE, _("reached"))
    return Step(f"{step_bp / 100:g} %", standing, at=at, at_label=label)


def _step_ahead(step_bp: int, plan: dict[str, Any], place: int, now: datetime) -> Step:
    """Return a step ahead. `place` counts from the next one; each step before it lasts its minimum time at least.

    Once the minimum time is over, no time is known: one that counts from now would recede.
    """
    title, standing = f"{step_bp / 100:g} %", AHEAD if place else NEXT
    if plan["state"] == PAUSED:
        return Step(title, standing, () if place else (_("not by itself: the plan is paused"),))
    first = plan.get("not_before") or plan["next_at"]
    due = stored_date(first) if first else now
    at = max(due + timedelta(seconds=place * plan["min_s"]), _date_of(step_bp, plan) or due)
    if at <= now or (plan["state"] == HELD and not plan.get("not_before")):
        return Step(title, standing, () if place else (_("as soon as the evidence allows it"),))
    return Step(title, standing, at=at, at_label=_("not before"))


def _date_of(step_bp: int, plan: dict[str, Any]) -> datetime | None:
    dates = plan.get("steps_at") or ()
    found = next((at for step, at in zip(plan["steps_bp"], dates, strict=False) if step == step_bp), None)
    return stored_date(found) if found else None


def _of_brownouts(life: Life, standing: str) -> str:
    """Return the standing of the step: a version that was sunset without a brownout held none."""
    return AHEAD if standing == DONE and not life.brownouts else standing


def _windows(snapshot: Snapshot, now: float) -> list[str]:
    life, running = snapshot.life, running_brownout(snapshot.life, now)
    told = []
    for window in life.brownouts:
        now_it_is = _("off while a rollback is latched") if snapshot.latched else _("running now")
        state = now_it_is if window == running else _("over") if window[1] <= now else _("planned")
        told.append(_("%(window)s: %(state)s") % {"window": window_text(*window), "state": state})
    return told or [_("none planned") if life.state in (DEPRECATED, BROWNOUT) else ""]


def _of_sunset(life: Life) -> tuple[str, ...]:
    if life.sunset_done_at is not None:
        return (_("v1 answers with 410 until it is restored"),)
    if life.sunset_at is not None:
        return (_("announced"),)
    return (_("no date: the announced one had passed when v1 was restored"),) if life.state != ACTIVE else ()


def _instant(at: int | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
