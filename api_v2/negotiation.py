"""Whether a client accepts a view's media type: the Accept header (RFC 9110 section 12.5.1)."""

from typing import Final

from django.utils.http import parse_header_parameters

JSON: Final = "application/json"
HTML: Final = "text/html"
XHTML: Final = "application/xhtml+xml"
_NAMED: Final = 2


def is_accepted(accept: str | None, media_type: str) -> bool:
    """Return whether the header accepts the media type: its most specific range decides, by its `q`.

    Other parameters of a range don't matter.
    """
    if accept is None or not accept.strip():
        return True
    return _wish(accept, media_type)[1] > 0


def is_browser(accept: str | None) -> bool:
    """Return whether a page is preferred to JSON, as a browser does that follows a link.

    Some programs name HTML without reading it (Java does by default), but no XHTML. Browsers name both.
    """
    if not accept or XHTML not in accept:
        return False
    least = _wish(accept, JSON)[1]
    return all(named == _NAMED and quality > least for named, quality in (_wish(accept, HTML), _wish(accept, XHTML)))


def _wish(accept: str, media_type: str) -> tuple[int, float]:
    """Return how closely the best range names the media type, from 0 to 2, and its `q`."""
    ranges = {media_type: _NAMED, f"{media_type.partition('/')[0]}/*": 1, "*/*": 0}
    best, wished = -1, 0.0
    for item in accept.split(","):
        try:
            media_range, parameters = parse_header_parameters(item.strip())
        except ValueError:  # longer than Django reads
            continue
        specificity = ranges.get(media_range.lower(), -1)
        if specificity > best:
            best, wished = specificity, _quality(parameters.get("q", "1"))
    return best, wished


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0
