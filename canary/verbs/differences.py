"""Verbs about differences of shadow reads: list them, accept one so that it holds no step, revoke that."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from canary import services
from canary.core.permissions import RAMP, VIEW
from canary.reporting.people import People
from canary.services.differences import Difference, accepted_differences
from canary.shadow.results import summary
from canary.state.store import read
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import parse_place, parse_text
from canary.verbs.weight import say_status
from canary.verbs.wording import one_line, plural

NAME: Final = (
    Option("route", "v1's verb and template, as `differences list` shows it", parse_text, is_required=True),
    Option("kind", "how the answers differ, such as value or missing", parse_text, is_required=True),
    Option("path", "the place in v1's answer; leave it out for the whole answer", parse_place, default=""),
)


def _named(call: Call) -> Difference:
    return Difference(call.values["route"], call.values["path"] or "", call.values["kind"])


def _accept(call: Call) -> None:
    services.accept_difference(difference=_named(call), **call.change)


def _revoke(call: Call) -> None:
    services.revoke_difference(difference=_named(call), **call.change)


def _list(call: Call) -> dict[str, Any]:
    """Return what holds the release in force, and all that is accepted, found in this release or not."""
    release = read()[1].release
    columns = ("route", "path", "kind", "count")
    found = [one for one in summary(release)["differences"] if one["accepted"] is None]
    rows = accepted_differences()
    people = People(row.actor for row in rows.values())
    accepted = [
        {
            **name._asdict(),
            "actor": row.actor,
            "actor_name": people.actor(row.actor),
            "reason": row.reason,
            "accepted_at": row.accepted_at.isoformat(),
        }
        for name, row in rows.items()
    ]
    return {
        "release": release,
        "differences": [{name: one[name] for name in columns} for one in found],
        "accepted": accepted,
    }


def _say_list(result: Mapping[str, Any]) -> Iterator[str]:
    found = result["differences"]
    yield f"{plural(len(found), 'difference holds', 'differences hold')} release {result['release']}."
    for one in found:
        yield one_line(f"  {_words(one)}  # {plural(one['count'], 'time', 'times')}")
    yield f"{plural(len(result['accepted']), 'difference is', 'differences are')} accepted."
    for one in result["accepted"]:
        yield one_line(f"  {_words(one)}  # since {one['accepted_at']} by {one['actor_name']}: {one['reason']}")


def _words(one: Mapping[str, Any]) -> str:
    """Return the name as the options of `accept` and `revoke` take it."""
    given = ("--route", one["route"], "--kind", one["kind"], *(("--path", one["path"]) if one["path"] else ()))
    return shlex.join(given)


VERBS: Final = (
    Verb(
        ("differences", "list"),
        "list the differences that hold the next step, and the accepted ones with their reasons",
        VIEW,
        _list,
        _say_list,
    ),
    Verb(
        ("differences", "accept"),
        "accept a benign difference: it holds no step any more, in this release and later ones",
        RAMP,
        _accept,
        say_status,
        NAME,
        is_change=True,
    ),
    Verb(
        ("differences", "revoke"),
        "stop accepting a difference: it holds steps again",
        RAMP,
        _revoke,
        say_status,
        NAME,
        is_change=True,
    ),
)
