"""Query strings that are written to cost more than they weigh, percent-encoded as they are sent."""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

BYTES: Final = 7_900
"""Of a request line of 8,190, the longest that a server takes."""

type Queries = Mapping[str, Callable[[int], str]]
"""By name; each takes the number of bytes that it shall have, at most."""


def _filled(piece: str) -> Callable[[int], str]:
    return lambda size: piece * (size // len(piece))


SHAPES: Final[Queries] = {
    "many parameters": lambda size: "&".join(f"a{number}=" for number in range(size // 8)),
    "one parameter many times": _filled("a=&"),
    "known ones many times": _filled("limit=1&fields=id&q=a&page=1&"),
    "brackets": lambda size: f"a{'[b]' * (size // 3 - 1)}=1",
    "a long name": lambda size: f"{'a' * size}=1",
    "a name of escapes": lambda size: f"{'%01' * (size // 3)}=1",
    "separators": _filled("&;=&&"),
    "no escapes": _filled("%zz%"),
    "no UTF-8": lambda size: f"a={'%ff' * (size // 3 - 1)}",
    "plus signs": _filled("+"),
}
"""Whatever the operation knows."""
VALUES: Final[Queries] = {
    "a long word": _filled("a"),
    "digits": _filled("9"),
    "a number and much behind it": lambda size: f"1{'0' * (size - 2)}.",
    "minus signs": _filled("-"),
    "control characters": _filled("%01"),
    "NUL characters": _filled("%00"),
    "no UTF-8": _filled("%ff"),
    "surrogates": _filled("%ed%a0%80"),
    "characters of four bytes": _filled("%f0%9f%98%80"),
    "combining marks": _filled("a%cc%81"),
    "a ligature of four words": _filled("%ef%b7%ba"),
    "Han": _filled("%e6%b0%b4"),
    "Hangul and blanks": _filled("%ed%95%9c+"),
    "short words": _filled("a+b+c+"),
    "phrases": _filled("%22a+b%22+"),
    "excluded phrases": _filled("-%22a+b%22+"),
    "quotes": _filled("%22"),
    "wildcards": _filled("%25_*"),
    "brackets": _filled("("),
    "commas": _filled(","),
    "a list of letters": lambda size: ",".join("a" * (size // 2)),
    "a list of other words": lambda size: ",".join(f"w{number:x}" for number in range(size // 6)),
    "a list of ids": lambda size: ",".join(f"0197a0b0-0000-7000-8000-{number:012x}" for number in range(size // 37)),
    "a list of fields": _filled("id,title,content,tags,-title,author,"),
    "dots and colons": _filled("2026-01-01T00:00:00."),
    "escaped markup": lambda size: quote("<script>&\"'" * (size // 30)),
    "base64": lambda size: "Qf" * (size // 2),
    "line ends": _filled("%0d%0a"),
}
"""Of each parameter."""


def with_values(name: str, *, size: int = BYTES) -> dict[str, str]:
    """Query strings with each hostile value of this parameter."""
    return {f"{name}: {what}": f"{name}={value(size - len(name) - 1)}" for what, value in VALUES.items()}


def shapes(size: int = BYTES) -> dict[str, str]:
    return {what: shape(size) for what, shape in SHAPES.items()}
