"""Whether a client takes JSON: the Accept header (RFC 9110 section 12.5.1), of which only that one question matters here."""

from django.utils.http import parse_header_parameters

_RANGES = {"application/json": 2, "application/*": 1, "*/*": 0}


def is_json_accepted(accept: str | None) -> bool:
    """The most specific range that covers JSON decides, by its `q`; other parameters of a range don't matter."""
    if accept is None or not accept.strip():
        return True
    best, is_accepted = -1, False
    for item in accept.split(","):
        media_range, parameters = parse_header_parameters(item.strip())
        specificity = _RANGES.get(media_range.lower(), -1)
        if specificity > best:
            best, is_accepted = specificity, _quality(parameters.get("q", "1")) > 0
    return is_accepted


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0
