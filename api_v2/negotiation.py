"""Whether a client accepts a view's media type: the Accept header (RFC 9110 section 12.5.1)."""

from typing import Final

from django.utils.http import parse_header_parameters

JSON: Final = "application/json"


def is_accepted(accept: str | None, media_type: str) -> bool:
    """Return whether the header accepts the media type: its most specific range decides, by its `q`.

    Other parameters of a range don't matter.
    """
    if accept is None or not accept.strip():
        return True
    ranges = {media_type: 2, f"{media_type.partition('/')[0]}/*": 1, "*/*": 0}
    best, is_taken = -1, False
    for item in accept.split(","):
        try:
            media_range, parameters = parse_header_parameters(item.strip())
        except ValueError:  # longer than Django reads
            continue
        specificity = ranges.get(media_range.lower(), -1)
        if specificity > best:
            best, is_taken = specificity, _quality(parameters.get("q", "1")) > 0
    return is_taken


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0
