"""The consumers of v1 as the people behind them: who is told by mail what they still call, and how that is done in v2.

The rollout reaches it by the name in `CANARY["NOTIFY_CONSUMERS"]`, and hands over plain data.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.core.mail import EmailMessage
from django.tasks import task

from cms.ids import parse_uuid
from cms.models import ApiKey, User
from cms.services.mails import QUEUE

MAILED: Final = "mailed"
NO_ADDRESS: Final = "no_address"
ROUTES_SHOWN: Final = 50
TEXT: Final = """\
{whose} still calls version 1 of our API.

{dates}

Its calls of version 1 in the last {days} days, {calls} in all{refused}:

{routes}

How each of them is made in version 2 is told at {guide} of the same server.
"""


def notify_consumers(usages: Sequence[Mapping[str, Any]], life: Mapping[str, Any]) -> dict[str, str]:
    """Enqueue a mail for each key and user with an address; for every consumer what became of it.

    A usage has `consumer` (`kind:id`), `days`, `calls`, `refused` and `routes` of `{route, calls, last_seen_at, v2}`;
    `life` has `dates`, sentences, and `guide`, a path. Call it in the transaction that records the result.
    """
    outcome = {}
    for usage in usages:
        kind, _, identifier = usage["consumer"].partition(":")
        recipient = _recipient(kind, identifier)
        outcome[usage["consumer"]] = MAILED if recipient else NO_ADDRESS
        if recipient:
            send_v1_usage.enqueue(kind, identifier, dict(usage), dict(life))
    return outcome


@task(queue_name=QUEUE)
def send_v1_usage(kind: str, identifier: str, usage: dict[str, Any], life: dict[str, Any]) -> bool:
    """Whether a mail was sent: to the address that the key or the user has by now."""
    recipient = _recipient(kind, identifier)
    if recipient is None:
        return False
    address, whose = recipient
    shown = usage["routes"][:ROUTES_SHOWN]
    routes = [_line(route) for route in shown]
    if len(usage["routes"]) > len(shown):
        routes.append(f"- and {len(usage['routes']) - len(shown)} more")
    body = TEXT.format(
        whose=whose,
        dates="\n".join(life["dates"]),
        days=usage["days"],
        calls=usage["calls"],
        refused=f", of which {usage['refused']} were refused" if usage["refused"] else "",
        routes="\n".join(routes),
        guide=life["guide"],
    )
    EmailMessage("Your calls of API version 1", body, to=[address]).send()
    return True


def _line(route: Mapping[str, Any]) -> str:
    return f"- {route['route']}: {route['calls']}, last at {route['last_seen_at']}\n  in v2: {route['v2']}"


def _recipient(kind: str, identifier: str) -> tuple[str, str] | None:
    """Address and how the consumer is called to them: a key's own contact, else its owner; None when there is nobody."""
    if kind == "key":
        key = ApiKey.objects.filter(prefix=identifier, is_active=True).select_related("owner").first()
        if key is None or not (key.contact_email or _address(key.owner)):
            return None
        return key.contact_email or _address(key.owner), f"Your API key {' '.join(key.name.split())!r} ({key.prefix}…)"
    user_id = parse_uuid(identifier) if kind == "user" else None
    user = User.objects.filter(pk=user_id).first() if user_id else None
    return (_address(user), f"A program with your account {user.username}") if user and _address(user) else None


def _address(user: User) -> str:
    return user.email if user.is_active else ""
