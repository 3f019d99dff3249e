"""The event log: `history`, and its `--verify`, which finds changes that bypassed the services."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any, Final

from canary.core.chain import NO_EVENTS
from canary.core.permissions import VIEW
from canary.models import RolloutEvent
from canary.reporting.history import LogCheck, check_log, head_of_log
from canary.reporting.people import People
from canary.services.changing import event_columns
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import parse_head, parse_limit
from canary.verbs.wording import one_line, percent

SHOWN: Final = 50
BROKEN: Final = (
    "The event log is broken at version {}: this event is missing or was changed, so nothing proves the later ones."
)
ANOTHER_LOG: Final = "The event log doesn't contain {}, which was exported from it: events up to there were changed."
DOUBTFUL: Final = (
    "No key in SECRET_KEY and SECRET_KEY_FALLBACKS has sealed the events at version {}. An older release wrote them"
    " beside this one, the key was changed, or somebody without the key wrote them. Check them. If they are right, keep"
    " the head (`canary history --head`) and verify against it from now on (`--against`)."
)


def _history(call: Call) -> dict[str, Any]:
    newest = RolloutEvent.objects.order_by("-version")[: call.values.get("limit") or SHOWN]
    events = [event_columns(event) for event in newest]
    people = People(event["actor"] for event in events)
    result: dict[str, Any] = {"events": [{**event, "actor_name": people.actor(event["actor"])} for event in events]}
    exported = call.values.get("against")
    if call.values.get("head"):
        result["head"] = str(head_of_log())
    if not (call.values.get("verify") or exported):
        return result
    check = check_log(exported or NO_EVENTS)
    result["chain"] = {"is_whole": check.is_whole, **asdict(check)}
    if sentence := _fault_of(check, str(exported)):
        result |= {"error": sentence, "current": None}
    return result


def _fault_of(check: LogCheck, exported: str) -> str:
    if check.broken_at is not None:
        return BROKEN.format(check.broken_at)
    if not check.is_exported_found:
        return ANOTHER_LOG.format(exported)
    return DOUBTFUL.format(_versions(check.doubtful)) if check.doubtful else ""


def _versions(versions: Sequence[int]) -> str:
    """Return versions as `3, 7 to 9`."""
    runs = [[one for _, one in run] for _, run in groupby(enumerate(versions), lambda pair: pair[1] - pair[0])]
    words = (f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
    return ", ".join(words)


def _say_history(result: Mapping[str, Any]) -> Iterator[str]:
    if head := result.get("head"):
        yield head
        return
    if not result["events"]:
        yield "Nothing has been changed yet."
    for event in result["events"]:
        was, became = event["before"]["weight_bp"], event["after"]["weight_bp"]
        weight = percent(became) if was == became else f"{percent(was)} -> {percent(became)}"
        yield one_line(
            f"{event['version']:>5}  {event['at'][:19]}  {event['verb']}  {weight}  "
            f"{event['actor_name']}: {event['reason']}"
        )
    if chain := result.get("chain"):
        yield _all_is_well(chain) if chain["is_whole"] else result["error"]


def _all_is_well(chain: Mapping[str, Any]) -> str:
    sealed = f"{chain['sealed']} of them sealed" if chain["sealed"] else "none of them sealed"
    return f"All {chain['events']} events are as they were written, {sealed}."


VERBS = (
    Verb(
        ("history",),
        "show who changed what, when and why, newest first",
        VIEW,
        _history,
        _say_history,
        (
            Option("verify", "check the hash chain and the seal of every event; exit code 1 for a fault"),
            Option("head", "print only the version and hash of the last event, to keep elsewhere"),
            Option(
                "against",
                "verify, and check that the log contains this head, which you kept: it proves all events up to there",
                parse_head,
                metavar="VERSION:HASH",
            ),
            Option("limit", f"how many events (default {SHOWN})", parse_limit, is_number=True, metavar="N"),
        ),
    ),
)
