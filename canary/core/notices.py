"""Notices of the rollout for chat and pagers: which change is one, and its words. Number and next action come first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from canary.core.approvals import BEGIN_CROSSOVER, ENDS_OF_STABLE, REQUEST
from canary.core.lifecycle import ADVANCE
from canary.core.names import in_names, names_from
from canary.core.wording import percent

STEP: Final = "step"
ANY: Final = "all"
APPROVAL: Final = "approval"
CROSSOVER: Final = "crossover"
KINDS: Final = (STEP, "hold", "rollback", "lifecycle", "unguarded", "guarded", APPROVAL, CROSSOVER)
LEVELS: Final = {
    "rollback": "failure",
    "unguarded": "failure",
    "hold": "warning",
    APPROVAL: "warning",
    "guarded": "success",
    STEP: "success",
}
"""By kind, in the words of Apprise; `info` for all others."""
NEVER_QUIET: Final = ("rollback", APPROVAL, CROSSOVER)

type Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the event log, as far as a notice tells of it."""

    version: int
    at: float
    """In unix seconds."""
    verb: str
    actor: str
    reason: str
    before: Row
    after: Row
    evidence: Row | None = None

    @property
    def kind(self) -> str | None:
        """Return the kind of notice; None for changes that move no weight and need nobody."""
        word = self.verb.partition(" ")[0]
        if word == REQUEST:
            return APPROVAL
        if word in KINDS:
            return word
        return STEP if self.moves else None

    @property
    def moves(self) -> bool:
        """Return whether it changes the weight."""
        return bool(self.before["weight_bp"] != self.after["weight_bp"])

    @property
    def cause(self) -> tuple[Any, ...]:
        """Return the facts that two notices share if the second one only repeats the first."""
        return self.kind, self.before["weight_bp"], self.after["weight_bp"], (self.evidence or {}).get("reason")


@dataclass(frozen=True, slots=True)
class Notice:
    title: str
    body: str
    level: str


def is_repeated(change: Change, earlier: Sequence[Change], quiet_s: float) -> bool:
    """Return whether the same was sent within `quiet_s` before; `earlier` are the changes before, oldest first.

    Another change of the weight ends the quiet time. A notice that was left out starts no new one: an hourly event is
    sent again after each quiet time.
    """
    if change.kind in NEVER_QUIET:
        return False
    sent_at: float | None = None
    for one in (*earlier, change):
        if one.cause != change.cause:
            sent_at = None if one.moves else sent_at
            continue
        is_quiet = sent_at is not None and one.at - sent_at < quiet_s
        if one is change:
            return is_quiet
        if not is_quiet:
            sent_at = one.at
    return False


def notice_of(change: Change, page_url: str) -> Notice:
    """Return the notice for a change that is one."""
    kind = change.kind or STEP
    was, now = change.before["weight_bp"], change.after["weight_bp"]
    weight = f"v2 at {percent(now)}" if was == now else f"v2 {percent(was)} → {percent(now)}"
    happened, todo = _words_of(kind, change)
    lines = [change.reason, f"{change.verb} by {change.actor}, revision {change.version}."]
    title = in_names(f"{weight}: {happened}. {todo}", names_from(change.after))
    return Notice(title, "\n".join([*lines, *([page_url] if page_url else [])]), _level(kind))


def _words_of(kind: str, change: Change) -> tuple[str, str]:
    """Return what has happened, and the next action."""
    match kind:
        case "rollback":
            return "rolled back", "Repair v2, then run `canary ack`."
        case "hold":
            return "held", "Read the reason, then repair v2 or wait."
        case "unguarded":
            return "no controller", "Start one: `manage.py run_canary_controller`."
        case "approval":
            request = change.after["request"]
            if end := ENDS_OF_STABLE.get(request.get("verb", "")):
                return f"{end} is requested", f"Somebody else runs `canary {request['verb']}` or `canary reject`."
            is_crossover = request.get("verb") == BEGIN_CROSSOVER
            wanted = "a crossover" if is_crossover else percent(request["weight_bp"])
            return f"{wanted} is requested", "Somebody else runs `canary approve` or `canary reject`."
        case "guarded":
            return "a controller runs again", "Nothing to do."
        case "crossover":
            return _words_of_crossover(change.after.get("crossover") or {})
        case "lifecycle" if change.verb == ADVANCE:
            return "the next journey begins", "Run `canary start` or `canary set`."
        case "lifecycle":
            state = str(change.after.get("lifecycle", {}).get("state", "")).lower()
            return f"v1 is {state}", "Nothing to do."
    is_up = change.after["weight_bp"] > change.before["weight_bp"]
    return ("step taken", "Nothing to do.") if is_up else ("share lowered", "Nothing to do.")


def _words_of_crossover(crossover: Row) -> tuple[str, str]:
    return {
        None: ("a crossover begins", "Nothing to do: it ends by itself."),
        "pass": ("the crossover found no harm", "Start a plan: `canary start`."),
        "no_data": ("the crossover saw too little", "Name other consumers, or give it longer periods."),
    }.get(crossover.get("verdict"), ("the crossover was stopped", "Nothing to do."))


def _level(kind: str) -> str:
    return LEVELS.get(kind, "info")
