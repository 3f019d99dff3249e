"""The crossover of the present release, and the consumers that one could have."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from canary.core.consumers import NAMED
from canary.core.crossover import CONSUMERS_MAX
from canary.core.lifecycle import names_told
from canary.core.names import in_names
from canary.errors import Refused
from canary.judging.crossing import verdict_on
from canary.models import ListEntry, SeenIdentity
from canary.state import store
from canary.state.status import status

SEEN_DAYS: Final = 7
NEXT: Final = {
    "begins": "Nothing to do: the first period begins within seconds.",
    "running": "Nothing to do: it ends by itself, and harm by v2 rolls it back.",
    "settles": "Nothing to do: the controller judges the last period within seconds.",
    "pass": "Start a plan: v2 did no harm to these consumers.",
    "no_data": "Start another one with other consumers or longer periods.",
    "rolled_back": "Repair v2, then acknowledge the rollback.",
    "stopped": "Start another one, or a plan.",
}
"""The next action, by the state of a crossover, or by its verdict once it has ended."""
NONE_RUN: Final = "This release has no crossover."
START_ONE: Final = "`canary crossover start` begins one, at 0 % and without a plan."


def crossover_report(now: datetime) -> dict[str, Any]:
    """Return the crossover with its verdict, for all consumers and for each; `next` is the next action."""
    known, row = status(now), store.read()[0]
    crossover, verdict = known["crossover"], None if row is None else verdict_on(row, now)
    told: dict[str, Any] = {"names": known["names"], "crossover": crossover, "verdict": None}
    if row is None or crossover is None or verdict is None:  # another release may have begun between the two reads
        return {**told, "crossover": None, "sentence": NONE_RUN, "next": START_ONE}
    sentence = in_names(verdict.opened, row.names)
    todo = in_names(NEXT[crossover["verdict"] or crossover["state"]], row.names)
    return {**told, "sentence": sentence, "next": todo, "verdict": verdict.as_json()}


def consumers_for(named: Sequence[str] | None, now: datetime) -> list[str]:
    """Return the consumers of a crossover: those named, else all that have used the entrance lately and are on no list.

    Raises Refused for one that has not used it, because a mistyped name would have no requests, and for too many.
    """
    since = now - timedelta(days=SEEN_DAYS)
    rows = SeenIdentity.objects.filter(last_seen_at__gte=since, kind__in=NAMED).order_by("kind", "identifier")
    if named:
        wanted = rows.filter(identifier__in={name.partition(":")[2] for name in named})
        seen = {f"{kind}:{identifier}" for kind, identifier in wanted.values_list("kind", "identifier")}
        if unseen := [name for name in named if name not in seen]:
            sentence = f"Not seen on the entrance in the last {SEEN_DAYS} days: {names_told(unseen)}."
            raise Refused("unknown-consumer", sentence)
        return [*named]
    listed = {*ListEntry.objects.values_list("kind", "identifier")}
    found = list(rows.values_list("kind", "identifier")[: CONSUMERS_MAX + 1 + len(listed)])
    names = [f"{kind}:{identifier}" for kind, identifier in found if (kind, identifier) not in listed]
    if not names:
        raise Refused("no-consumers", f"No user, key or client has used the entrance in the last {SEEN_DAYS} days.")
    if len(names) > CONSUMERS_MAX:
        sentence = f"More than {CONSUMERS_MAX} consumers have used the entrance in the last {SEEN_DAYS} days"
        raise Refused("too-many-consumers", f"{sentence}: name up to {CONSUMERS_MAX} of them, or start a plan.")
    return names
