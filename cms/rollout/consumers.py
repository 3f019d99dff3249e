"""Mails to the people behind the consumers of v1: what they still call, and how to make these calls in v2.

The rollout reaches it by the name in `CANARY["NOTIFY_CONSUMERS"]`, and hands over plain data. Its dates are sentences
in English, in every mail.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.core.mail import EmailMessage
from django.tasks import task
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from cms.ids import parse_uuid
from cms.models import ApiKey, User
from cms.services.mails import QUEUE, language_of

MAILED: Final = "mailed"
NO_ADDRESS: Final = "no_address"
ROUTES_SHOWN: Final = 50
SUBJECT: Final = gettext_noop("Your calls of API version 1")
TEXT: Final = gettext_noop("""\
{whose}

{dates}

{calls}

{guide} on the same server shows how to make each call in version 2.
""")
STILL_CALLS: Final = gettext_noop("{consumer} still calls version 1 of our API.")
ITS_CALLS: Final = gettext_noop("Its calls of version 1 in the last {days} days, {calls} in total{refused}:")
CALLS_OF_ONE: Final = gettext_noop("{consumer}: calls of version 1 in the last {days} days, {calls} in total{refused}:")


class Recipient(NamedTuple):
    """The user who gets the mail about a consumer, and the API key if the consumer is one."""

    user: User
    key: ApiKey | None = None

    @property
    def consumer(self) -> str:
        """Return the consumer's name as its user reads it."""
        if self.key is None:
            return _("A program that uses your account {username}").format(username=self.user.username)
        name = " ".join(self.key.name.split())
        return _("Your API key {name} ({prefix}…)").format(name=repr(name), prefix=self.key.prefix)


def notify_consumers(usages: Sequence[Mapping[str, Any]], life: Mapping[str, Any]) -> dict[str, str]:
    """Enqueue one mail for each user, also about the user's keys. Return the result by consumer.

    A usage has `consumer` (`kind:id`), `days`, `calls`, `refused`, `routes` of `{route, calls, last_seen_at, v2}`, and
    `dates`, sentences about this consumer alone; `life` has `dates`, sentences, and `guide`, a path. Call it in the
    transaction that records the result.
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
    """Send the mail to the user's present address, about present consumers of theirs. Return whether it was sent."""
    found = [(_recipient(usage["consumer"]), usage) for usage in usages]
    parts = [(recipient, usage) for recipient, usage in found if recipient and str(recipient.user.pk) == user_id]
    if not parts:
        return False
    user, heading = parts[0][0].user, ITS_CALLS if len(parts) == 1 else CALLS_OF_ONE
    with language_of(user):
        body = _(TEXT).format(
            whose="\n".join(_(STILL_CALLS).format(consumer=each.consumer) for each, usage in parts),
            dates="\n".join(life["dates"]),
            calls="\n\n".join(_calls(heading, each, usage) for each, usage in parts),
            guide=life["guide"],
        )
        EmailMessage(_(SUBJECT), body, to=[user.email]).send()
    return True


@task(queue_name=QUEUE)
def send_v1_usage(kind: str, identifier: str, usage: dict[str, Any], life: dict[str, Any]) -> bool:
    """Send a mail that an earlier release enqueued, one for each consumer. Return whether it was sent."""
    consumer = f"{kind}:{identifier}"
    recipient = _recipient(consumer)
    return bool(recipient and send_v1_usages.func(str(recipient.user.pk), [{**usage, "consumer": consumer}], life))


def _calls(heading: str, recipient: Recipient, usage: Mapping[str, Any]) -> str:
    shown, refused = usage["routes"][:ROUTES_SHOWN], usage["refused"]
    routes = [_line(route) for route in shown]
    if more := len(usage["routes"]) - len(shown):
        routes.append(_("- and {count} more").format(count=more))
    first = _(heading).format(
        consumer=recipient.consumer,
        days=usage["days"],
        calls=usage["calls"],
        refused=_(", of which {count} were refused").format(count=refused) if refused else "",
    )
    return "\n".join([first, *usage.get("dates", ()), "", *routes])


def _line(route: Mapping[str, Any]) -> str:
    return _("- {route}: {calls}, last at {last_seen_at}\n  in v2: {v2}").format(**route)


def _recipient(consumer: str) -> Recipient | None:
    """Return the recipient of a consumer's mail, or None if there is nobody.

    A key is its owner's. Nobody has proved the address of its contact: mails to it could go to any stranger.
    """
    kind, _colon, identifier = consumer.partition(":")
    if kind == "key":
        key = ApiKey.objects.filter(prefix=identifier, is_active=True).select_related("owner").first()
        return Recipient(key.owner, key) if key and key.owner.is_active else None
    user_id = parse_uuid(identifier) if kind == "user" else None
    user = User.objects.filter(pk=user_id, is_active=True).first() if user_id else None
    return Recipient(user) if user else None
