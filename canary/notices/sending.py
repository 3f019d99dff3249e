"""Send one notice to one URL through Apprise. The URL holds a password or a token, so nothing here names it."""

import logging
from typing import Final

import apprise

from canary.conf import canary_conf
from canary.core.notices import notice_of
from canary.models import RolloutEvent
from canary.notices.choosing import change_of, urls_for

# These write addresses with their tokens: Apprise with its errors too, those below it at DEBUG.
logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
for _name in ("urllib3.connectionpool", "requests_oauthlib"):
    logging.getLogger(_name).setLevel(logging.ERROR)
APP: Final = apprise.AppriseAsset(app_id="canary", app_desc="Rollout", app_url="", async_mode=False)


class NoticeNotSentError(Exception):
    """A receiver did not take a notice; the text names the service alone."""


def send_notice(version: int, position: int) -> bool:
    """Send the notice about the event with this version to the URL at this position; False if there is none any more.

    Raises NoticeNotSentError, so that a queue of jobs tries again.
    """
    event = RolloutEvent.objects.get(version=version)
    change = change_of(event)
    urls = urls_for(change.kind)
    if position >= len(urls):
        return False
    service = urls[position].partition("://")[0][:40]
    sender = apprise.Apprise(asset=APP)
    if not sender.add(urls[position]):
        raise NoticeNotSentError(f"The URL of {service} for notices is not one that Apprise knows.")
    notice = notice_of(change, canary_conf().page_url)
    kind = apprise.NotifyType(notice.level)
    # Without its format the body is sent as it is, also to services that take HTML: a reason could be markup in a mail.
    if not sender.notify(body=notice.body, title=notice.title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT):
        raise NoticeNotSentError(f"{service} did not take the notice about revision {version}.")
    return True
