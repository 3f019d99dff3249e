"""The forms in which one old address may be written: with or without a slash, encoded or not, with a query."""

import re
from urllib.parse import quote, unquote

# The characters that stand unencoded in paths besides letters and digits (RFC 3986 section 3.3).
_SAFE = "/:@!$&'()*+,;=~-._"


def old_paths_of(path: str) -> list[str]:
    """Return paths to look for, the best first. `path` begins with a slash; the case of its letters is kept.

    An address that is known with its query is another one than that without. If it isn't known, the query is left out.
    """
    bare, _, query = path.partition("#")[0].partition("?")
    decoded = unquote(bare)
    encoded = quote(decoded, safe=_SAFE)
    spellings = [bare, decoded, encoded, re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), encoded)]
    slashed = [form for spelling in spellings for form in (spelling, *_other_ending(spelling))]
    forms = dict.fromkeys(form for form in slashed if "\x00" not in form)
    return [*(f"{form}?{query}" for form in forms if query), *forms]


def _other_ending(path: str) -> list[str]:
    if path == "/":
        return []
    return [path.rstrip("/") or "/"] if path.endswith("/") else [f"{path}/"]
