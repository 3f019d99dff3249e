"""Instants as the pages of the admin site show them: in the time zone of who reads them, in one format."""

import datetime

from django.utils.html import format_html
from django.utils.timezone import localtime

FORMAT = "%Y-%m-%d %H:%M"


def shown_instant(instant: datetime.datetime | None) -> str:
    """Return it on one line, or a dash."""
    if instant is None:
        return "-"
    return format_html('<span class="whitespace-nowrap">{}</span>', localtime(instant).strftime(FORMAT))
