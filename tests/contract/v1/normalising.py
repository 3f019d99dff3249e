"""What differs from run to run becomes a stable name, after its shape was checked: ids, times, tokens, keys.

`post.draft` is the name of an object of the world, `uuid:1` of the first id in a file that isn't one, and so on. One
value has one name within a file.
"""

import datetime
import re
import time
from collections.abc import Mapping
from typing import Any, Final

import jwt

TOKEN: Final = r"eyJ[\w-]+\.[\w-]+\.[\w-]+"
UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# Whatever looks like an instant, in any notation: all but one of them is refused.
INSTANT: Final = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d[^\"\s,}]*"
V1_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
RAW_KEY: Final = r"tdm_[a-z2-7]{16}_[a-z2-7]{40}"
PREFIX: Final = r"(?<=\"prefix\": \")[a-z2-7]{16}(?=\")"
MEASURED: Final = re.compile(r'("took_ms": )\d+(?:\.\d+)?')
# How long to wait depends on the moment within the limit's window.
WAIT: Final = re.compile(r"(?<=^Retry-After: )\d+$|(?<=try again in )\d+(?= s)", re.MULTILINE)
CSRF: Final = re.compile(r'("csrf_token": )"[A-Za-z0-9]{64}"')
CSRF_COOKIE: Final = re.compile(r"^(Set-Cookie: csrftoken=)[A-Za-z0-9]{32}(; expires=)[\w, :]+ GMT", re.MULTILINE)
SOMETHING: Final = re.compile(
    rf"(?P<token>{TOKEN})|(?P<key>{RAW_KEY})|(?P<prefix>{PREFIX})|(?P<time>{INSTANT})|(?P<uuid>{UUID})"
)
LIFETIMES_S: Final = {"access": 15 * 60, "refresh": 14 * 24 * 3600}
RECENT_S: Final = 24 * 3600


class Normaliser:
    """One for a file: it remembers what it has named."""

    def __init__(self, ids: Mapping[str, str]) -> None:
        self._names: dict[str, str] = {value: f"<{name}>" for name, value in ids.items()}
        self._counts: dict[str, int] = {}

    def normalise(self, text: str) -> str:
        """Raises AssertionError for an instant or a token that isn't written or made as v1 promises."""
        text = SOMETHING.sub(self._replaced, text)
        text = WAIT.sub(lambda match: self._name("seconds", match.group()), text)
        text = CSRF_COOKIE.sub(r"\1<csrf_secret>\2<date>", text)
        return CSRF.sub(r'\1"<csrf_token>"', MEASURED.sub(r"\1<measured>", text))

    def _replaced(self, match: re.Match[str]) -> str:
        kind, value = str(match.lastgroup), match.group()
        if kind == "time":
            return self._instant(value)
        if kind == "token":
            kind = _kind_of_token(value)
        return self._name(kind, value)

    def _instant(self, value: str) -> str:
        """An instant of the world stays as it is, one that the server has read from its clock gets a name."""
        assert V1_INSTANT.fullmatch(value), f"{value} is no RFC 3339 instant in UTC with Z and microseconds"
        age_s = time.time() - datetime.datetime.fromisoformat(value).timestamp()
        return self._name("now", value) if abs(age_s) < RECENT_S else value

    def _name(self, kind: str, value: str) -> str:
        if value not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[value] = f"<{kind}:{self._counts[kind]}>"
        return self._names[value]


def _kind_of_token(token: str) -> str:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False, "verify_exp": False})
    kind = str(claims["typ"])
    assert claims["exp"] - claims["iat"] == LIFETIMES_S[kind]
    return f"{kind}_token"
