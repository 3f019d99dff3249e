"""Sentences of the core, the services and the event log in the language of a page.

Those are in English, for logs, commands and the control API, and stored so. A page recognises each by its template and
fills the translation with the same values. A sentence without a template, such as a person's reason, stays as it is.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache, reduce
from typing import Final

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from canary.core.lifecycle import STATES
from canary.core.names import OF_TWO_JOURNEYS, Names, in_names, in_roles
from canary.core.plans import DONE, HELD, PAUSED, RUNNING
from canary.pages.sentences import CLAUSES, END, MEMBERS, SENTENCES, TEMPLATES
from canary.state.store import current_snapshot

KEPT: Final = 2_000
"""Texts whose translation is kept: the page asks for the same ones every five seconds."""
TEXT_MAX: Final = 8_000
SOURCE: Final = "en"
NUMBER: Final = r"[0-9](?:[0-9.,^e+-]*[0-9])?"
STATE: Final = "|".join((*STATES, RUNNING, PAUSED, HELD, DONE))
VALUES: Final = {
    "count": NUMBER,
    "number": NUMBER,
    "limit": NUMBER,
    "low": NUMBER,
    "high": rf"{NUMBER}|any",
    "e": NUMBER,
    "weight": rf"{NUMBER} %",
    "share": rf"{NUMBER} %",
    "other": rf"{NUMBER} %",
    "users": rf"{NUMBER} users?",
    "duration": rf"{NUMBER} (?:s|min|h|days)",
    "least": rf"{NUMBER} (?:s|min|h|days)",
    "at": r"[0-9T:.+Z-]+",
    "state": STATE,
    "other_state": STATE,
    "last_state": STATE,
    "method": "GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE",
}
"""By name, the values of templates that have a form of their own; all others are any text."""
PLACE: Final = re.compile(r"%\((\w+)\)s")


def spoken(text: str) -> str:
    """Return a text in the language of the page if all of it is known, else as it is."""
    language = get_language() or SOURCE
    if not text or language.partition("-")[0] == SOURCE or len(text) > TEXT_MAX:
        return text
    return _spoken(language, text, current_snapshot().names)


def told(words: str) -> str:
    """Return the help of a verb or an option as a sentence."""
    words = in_names(words, current_snapshot().names)
    said = spoken(words)
    return f"{words[0].upper()}{words[1:]}." if said == words else _(END) % {"sentence": said}


@lru_cache(maxsize=KEPT)
def _spoken(language: str, text: str, names: Names) -> str:
    """Templates say v1 and v2, as the core does; the translation comes with the names, as all messages do."""
    return _translation(text if text.startswith(OF_TWO_JOURNEYS) else in_roles(text, names)) or text


def _translation(text: str) -> str | None:
    if text.endswith("."):
        inner = None if text.endswith("..") else _translation(text[:-1])  # no sentence ends so: a person's reason
        return None if inner is None else _(END) % {"sentence": inner}
    for mark, template in ((". ", SENTENCES), ("; ", CLAUSES)):
        if len(parts := list(_split(text, mark))) > 1:
            return _joined(parts, template)
    return _by_template(text) or _joined(list(_split(text, ", ")), MEMBERS)


def _joined(parts: list[str], template: str) -> str | None:
    """Return the parts' translations with the marks of the language between them, None unless all are known."""
    if len(parts) == 1 or None in (done := [_translation(part) for part in parts]):
        return None
    return reduce(lambda first, rest: _(template) % {"first": first, "rest": rest}, filter(None, done))


def _by_template(text: str) -> str | None:
    for start, pattern, template in _templates():
        if text.startswith(start) and (found := pattern.fullmatch(text)):
            return _(template) % {
                name: _translation(value) or _value(value) for name, value in found.groupdict().items()
            }
    return None


def _value(text: str) -> str:
    return in_names(text, current_snapshot().names)


def _split(text: str, mark: str) -> Iterator[str]:
    """Split where no bracket is open."""
    begin = depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and text.startswith(mark, place):
            yield text[begin:place]
            begin = place + len(mark)
    yield text[begin:]


@cache
def _templates() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    return tuple(
        (_before_value(template), re.compile(_pattern(template), re.DOTALL), template) for template in TEMPLATES
    )


def _before_value(template: str) -> str:
    return template.partition("%(")[0].replace("%%", "%")


def _pattern(template: str) -> str:
    texts, names = PLACE.split(template)[::2], PLACE.split(template)[1::2]
    values = [f"(?P<{name}>{VALUES.get(name, '.+?')})" for name in names] + [""]
    return "".join(re.escape(text.replace("%%", "%")) + value for text, value in zip(texts, values, strict=True))
