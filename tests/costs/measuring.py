"""Sending a hostile body and holding what it costs against its size."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tests.costs.hostile import SHAPES, Bodies, bodies_for
from tests.memory import peak_memory
from tests.processor import processor_time

MEGABYTE: Final = 1024 * 1024
SMALL: Final = 64 * 1024
"""What an operation takes unless it is known to take more."""
REFUSAL_BYTES_MAX: Final = 256 * 1024
GROWTH_MAX: Final = 12
"""Bytes of an accepted body's answer for each that was sent: a character may come as one byte and go as six, twice."""
BASE_S: Final = 0.25
SECONDS_A_MEGABYTE: Final = 4.0
"""Rendering and analysing a text takes up to 3 s."""
BASE_BYTES: Final = 16 * MEGABYTE
BYTES_A_BYTE: Final = 40
CONTENT: Final = "content: "
NODE_BYTES: Final = 160
"""For each byte of a content: cmark makes a node of 144 bytes for an `&`, and its HTML has five bytes, some times.

A process renders one text at a time, and gives the tree back at once.
"""

type Send = Callable[[str, bytes], Any]
"""Takes an operation, such as `post /posts`, and a body."""


def operations_of(document: Mapping[str, Any]) -> list[str]:
    """The operations that have a body, as `post /posts`."""
    items = document["paths"].items()
    return [f"{method} {path}" for path, item in items for method in item if "requestBody" in item[method]]


def assert_bounded(send: Send, operation: str, most: int) -> None:
    """A body of a megabyte, and one that is just too large, are refused unread where no such body is taken."""
    for size in {MEGABYTE, most + SMALL}:
        body = b"{" * size
        answer, took_s = _timed(send, operation, body)
        if took_s >= BASE_S:
            # Once more: the test's client copies the body into memory that the process may first have to get.
            _, again_s = _timed(send, operation, body)
            took_s = min(took_s, again_s)
        where = f"{operation}, {size} bytes: {answer.status_code}"
        assert answer.status_code in ((413,) if size > most else range(400, 500)), where
        assert len(answer.content) < REFUSAL_BYTES_MAX, where
        assert took_s < BASE_S, where


def assert_shapes_are_cheap(send: Send, operation: str, most: int) -> None:
    _assert_cheap(send, operation, SHAPES, SHAPES, min(most, MEGABYTE) - 1024)


def assert_values_are_cheap(send: Send, operation: str, most: int, members: Mapping[str, object]) -> None:
    """`members` are those of a good body."""
    bodies = bodies_for(members)
    _assert_cheap(send, operation, bodies, bodies.keys() - SHAPES, min(most, MEGABYTE) - 2048)


def _assert_cheap(send: Send, operation: str, bodies: Bodies, names: Iterable[str], size: int) -> None:
    for name in sorted(names):
        body = bodies[name](size)
        limit_s = BASE_S + SECONDS_A_MEGABYTE * len(body) / MEGABYTE
        limit_bytes = BASE_BYTES + (NODE_BYTES if name.startswith(CONTENT) else BYTES_A_BYTE) * len(body)
        answer, took_s, grown = _measured(send, operation, body)
        if took_s >= limit_s or grown >= limit_bytes:
            # Once more: what is first used is loaded then, and garbage of other tests may have been collected.
            _, again_s, again = _measured(send, operation, body)
            took_s, grown = min(took_s, again_s), min(grown, again)
        where = f"{operation}, {name}: {answer.status_code}"
        assert answer.status_code < 500, where
        most = REFUSAL_BYTES_MAX if answer.status_code >= 400 else REFUSAL_BYTES_MAX + GROWTH_MAX * len(body)
        assert len(answer.content) < most, where
        assert took_s < limit_s, f"{where}, {took_s:.3f} s"
        assert grown < limit_bytes, f"{where}, {grown} bytes"


def _timed(send: Send, operation: str, body: bytes) -> tuple[Any, float]:
    """Return the answer and its seconds of processor time."""
    with processor_time() as spent:
        answer = send(operation, body)
    return answer, spent.seconds


def _measured(send: Send, operation: str, body: bytes) -> tuple[Any, float, int]:
    """Return the answer, its seconds of processor time, and the bytes by which the process has grown meanwhile."""
    with peak_memory() as peak:
        answer, took_s = _timed(send, operation, body)
    return answer, took_s, peak.bytes
