"""The formats of the headers that announce the end of v1."""

from datetime import UTC, datetime
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def deprecation_value(at: int) -> str:
    """Return the Deprecation header (RFC 9745): a Date of RFC 9651 section 3.3.7."""
    return f"@{at}"


def sunset_value(at: int) -> str:
    """Return the Sunset header (RFC 8594): IMF-fixdate (RFC 9110 section 5.6.7), the same in every locale."""
    when = datetime.fromtimestamp(at, UTC)
    return f"{_DAYS[when.weekday()]}, {when:%d} {_MONTHS[when.month - 1]} {when:%Y %H:%M:%S} GMT"


def link_value(target: str, relation: str, media_type: str | None = None) -> str:
    """Return one member of a Link header (RFC 8288); `target` is a URI without spaces or angle brackets."""
    value = f'<{target}>; rel="{relation}"'
    return f'{value}; type="{media_type}"' if media_type else value
