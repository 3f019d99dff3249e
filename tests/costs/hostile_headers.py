"""Heads of requests that are written to cost more than they weigh."""

from collections.abc import Callable, Mapping
from typing import Final

BYTES: Final = 64 * 1024
LINE_BYTES: Final = 8_100
"""Servers take no longer line; of several lines of one name they make one list, except of Content-Type."""


def _filled(piece: str) -> Callable[[int], str]:
    return lambda size: piece * (size // len(piece))


ANY: Final[Mapping[str, Callable[[int], str]]] = {
    "letters": _filled("a"),
    "commas": _filled(","),
    "blanks": _filled(" "),
    "quotes": _filled('"'),
    "Latin-1": _filled("\xff"),
}
"""Values of any header."""
OWN: Final[Mapping[str, Mapping[str, Callable[[int], str]]]] = {
    "Authorization": {
        "a token": lambda size: f"Bearer {'A' * size}",
        "parts of a token": lambda size: f"Bearer {'A.' * (size // 2)}",
        "colons": lambda size: f"Bearer {'A:' * (size // 2)}",
        "another scheme": lambda size: f"Basic {'A' * size}",
    },
    "X-API-Key": {"a key": lambda size: f"tdm_{'a' * 16}_{'b' * size}", "parts": _filled("tdm_")},
    "Cookie": {
        "cookies": lambda size: "; ".join(f"a{number}=b" for number in range(size // 10)),
        "backslashes": lambda size: f'sessionid="{chr(92) * size}"',
        "a session": lambda size: f"sessionid={'a' * size}",
        "an identity": lambda size: f"canary_id=anon.{'A' * size}.{'B' * 40}",
    },
    "Accept": {
        "ranges": _filled("text/html;q=0.1, "),
        "parameters": lambda size: "application/json" + ";a=b" * (size // 4),
        "quoted parameters": lambda size: 'application/json;a="' + '\\"' * (size // 2),
        "long numbers": lambda size: f"application/json;q=0.{'1' * size}",
    },
    "Accept-Language": {"ranges": _filled("de-DE;q=0.1, ")},
    "Accept-Encoding": {"codings": _filled("gzip;q=0.1, ")},
    "If-Match": {
        "tags": _filled('"1-a", '),
        "weak tags": _filled('W/"1-a",'),
        "long numbers": _filled('"12345678901-",'),
    },
    "If-None-Match": {
        "tags": _filled('"1-a", '),
        "weak tags": _filled("W/"),
        "one tag": lambda size: f'"{"a" * size}"',
    },
    "If-Modified-Since": {"dates": _filled("Sun, 06 Nov 1994 08:49:37 GMT ")},
    "If-Unmodified-Since": {"dates": _filled("Sun, 06 Nov 1994 08:49:37 GMT ")},
    "Range": {"ranges": lambda size: f"bytes={'0-0,' * (size // 4)}", "digits": lambda size: f"bytes=0-{'9' * size}"},
    "If-Range": {"tags": _filled('"1-a", ')},
    "Idempotency-Key": {},
    "API-Version": {"digits": _filled("2")},
    "Content-Type": {
        "parameters": lambda size: "application/json" + "; a=b" * (size // 6),
        "a boundary": lambda size: f"multipart/form-data; boundary={'a' * (size - 40)}",
        "encoded parameters": lambda size: "application/json" + "; a*=utf-8''%41" * (size // 16),
    },
    "X-Forwarded-For": {"hops": _filled("10.0.0.1, "), "hops of IPv6": _filled("[::ffff:10.0.0.1]:80, ")},
    "X-Forwarded-Proto": {"hops": _filled("https, ")},
    "X-Forwarded-Host": {"hops": _filled("example.org, ")},
    "Forwarded": {"hops": _filled("for=10.0.0.1;proto=https, ")},
    "X-Request-ID": {},
    "X-Client-Id": {},
    "X-Synthetic": {},
    "X-CSRFToken": {},
    "X-Canary-Debug": {},
    "traceparent": {"dashes": lambda size: f"00-{'a' * 32}-{'b' * 16}-01-{'c' * size}"},
    "tracestate": {"members": _filled("a=b,")},
    "Origin": {"labels": lambda size: f"https://{'a.' * (size // 2)}example.org"},
    "Referer": {"a path": lambda size: f"https://example.org/{'a/' * (size // 2)}"},
    "Host": {"labels": _filled("a."), "digits": _filled("1.")},
    "User-Agent": {},
    **{name: {} for name in ("X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "Via")},
    "X-Forwarded-Server": {},
    "Access-Control-Request-Method": {},
    "Access-Control-Request-Headers": {"names": _filled("x-a, ")},
}
"""Values of one header, each beside those of any. What reads another header has to name it here."""


def values_of(name: str, size: int = BYTES) -> dict[str, str]:
    size = min(size, LINE_BYTES) if name == "Content-Type" else size
    return {f"{name}: {what}": value(size) for what, value in {**ANY, **OWN[name]}.items()}


def all_at_once(size: int = BYTES) -> dict[str, str]:
    """Every header with its last value, as long as they are together; a host that isn't served is refused first."""
    each = size // len(OWN)
    return {name: [*values_of(name, each).values()][-1] for name in OWN if name != "Host"}
