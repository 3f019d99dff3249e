"""Bodies that are written to cost more than they weigh."""

import json
from collections.abc import Callable, Mapping

type Bodies = Mapping[str, Callable[[int], bytes]]
"""By name; each takes the number of bytes that it shall have, about."""


def _of(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


SHAPES: Bodies = {
    "unknown members": lambda size: _of({f"m{number}": 0 for number in range(size // 11)}),
    "one member many times": lambda size: b"{" + b'"a":0,' * (size // 6) + b'"a":0}',
    "a long name": lambda size: _of({"\x01" * (size // 6): 0}),
    "brackets": lambda size: b'{"a":' + b"[" * (size // 2) + b"]" * (size // 2) + b"}",
    "braces": lambda size: b'{"a":' * (size // 5),
    "a long number": lambda size: b'{"a":' + b"1" * size + b"}",
    "no JSON": lambda size: b"\xff" * size,
}
"""Whatever the operation is."""
VALUES: Mapping[str, Callable[[int], object]] = {
    "a long text": lambda size: "&" * size,
    "a long text of two bytes a sign": lambda size: "«" * (size // 2),
    "control characters": lambda size: "\x01" * (size // 6),
    "NUL characters": lambda size: "\x00" * (size // 6),
    "many numbers": lambda size: [1] * (size // 2),
    "many texts": lambda size: ["a"] * (size // 4),
    "long texts": lambda size: ["\x01" * (size // 600)] * 100,
    "many objects": lambda size: [{}] * (size // 3),
}
"""Of each member that the operation has."""


def bodies_for(members: Mapping[str, object]) -> Bodies:
    """`members` are those of a good body, by name: each takes each hostile value in turn, the others stay as they are."""

    def with_value(name: str, value: Callable[[int], object]) -> Callable[[int], bytes]:
        return lambda size: _of({**members, name: value(size)})

    hostile = {f"{name}: {what}": with_value(name, value) for name in members for what, value in VALUES.items()}
    return {**SHAPES, **hostile}
