"""The verb about the consumers of v1: the migration board."""

from collections.abc import Iterator, Mapping
from typing import Any

from canary.core.consumers import PROVEN, kind_of
from canary.core.lifecycle import NOTICE_DAYS
from canary.core.names import Names, names_from
from canary.core.permissions import VIEW
from canary.reporting.board import migration_board
from canary.retiring.usage import USAGE_DAYS
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import parse_limit
from canary.verbs.wording import plural

COMMAND_LINE = "cli:"
"""How the actor of a command begins: it may see addresses, and callers of the control API may not."""


def _board(call: Call) -> dict[str, Any]:
    days, page = call.values.get("days") or USAGE_DAYS, call.values.get("page") or 1
    return migration_board(call.now, page=page, days=days, is_addressed=call.actor.startswith(COMMAND_LINE))


def _say_board(result: Mapping[str, Any]) -> Iterator[str]:
    names = names_from(result)
    yield (
        f"{plural(result['count'], 'consumer', 'consumers')} of v{names.stable} in the last {result['days']} days, page"
        f" {result['page']} of {result['pages']}; v{names.stable} is {result['lifecycle']}."
    )
    for one in result["consumers"]:
        yield from _say_consumer(one, names)


def _say_consumer(one: Mapping[str, Any], names: Names) -> Iterator[str]:
    contact = one["contact"] or {}
    name = contact.get("name") or one["name"]
    known = " ".join(filter(None, (name, f"<{contact['address']}>" if "address" in contact else "")))
    yield f"{one['consumer']}{f', {known}' if known else ''}"
    routes = ", ".join(f"{route['route']} {route['calls']}" for route in one["routes"])
    more = f" and {one['routes_more']} more" if one["routes_more"] else ""
    yield (
        f"  {one['calls']} calls, {one['refused']} refused, by {one['agent'] or 'unknown agent'},"
        f" the last {one['last_seen_at']:.19}{f': {routes}{more}' if routes else ''}"
    )
    if one["version"] and kind_of(one["consumer"]) in PROVEN and not one["is_proven"]:
        yield "  not proven by a credential: anybody can make up this name"
    if version := one["version"]:
        since = f" since {version['since']:.19}" if version["since"] else ""
        yield f"  on v{version['api_version']}{since}: {version['reason']}, bucket {version['bucket']} of 10000"
    yield from _say_differences(one, names)
    if told := one["told"]:
        yield f"  notified at {told['at']:.19}: {told['how']}"
    elif version:
        yield "  never notified"
    if extension := one["extension"]:
        yield f"  v{names.stable} answers it until {extension['until'] or f'{NOTICE_DAYS} days after it is notified'}"
    yield from ("  brownout of its own from {from} to {to}".format(**window) for window in one["brownouts"])


def _say_differences(one: Mapping[str, Any], names: Names) -> Iterator[str]:
    if pairs := one["pairs"]:
        yield f"  of its own reads, v{names.candidate} failed {pairs['failed']} and refused {pairs['refused']}"
    found = one["differences"]
    if found["places"]:
        places = "; ".join(
            f"{place['route']} at {place['path'] or 'the whole answer'} ({place['kind']}, {place['count']} times)"
            for place in found["places"]
        )
        more = f"; {found['places_more']} more" if found["places_more"] else ""
        yield f"  its routes differ: {places}{more}"


VERBS = (
    Verb(
        ("consumers",),
        "show who calls v1, what differs for them, their version, and who to write to",
        VIEW,
        _board,
        _say_board,
        (
            Option("page", "number of the page (default 1)", parse_limit, is_number=True),
            Option("days", f"how many days of usage (default {USAGE_DAYS})", parse_limit, is_number=True),
        ),
    ),
)
