"""Verbs about the lists that overrule the bucket of an identity: `allow` sends it to v2, `exclude` to v1."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from canary import services
from canary.core.permissions import RAMP, VIEW
from canary.models import ListEntry
from canary.reporting.people import People
from canary.verbs.declaring import Call, Option, Verb
from canary.verbs.parsing import parse_listed_identity
from canary.verbs.weight import say_status
from canary.verbs.wording import one_line

IDENTITY = Option(
    "identity",
    "KIND:ID, where KIND is user, key, client or anon",
    parse_listed_identity,
    is_positional=True,
    is_required=True,
)
TARGETS = {ListEntry.List.ALLOW: "v2", ListEntry.List.EXCLUDE: "v1"}


def _add(name: str, call: Call) -> None:
    services.add_to_list(list=name, identity=call.values["identity"], **call.change)


def _remove(name: str, call: Call) -> None:
    services.remove_from_list(list=name, identity=call.values["identity"], **call.change)


def _list(name: str, call: Call) -> dict[str, Any]:
    rows = list(ListEntry.objects.filter(list=name).order_by("added_at", "pk"))
    people = People(row.actor for row in rows)
    entries = [
        {
            "identity": f"{row.kind}:{row.identifier}",
            "reason": row.reason,
            "actor": row.actor,
            "actor_name": people.actor(row.actor),
            "added_at": row.added_at.isoformat(),
        }
        for row in rows
    ]
    return {"list": name, "entries": entries}


def _say_entries(result: Mapping[str, Any]) -> Iterator[str]:
    if not result["entries"]:
        yield f"The {result['list']} list is empty."
    for entry in result["entries"]:
        yield one_line("{identity}  since {added_at} by {actor_name}: {reason}".format(**entry))


def _verbs_of(name: str) -> tuple[Verb, ...]:
    def change(word: str, help: str, service: Callable[[str, Call], None]) -> Verb:
        return Verb((name, word), help, RAMP, partial(service, name), say_status, (IDENTITY,), is_change=True)

    target = TARGETS[ListEntry.List(name)]
    return (
        change("add", f"send an identity to {target} regardless of its bucket", _add),
        change("remove", "take an identity off the list: its bucket decides again", _remove),
        Verb((name, "list"), f"list the identities that always get {target}", VIEW, partial(_list, name), _say_entries),
    )


VERBS = (*_verbs_of("allow"), *_verbs_of("exclude"))
