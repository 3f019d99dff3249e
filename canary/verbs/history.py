"""The event log: `history`, and with `--verify` whether anybody has changed it behind the services' back."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from canary.core.permissions import VIEW
from canary.models import RolloutEvent
from canary.reporting.history import first_broken_version
from canary.services.changing import event_columns
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import parse_limit
from canary.verbs.wording import one_line, percent

SHOWN: Final = 50
BROKEN: Final = (
    "The event log is broken at version {}: this event is missing or isn't what was written, and so nothing proves the"
    " later ones."
)


def _history(call: Call) -> dict[str, Any]:
    newest = RolloutEvent.objects.order_by("-version")[: call.values.get("limit") or SHOWN]
    result: dict[str, Any] = {"events": [_shown(event) for event in newest]}
    if not call.values.get("verify"):
        return result
    broken_at = first_broken_version()
    result["chain"] = {"is_whole": broken_at is None, "broken_at": broken_at, "events": RolloutEvent.objects.count()}
    if broken_at is not None:
        result |= {"error": BROKEN.format(broken_at), "current": None}
    return result


def _shown(event: RolloutEvent) -> dict[str, Any]:
    return event_columns(event)


def _say_history(result: Mapping[str, Any]) -> Iterator[str]:
    if not result["events"]:
        yield "Nothing has been changed yet."
    for event in result["events"]:
        was, became = event["before"]["weight_bp"], event["after"]["weight_bp"]
        weight = percent(became) if was == became else f"{percent(was)} -> {percent(became)}"
        yield one_line(
            f"{event['version']:>5}  {event['at'][:19]}  {event['verb']}  {weight}  {event['actor']}: {event['reason']}"
        )
    if chain := result.get("chain"):
        yield f"All {chain['events']} events are as they were written." if chain["is_whole"] else result["error"]


VERBS = (
    Verb(
        ("history",),
        "who changed what, when and why, the newest first",
        VIEW,
        _history,
        _say_history,
        (
            Option("verify", "check every event against the chain of hashes; ends with 1 when it is broken"),
            Option(
                "limit", f"how many events, {SHOWN} unless said otherwise", parse_limit, is_number=True, metavar="N"
            ),
        ),
    ),
)
