"""The consumers of v1 as the people behind them: who is told by mail what they still call, and how that is done in v2.

The rollout reaches it by the name in `CANARY["NOTIFY_CONSUMERS"]`, and hands over plain data.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.core.mail import EmailMessage
from django.tasks import task

from cms.ids import parse_uuid
from cms.models import ApiKey, User
from cms.services.mails import QUEUE

MAILED: Final = "mailed"
NO_ADDRESS: Final = "no_address"
ROUTES_SHOWN: Final = 50
TEXT: Final = """\
{whose}

{dates}

{calls}

How each of them is made in version 2 is told at {guide} of the same server.
"""
CALLS: Final = """\
{whose} calls of version 1 in the last {days} days, {calls} in all{refused}:

{routes}"""


class Recipient(NamedTuple):
    """Who is told of a consumer, and how the consumer is called to them."""

    user: User
    whose: str


def notify_consumers(usages: Sequence[Mapping[str, Any]], life: Mapping[str, Any]) -> dict[str, str]:
    """Enqueue one mail for each user, about the user's keys too; for every consumer what became of it.

    A usage has `consumer` (`kind:id`), `days`, `calls`, `refused` and `routes` of `{route, calls, last_seen_at, v2}`;
    `life` has `dates`, sentences, and `guide`, a path. Call it in the transaction that records the result.
    """
    outcome, by_user = {}, defaultdict(list)
    for usage in usages:
        recipient = _recipient(usage["consumer"])
        outcome[usage["consumer"]] = MAILED if recipient else NO_ADDRESS
        if recipient:
            by_user[recipient.user.pk].append(dict(usage))
    for user_id, own in by_user.items():
        send_v1_usages.enqueue(str(user_id), own, dict(life))
    return outcome


@task(queue_name=QUEUE)
def send_v1_usages(user_id: str, usages: list[dict[str, Any]], life: dict[str, Any]) -> bool:
    """Whether a mail was sent: to the address that the user has by now, about what is the user's by now."""
    found = [(_recipient(usage["consumer"]), usage) for usage in usages]
    parts = [(recipient, usage) for recipient, usage in found if recipient and str(recipient.user.pk) == user_id]
    if not parts:
        return False
    body = TEXT.format(
        whose="\n".join(f"{recipient.whose} still calls version 1 of our API." for recipient, _ in parts),
        dates="\n".join(life["dates"]),
        calls="\n\n".join(_calls("Its" if len(parts) == 1 else f"{each.whose}:", usage) for each, usage in parts),
        guide=life["guide"],
    )
    EmailMessage("Your calls of API version 1", body, to=[parts[0][0].user.email]).send()
    return True


@task(queue_name=QUEUE)
def send_v1_usage(kind: str, identifier: str, usage: dict[str, Any], life: dict[str, Any]) -> bool:
    """Whether a mail was sent. An earlier release enqueued one for each consumer."""
    consumer = f"{kind}:{identifier}"
    recipient = _recipient(consumer)
    return bool(recipient and send_v1_usages.func(str(recipient.user.pk), [{**usage, "consumer": consumer}], life))


def _calls(whose: str, usage: Mapping[str, Any]) -> str:
    shown = usage["routes"][:ROUTES_SHOWN]
    routes = [_line(route) for route in shown]
    if len(usage["routes"]) > len(shown):
        routes.append(f"- and {len(usage['routes']) - len(shown)} more")
    return CALLS.format(
        whose=whose,
        days=usage["days"],
        calls=usage["calls"],
        refused=f", of which {usage['refused']} were refused" if usage["refused"] else "",
        routes="\n".join(routes),
    )


def _line(route: Mapping[str, Any]) -> str:
    return f"- {route['route']}: {route['calls']}, last at {route['last_seen_at']}\n  in v2: {route['v2']}"


def _recipient(consumer: str) -> Recipient | None:
    """Return the recipient of a consumer's mail; None when there is nobody.

    A key is its owner's. Nobody has proved the address of its contact: mails to it could go to any stranger.
    """
    kind, _, identifier = consumer.partition(":")
    if kind == "key":
        key = ApiKey.objects.filter(prefix=identifier, is_active=True).select_related("owner").first()
        name = f"Your API key {' '.join(key.name.split())!r} ({key.prefix}…)" if key else ""
        return Recipient(key.owner, name) if key and key.owner.is_active else None
    user_id = parse_uuid(identifier) if kind == "user" else None
    user = User.objects.filter(pk=user_id, is_active=True).first() if user_id else None
    return Recipient(user, f"A program with your account {user.username}") if user else None
