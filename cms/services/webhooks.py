"""Webhooks: who gets which events. `events.py` defines what they are sent, `deliveries.py` how."""

import base64
import datetime
import re
import secrets
from typing import Any, Final, TypedDict
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.db import transaction

from cms import limits, policy
from cms.errors import FieldError, InvalidInput, PermissionRefused, sentence, shown
from cms.models import User, Webhook
from cms.outgoing.addresses import is_public_address, parse_address
from cms.outgoing.sending import SECRET_PREFIX
from cms.policy import Actor
from cms.services.audit import record_event
from cms.services.checks import check_text
from cms.services.events import ALL_EVENTS, EVENT_TYPES
from cms.services.locks import lock_row

SECRET_BYTES: Final = 32  # Standard Webhooks allows 24 to 64
_UNPRINTABLE = re.compile(r"[\s\x00-\x20\x7f-\x9f\\]")


class WebhookFields(TypedDict, total=False):
    url: str
    events: list[str]
    """Names from EVENT_TYPES, or `*` for all."""
    is_active: bool


def create_webhook(*, actor: Actor, fields: WebhookFields, now: datetime.datetime) -> Webhook:
    """Create a webhook. Its `secret` is to be shown to `actor` now and never again."""
    _refuse_non_admin(actor)
    if errors := _field_errors({"url": "", "events": [], **fields}):
        raise InvalidInput(errors)
    webhook = Webhook(
        **{**fields, "events": _in_order(fields["events"])},
        secret=make_secret(),
        created_by=actor if isinstance(actor, User) else None,
        created_at=now,
        updated_at=now,
    )
    with transaction.atomic():
        webhook.save(force_insert=True)
        record_event(actor, "webhook.created", webhook, before={}, after=_described(webhook))
    return webhook


def update_webhook(*, actor: Actor, webhook: Webhook, changes: WebhookFields, now: datetime.datetime) -> Webhook:
    """Update a webhook. One that is switched off gets no new events; its pending deliveries wait."""
    _refuse_non_admin(actor)
    if errors := _field_errors(changes):
        raise InvalidInput(errors)
    with transaction.atomic():
        webhook = lock_row(webhook)
        before = _described(webhook)
        for name, value in changes.items():
            setattr(webhook, name, _in_order(changes["events"]) if name == "events" else value)
        after = _described(webhook)
        if before == after:
            return webhook
        webhook.updated_at = now
        webhook.save(update_fields=[*changes, "updated_at"])
        record_event(actor, "webhook.updated", webhook, before=before, after=after)
    return webhook


def renew_secret(*, actor: Actor, webhook: Webhook, now: datetime.datetime) -> Webhook:
    """Sign with a new secret from the next attempt on. It is to be shown to `actor` now and never again."""
    _refuse_non_admin(actor)
    with transaction.atomic():
        webhook = lock_row(webhook)
        webhook.secret, webhook.updated_at = make_secret(), now
        webhook.save(update_fields=["secret", "updated_at"])
        record_event(actor, "webhook.secret_renewed", webhook, before={}, after={})
    return webhook


def delete_webhook(*, actor: Actor, webhook: Webhook) -> None:
    """Delete a webhook with everything that was or is to be delivered to it."""
    _refuse_non_admin(actor)
    with transaction.atomic():
        webhook = lock_row(webhook, is_doomed=True)
        record_event(actor, "webhook.deleted", webhook, before=_described(webhook), after={})
        webhook.delete()


def make_secret() -> str:
    """Return a signing secret as Standard Webhooks writes it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _refuse_non_admin(actor: Actor) -> None:
    if not policy.may_manage_webhooks(actor):
        raise PermissionRefused("Only admins manage webhooks.")


def _described(webhook: Webhook) -> dict[str, Any]:
    return {"url": webhook.url, "events": webhook.events, "is_active": webhook.is_active}


def _in_order(events: list[str]) -> list[str]:
    """Return each event once, in the order of the list of events."""
    return [event for event in (ALL_EVENTS, *EVENT_TYPES) if event in events]


def _field_errors(fields: WebhookFields) -> list[FieldError]:
    errors: list[FieldError] = []
    if "url" in fields:
        errors += check_text("url", fields["url"], 1, limits.URL_MAX) or _url_errors(fields["url"])
    if "events" in fields:
        unknown = [event for event in fields["events"] if event not in (*EVENT_TYPES, ALL_EVENTS)]
        if not fields["events"]:
            errors.append(FieldError("events", "required", "A webhook needs at least one event, or '*' for all."))
        if unknown:
            message = sentence(
                "%(value)s is not an event; use '*', %(names)s.",
                value=shown(unknown[0]),
                names=", ".join(EVENT_TYPES),
            )
            errors.append(FieldError("events", "invalid_choice", message))
    return errors


def _url_errors(url: str) -> list[FieldError]:
    try:
        parts = urlsplit(url)
        # As it is asked for: an ideographic full stop, say, is a point then.
        host, is_valid = httpx.URL(url).raw_host.decode("ascii"), parts.port != 0
    except (ValueError, httpx.InvalidURL):
        host, is_valid = "", False
    if not is_valid or not host or parts.scheme not in ("http", "https") or _UNPRINTABLE.search(url) or "#" in url:
        return [FieldError("url", "invalid_url", "A webhook's URL consists of http:// or https://, a host and a path.")]
    if "@" in parts.netloc:
        return [FieldError("url", "has_credentials", "A webhook's URL can't contain a user name or a password.")]
    if not settings.WEBHOOKS_ALLOW_PRIVATE and _is_plainly_private(host):
        return [FieldError("url", "private_address", "Webhooks go to public addresses only.")]
    return []


def _is_plainly_private(host: str) -> bool:
    """Return whether the host's text alone shows that it is private; each attempt of a delivery checks its address."""
    address = parse_address(host)
    name = host.rstrip(".").lower()
    return not is_public_address(address) if address else name == "localhost" or name.endswith(".localhost")
