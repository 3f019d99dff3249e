"""Strict readers of what v1's answers say of its end: whatever the standards don't allow fails."""

import datetime
import re

# RFC 9651 section 3.3.7 and 4.2.9: "@" and an sf-integer of at most 15 digits; neither parameters nor a fraction.
STRUCTURED_DATE = re.compile(r"@(-?[0-9]{1,15})", re.ASCII)
# RFC 9110 section 5.6.7: the one form that may be generated.
IMF_FIXDATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4}"
    r" [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
    re.ASCII,
)
# RFC 8288 section 3, as narrow as we write it.
LINK = re.compile(
    r'<([!#-;=?-\[\]_a-z~]+)>; rel="([a-z-]+)"(?:; type="[a-z]+/[a-z]+")?(?:; title="([a-z ]+)")?(?:, |\Z)', re.ASCII
)


def parse_structured_date(value: str) -> int:
    found = STRUCTURED_DATE.fullmatch(value)
    assert found, f"{value!r} is no Date of structured fields"
    return int(found[1])


def parse_http_date(value: str) -> int:
    assert IMF_FIXDATE.fullmatch(value), f"{value!r} is no IMF-fixdate"
    at = datetime.datetime.strptime(value, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=datetime.UTC)
    assert value.startswith(at.strftime("%a")), f"{value!r} names another day of the week"
    return int(at.timestamp())


def parse_links(value: str) -> dict[str, str]:
    """Targets by relation; each relation once, and nothing between the members but a comma."""
    position, found = 0, {}
    while position < len(value):
        link = LINK.match(value, position)
        assert link, f"{value[position:]!r} is no link"
        assert link[2] not in found, f"{link[2]} stands there twice"
        found[link[2]] = link[1]
        position = link.end()
    return found


def title_of_link(value: str, relation: str) -> str | None:
    """Of a link that is there."""
    return next(link[3] for link in LINK.finditer(value) if link[2] == relation)
