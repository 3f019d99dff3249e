"""Choose the URLs that hear of a change, in its transaction, and hand them over to be told beside requests."""

import threading
from datetime import timedelta
from typing import Final

from django.db import connections, transaction
from django.db.models import F, Q
from django.utils.module_loading import import_string

from canary.conf import canary_conf
from canary.core.notices import ANY, Change, is_repeated
from canary.models import RolloutEvent
from canary.requests.faults import faults

LOOKS_BACK: Final = 20
"""Quiet times. A notice that is quiet because of an older one than these is sent once too often."""
SEND: Final = "canary.notices.sending.send_notice"
"""By name, for a site without notices needs no Apprise."""


def queue_notices(event: RolloutEvent) -> None:
    """Send the notice to each URL for this kind of change, except to those that got the same one a short while ago."""
    conf, change = canary_conf(), change_of(event)
    positions = range(len(urls_for(change.kind)))
    if not positions or is_repeated(change, _earlier(event), conf.notify_quiet_s):
        return
    for position in positions:
        conf.notify_by(event.version, position)


def urls_for(kind: str | None) -> tuple[str, ...]:
    """Return the URLs for a kind of change; none for a change that nobody has to hear of."""
    if kind is None:
        return ()
    urls = canary_conf().notify_urls
    return (*urls.get(kind, ()), *urls.get(ANY, ()))


def change_of(event: RolloutEvent) -> Change:
    columns = {name: getattr(event, name) for name in ("version", "verb", "actor", "reason", "before", "after")}
    return Change(**columns, at=event.at.timestamp(), evidence=event.evidence)


def notify_by_thread(version: int, position: int) -> None:
    """Send in a thread after the commit: for a site that has no queue of jobs. A process waits for it at its end."""
    thread = threading.Thread(target=_send, args=(version, position), name=f"canary-notice-{version}")
    transaction.on_commit(thread.start, robust=True)


def _send(version: int, position: int) -> None:
    try:
        import_string(SEND)(version, position)
    except Exception as error:
        faults.record(error)
    finally:
        connections.close_all()


def _earlier(event: RolloutEvent) -> list[Change]:
    since = event.at - timedelta(seconds=LOOKS_BACK * canary_conf().notify_quiet_s)
    # Lists may have grown by thousands of events, which end no quiet time.
    matters = Q(verb=event.verb) | ~Q(before__weight_bp=F("after__weight_bp"))
    rows = RolloutEvent.objects.filter(matters, version__lt=event.version, at__gte=since)
    return [change_of(row) for row in rows.order_by("version")]
