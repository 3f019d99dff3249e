"""Verbs about the life of v1: its deprecation, brownouts, sunset, the way back, and the notices to its consumers."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from canary.core.consumers import unproven_sentence
from canary.core.instants import parse_instant
from canary.core.lifecycle import (
    ACTIVE,
    NO_DATE,
    NOTICE_DAYS,
    Facts,
    OwnWindow,
    Unmet,
    is_stable_gone,
    iso,
    unmet_for_deprecation,
    unmet_for_sunset,
)
from canary.core.names import Names, in_names, names_from
from canary.core.permissions import LIFECYCLE, VIEW
from canary.core.routing import is_in_brownout
from canary.errors import Refused
from canary.models import RolloutEvent
from canary.retiring.usage import Calls, recent_calls
from canary.services import advance
from canary.services import life as services
from canary.state.status import status
from canary.state.store import read
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import WHEN, parse_consumer
from canary.verbs.weight import say_status
from canary.verbs.wording import plural

OVERRIDE = Option("override", "skip every guard; the event log keeps your name and reason")


def _deprecate(call: Call) -> None:
    sunset_at, is_override = call.values["sunset"], bool(call.values.get("override"))
    services.deprecate(sunset_at=sunset_at, is_override=is_override, **call.change)


def _add_brownout(call: Call) -> None:
    window, is_override = (call.values["from"], call.values["to"]), bool(call.values.get("override"))
    if consumer := call.values.get("consumer"):
        services.add_own_brownout(own=OwnWindow(consumer, *window), is_override=is_override, **call.change)
    else:
        services.add_brownout(window=window, is_override=is_override, **call.change)


def _end_brownout(call: Call) -> None:
    consumer = call.values.get("consumer")
    services.end_brownout(is_all=bool(call.values.get("all")), consumer=consumer, **call.change)


def _sunset(call: Call) -> dict[str, Any]:
    is_override, is_told_only = bool(call.values.get("override")), bool(call.values.get("told_only"))
    row = services.sunset(is_override=is_override, is_told_only=is_told_only, **call.change)
    evidence: Any = RolloutEvent.objects.get(version=row.version).evidence
    calls = Calls(**evidence["calls"])
    return {**status(call.now), "note": in_names(unproven_sentence(calls.unproven, calls.recent), row.names)}


def _say_sunset(result: Mapping[str, Any]) -> Iterator[str]:
    yield from say_status(result)
    if result["note"]:
        yield result["note"]


def _extend(call: Call) -> None:
    until, is_off = call.values.get("until"), bool(call.values.get("off"))
    if (until is None) != is_off:
        raise Refused("extension-undated", "Give either the date of the extension or the option that ends it.")
    services.extend(consumer=call.values["consumer"], until=until, **call.change)


def _restore(call: Call) -> None:
    services.restore(**call.change)


def _advance(call: Call) -> None:
    advance(**call.change)


def _notify(call: Call) -> dict[str, Any]:
    outcome = services.notify(**call.change)
    return {**status(call.now), "notified": outcome}


def _say_notified(result: Mapping[str, Any]) -> Iterator[str]:
    outcome = result["notified"]
    mailed = [consumer for consumer, how in outcome.items() if how == "mailed"]
    yield f"A list of calls is mailed to {plural(len(mailed), 'consumer', 'consumers')}."
    yield from (f"No address is known for {one}." for one in sorted(set(outcome) - set(mailed)))


def _status(call: Call) -> dict[str, Any]:
    """Return the dates, and what the next transition still lacks."""
    row, snapshot = read()
    life, at, names = snapshot.life, call.now.timestamp(), snapshot.names
    facts, calls = services.facts_about(row, call.now) if row else Facts(), recent_calls(call.now)
    unmet = unmet_for_deprecation(life, facts, at) if life.state == ACTIVE else unmet_for_sunset(life, facts, at)
    return {
        "lifecycle": life.state,
        "names": names.as_json(),
        "version": snapshot.version,
        "deprecated_at": _instant(life.deprecated_at),
        "sunset_at": _instant(life.sunset_at),
        "sunset_done_at": _instant(life.sunset_done_at),
        "brownouts": [{"from": iso(start), "to": iso(end)} for start, end in life.brownouts],
        "own_brownouts": [
            {"consumer": consumer, "from": iso(start), "to": iso(end)} for consumer, start, end in life.own_brownouts
        ],
        "extensions": [{"consumer": name, "until": _instant(until)} for name, until in life.extensions.items()],
        "is_in_brownout": is_in_brownout(snapshot, at),
        "last_call_at": _instant(facts.last_call_at),
        "recent_calls": calls.recent,
        "unproven_calls": calls.unproven,
        "unnotified": list(facts.unnotified),
        "untold": list(facts.untold),
        "next": None if is_stable_gone(life) else "deprecate" if life.state == ACTIVE else "sunset",
        "unmet": [] if is_stable_gone(life) else [_unmet(one, names) for one in unmet],
    }


def _unmet(one: Unmet, names: Names) -> dict[str, str]:
    return {"code": one.code, "sentence": in_names(one.sentence, names)}


def _instant(at: int | None) -> str | None:
    return None if at is None else iso(at)


def _say_life(result: Mapping[str, Any]) -> Iterator[str]:
    name = result["names"]["stable"]
    running = "; a brownout is running" if result["is_in_brownout"] else ""
    yield f"v{name} is {result['lifecycle']}{running}."
    names = {"deprecated_at": "Deprecated since", "sunset_at": "Sunset at", "sunset_done_at": "Out of service since"}
    yield from (f"{said} {result[name]}." for name, said in names.items() if result[name])
    yield from ("Brownout from {from} to {to}.".format(**window) for window in result["brownouts"])
    yield from ("Brownout of {consumer} from {from} to {to}.".format(**window) for window in result["own_brownouts"])
    yield from (in_names(_say_extension(**extension), names_from(result)) for extension in result["extensions"])
    yield f"Last call of v{name}: {result['last_call_at'] or 'none known'}."
    note = unproven_sentence(result["unproven_calls"], result["recent_calls"])
    if note and result["next"] == "sunset":
        yield in_names(note, names_from(result))
    if result["next"] and not result["unmet"]:
        yield f"Nothing is in the way of `{result['next']}`."
    yield from (f"In the way of `{result['next']}`: {one['sentence']}" for one in result["unmet"])


def _say_extension(consumer: str, until: str | None) -> str:
    return f"v1 answers {consumer} until {until or f'{NOTICE_DAYS} days after it is notified'}."


def _say_restored(result: Mapping[str, Any]) -> Iterator[str]:
    yield from say_status(result)
    life = result["life"]
    if life["sunset_at"] is not None:
        yield f"Its sunset is announced for {iso(life['sunset_at'])}."
    elif life["state"] != ACTIVE:
        yield f"No date of the sunset is announced: {in_names(NO_DATE, names_from(result))}"


def _change(
    words: str,
    help: str,
    run: Callable[[Call], Mapping[str, Any] | None],
    options: tuple[Option, ...] = (),
    say: Callable[[Mapping[str, Any]], Iterator[str]] = say_status,
) -> Verb:
    return Verb(("lifecycle", *words.split(" ")), help, LIFECYCLE, run, say, options, is_change=True)


VERBS = (
    Verb(("lifecycle", "status"), "show the dates of v1, and what its next step still needs", VIEW, _status, _say_life),
    _change(
        "deprecate",
        "announce the end of v1, or move the date that was announced",
        _deprecate,
        (Option("sunset", f"when v1 ends: {WHEN}", parse_instant, is_required=True, metavar="DATE"), OVERRIDE),
    ),
    _change(
        "brownout add",
        "plan a window in which v1 is switched off",
        _add_brownout,
        (
            Option("from", f"when it begins: {WHEN}", parse_instant, is_positional=True, is_required=True),
            Option("to", f"when it ends: {WHEN}", parse_instant, is_positional=True, is_required=True),
            Option("consumer", "whose calls alone it switches off: user:ID, key:PREFIX or client:ID", parse_consumer),
            OVERRIDE,
        ),
    ),
    _change(
        "brownout end",
        "end the running brownouts now",
        _end_brownout,
        (
            Option("all", "also cancel later brownouts"),
            Option("consumer", "end only those of this consumer", parse_consumer),
        ),
    ),
    _change(
        "extend",
        "let v1 answer one consumer until a date, also after the sunset",
        _extend,
        (
            Option("consumer", "user:ID or key:PREFIX", parse_consumer, is_positional=True, is_required=True),
            Option("until", f"until when: {WHEN}", parse_instant, metavar="DATE"),
            Option("off", "end the extension"),
        ),
    ),
    _change(
        "sunset",
        "take v1 out of service, until `restore`",
        _sunset,
        (
            Option(
                "told_only", f"keep v1 for consumers that were never notified, until {NOTICE_DAYS} days after they are"
            ),
            OVERRIDE,
        ),
        _say_sunset,
    ),
    _change("restore", "go one state back, so that v1 answers again", _restore, say=_say_restored),
    _change("advance", "begin the next journey, whose versions the settings name", _advance),
    _change("notify", "mail each consumer of v1 a list of its calls", _notify, say=_say_notified),
)
