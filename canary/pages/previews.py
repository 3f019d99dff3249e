"""Show the effect of a change before it is applied: the change is made and undone, so nothing is sent twice.

The function that decides about requests counts the identities that would move, one by one. The row is locked only
during the change, not while identities are counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from canary.core.approvals import ENDS_OF_STABLE
from canary.core.values import Snapshot
from canary.errors import RolloutError
from canary.pages.speaking import spoken
from canary.pages.standing import last_rollback, standing
from canary.reporting.people import People
from canary.reporting.whatif import Moves, known_identities, moves_between
from canary.retiring.consumers import consumers_to_tell
from canary.retiring.usage import NOTIFY
from canary.services.plans import LOW_POWER
from canary.state import store
from canary.state.status import status
from canary.verbs.declaring import Call, Verb
from canary.verbs.performing import reachable
from canary.verbs.plans import power_for
from canary.verbs.wording import percent

NAMES_SHOWN: Final = 10
PREVIEW: Final = "what-if"
SECOND: Final = "what-if by a second person"
START: Final = "start"
PROMOTE: Final = "promote"


@dataclass(frozen=True, slots=True)
class Move:
    target: str
    count: int
    names: list[str]
    """The first few."""

    @property
    def sentence(self) -> str:
        told = ngettext(
            "%(count)d identity would move to %(target)s.", "%(count)d identities would move to %(target)s.", self.count
        )
        return told % {"count": self.count, "target": self.target}

    @property
    def more(self) -> int:
        return self.count - len(self.names)


@dataclass(frozen=True, slots=True)
class Preview:
    version: int
    """The version of the rollout that the preview is about."""
    weights: str
    known: int = 0
    moves: tuple[Move, ...] = ()
    during: tuple[Move, ...] = ()
    """Users who move in the window of a brownout, and back after it."""
    notes: tuple[str, ...] = ()
    alarm: str = ""
    """A warning that nobody should overlook."""
    power: Mapping[str, Any] | None = None
    """The power of the plan, as `canary power` prints it."""
    refusal: str = ""
    """The reason why the change would be refused now."""
    override: str = ""
    """The option that makes it all the same."""


def preview(verb: Verb, values: Mapping[str, Any], actor: str, now: datetime) -> Preview:
    """Return the preview of a change. Raises StoreUnreachable."""
    with reachable():
        before = store.read()[1]
        if verb.name == NOTIFY:
            return _of_notice(before, now)
        try:
            after, told, waits = _undone(verb, Call(values, actor, now, PREVIEW, before.version))
        except RolloutError as error:
            return Preview(
                before.version,
                percent(before.weight_bp),
                power=_power_of_refused(error, values, now),
                refusal=error.sentence,
                override=error.override,
            )
        found = replace(_compared(before, after, values, now), power=told.get("power"))
        if waits:
            note = _("A second person has to approve this first. The figures show what happens then.")
            found = replace(found, notes=(note, *found.notes))
        alarm = spoken(told.get("note", ""))
        if verb.name == START and (note := last_rollback(now)):
            found = replace(found, notes=(note, *found.notes))
        if verb.name in (START, PROMOTE):
            alarm = _step_down(before, after) or _warning(before, now)
        elif after.weight_bp > before.weight_bp:
            alarm = " ".join(filter(None, (alarm, _warning(before, now))))
        return replace(found, alarm=alarm)


def _undone(verb: Verb, call: Call) -> tuple[Snapshot, Mapping[str, Any], bool]:
    """Return the state after the change, which was never in force, the verb's result, and whether it needs an approval.

    The state is then that after the approval. Nothing of it stays.
    """
    with transaction.atomic():
        told = verb.run(call) or {}
        row, after = store.read()
        at = call.now.astimezone(UTC).isoformat()
        waiting = row.request if row is not None and row.request is not None and row.request["at"] == at else None
        if waiting is not None and waiting["verb"] in ENDS_OF_STABLE:
            verb.run(replace(call, actor=SECOND, expected_version=None))
            after = store.read()[1]
        transaction.set_rollback(True)
    if waiting is None:
        return after, told, False
    return replace(after, weight_bp=waiting["weight_bp"]), told, True


def _power_of_refused(error: RolloutError, values: Mapping[str, Any], now: datetime) -> Mapping[str, Any] | None:
    """Return the figures for which a plan is refused."""
    return power_for(values, now).as_json() if error.code == LOW_POWER else None


def _warning(before: Snapshot, now: datetime) -> str:
    """Return what the page says of a rollout that is not as it should be, for a change that goes on all the same."""
    found = standing(status(now), now)
    return f"{found.title}." if found.mood in ("harm", "hold") and not before.latched else ""


def _step_down(before: Snapshot, after: Snapshot) -> str:
    if after.weight_bp >= before.weight_bp:
        return ""
    first, now = percent(after.weight_bp), percent(before.weight_bp)
    told = _("This is a step down: the plan begins at %(first)s, and v2 has %(now)s now.")
    return told % {"first": first, "now": now}


def _compared(before: Snapshot, after: Snapshot, values: Mapping[str, Any], now: datetime) -> Preview:
    is_fresh, at = before.salt != after.salt, now.timestamp()
    moves, notes = moves_between(before, after, known_identities(now), at), []
    during: tuple[Move, ...] = ()
    if is_fresh:
        notes.append(_("A fresh cohort is drawn when the plan starts: about as many will move, but not the same ones."))
    if before.life != after.life and "from" in values:
        start = max(at, values["from"])
        during = _moves(moves_between(before, after, known_identities(now), start))
        notes.append(_("During the window, pinned v1 and `API-Version: 1` are refused with 410."))
    if before.life.state != after.life.state:
        states = {"after": spoken(after.life.state), "before": spoken(before.life.state)}
        notes.append(_("v1 would be %(after)s; it is %(before)s.") % states)
    if after.crossover is not None and before.crossover is None:
        told = ngettext(
            "%(count)d consumer would switch between the versions, in periods drawn at random. Everybody else stays on"
            " v1.",
            "Each of %(count)d consumers would switch between the versions, in periods drawn at random. Everybody else"
            " stays on v1.",
            len(after.crossover.consumers),
        )
        notes.append(told % {"count": len(after.crossover.consumers)})
    if after.latched and not before.latched:
        notes.append(_("From then on, the weight stays 0 until somebody acknowledges the rollback."))
    arrow = "" if before.weight_bp == after.weight_bp else f" → {percent(after.weight_bp)}"
    return Preview(
        version=before.version,
        weights=f"{percent(before.weight_bp)}{arrow}",
        known=moves.looked_at,
        moves=_moves(moves, is_named=not is_fresh),
        during=during,
        notes=tuple(notes),
    )


def _moves(moves: Moves, *, is_named: bool = True) -> tuple[Move, ...]:
    most = NAMES_SHOWN if is_named else 0
    names = store.current_snapshot().names
    people = People([*moves.to_v2[:most], *moves.to_v1[:most]])
    found = (
        Move(target, len(all_of_them), [people.told(one) for one in all_of_them[:most]])
        for target, all_of_them in ((f"v{names.candidate}", moves.to_v2), (f"v{names.stable}", moves.to_v1))
    )
    return tuple(move for move in found if move.count)


def _of_notice(before: Snapshot, now: datetime) -> Preview:
    """Preview a notice without trying it: the function that sends the messages may ignore transactions."""
    names = [one.consumer for one in consumers_to_tell(now, before.life)]
    told = ngettext(
        "%(count)d consumer of v1 would get a mail with a list of their calls",
        "%(count)d consumers of v1 would get a mail with a list of their calls",
        len(names),
    ) % {"count": len(names)}
    people = People(names[:NAMES_SHOWN])
    first = ", ".join(people.told(name) for name in names[:NAMES_SHOWN])
    listed = f": {first}{' …' if len(names) > NAMES_SHOWN else ''}" if names else ""
    return Preview(before.version, percent(before.weight_bp), notes=(f"{told}{listed}",))
