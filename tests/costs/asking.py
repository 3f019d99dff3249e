"""Asking with hostile queries and heads, and holding what an answer costs against what was sent."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from tests.costs.hostile_headers import OWN, all_at_once
from tests.costs.hostile_headers import values_of as header_values
from tests.costs.hostile_queries import shapes, with_values
from tests.costs.measuring import BASE_BYTES, BASE_S, GROWTH_MAX, REFUSAL_BYTES_MAX
from tests.memory import peak_memory
from tests.processor import processor_time
from tests.servers import ROOT

HEAD_GROWTH_MAX: Final = 4
"""Bytes of an answer's head for each of the request's: an address may come back in Location, and in a link or two."""
HEAD_BYTES_MAX: Final = 8 * 1024
PACKAGES: Final = ("cms", "api_v1", "api_v2", "canary")
_READ: Final = re.compile(r"\bHTTP_[A-Z][A-Z_]*[A-Z]\b")
_OF_SERVERS: Final = {"HTTP_TRANSFER_ENCODING", "HTTP_CONNECTION"}
"""Read before a request is one, or where it is sent on."""

type Ask = Callable[[str, str, Mapping[str, str]], Any]
"""Takes an operation, such as `get /posts`, a query string and headers."""


# -- what there is to ask ---------------------------------------------------------------------------------------------


def all_operations(document: Mapping[str, Any]) -> list[str]:
    """As `get /posts`, without the base of v1."""
    return [name for name, _ in _operations(document)]


def by_subject(operations: Iterable[str]) -> dict[str, list[str]]:
    """The operations by the first part of their paths."""
    found: dict[str, list[str]] = defaultdict(list)
    for operation in operations:
        found["/".join(operation.partition(" ")[2].split("/")[:2]) or "/"].append(operation)
    return dict(found)


def parameters(document: Mapping[str, Any], place: str) -> dict[str, list[str]]:
    """The operations that have a parameter in `query` or `header`, by its name."""
    found: dict[str, list[str]] = defaultdict(list)
    for operation, given in _operations(document):
        for parameter in given:
            known = _resolved(document, parameter)
            if known["in"] == place:
                found[known["name"]].append(operation)
    return dict(found)


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Each with its parameters and those of its path."""
    for path, item in document["paths"].items():
        common = item.get("parameters", [])
        for method, operation in item.items():
            if method != "parameters":
                yield f"{method} {path.removeprefix('/api/v1')}", [*common, *operation.get("parameters", [])]


def _resolved(document: Mapping[str, Any], parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in parameter:
        return parameter
    found: Mapping[str, Any] = document["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
    return found


def headers_read() -> set[str]:
    """The headers that the code looks at, as it calls them."""
    files = [file for package in PACKAGES for file in Path(ROOT, package).rglob("*.py")]
    return {name for file in files for name in _READ.findall(file.read_text(encoding="utf-8"))} - _OF_SERVERS


def as_read(name: str) -> str:
    """A header as WSGI calls it."""
    return f"HTTP_{name.upper().replace('-', '_')}"


# -- asking -----------------------------------------------------------------------------------------------------------


def assert_queries_are_cheap(ask: Ask, operations: Iterable[str], *, first: int = 0, step: int = 1) -> None:
    """Of all shapes each `step`-th is tried, another one first for each operation."""
    for number, operation in enumerate(operations, first):
        tried = islice(shapes().items(), number % step, None, step)
        _assert_cheap(ask, operation, {what: (query, {}) for what, query in tried})


def assert_parameters_are_cheap(ask: Ask, operation: str, names: Iterable[str], *, step: int = 1) -> None:
    for number, name in enumerate(names):
        tried = islice(with_values(name).items(), number % step, None, step)
        _assert_cheap(ask, operation, {what: (query, {}) for what, query in tried})


def assert_headers_are_cheap(ask: Ask, operation: str, names: Iterable[str]) -> None:
    for name in names:
        _assert_cheap(ask, operation, {what: ("", {name: value}) for what, value in header_values(name).items()})


def assert_whole_heads_are_cheap(ask: Ask, operations: Iterable[str]) -> None:
    """With all headers at once, and once more without those for which a request is refused first."""
    whole = all_at_once()
    kept = {name: value for name, value in whole.items() if name not in ("Authorization", "X-API-Key", "Accept")}
    for operation in operations:
        _assert_cheap(ask, operation, {"all headers": ("", whole), "most headers": ("", kept)})


def _assert_cheap(ask: Ask, operation: str, asked: Mapping[str, tuple[str, Mapping[str, str]]]) -> None:
    plain = _length(ask(operation, "", {}))
    with peak_memory() as peak:
        for what, (query, headers) in asked.items():
            sent = len(query) + sum(map(len, headers.values()))
            with processor_time() as spent:
                answer = ask(operation, query, headers)
                length = _length(answer)
            where = f"{operation}, {what}: {answer.status_code}"
            assert answer.status_code < 500, where
            assert length < (REFUSAL_BYTES_MAX if answer.status_code >= 400 else plain + GROWTH_MAX * sent + 1_000), (
                where
            )
            head = sum(len(name) + len(value) for name, value in answer.headers.items())
            assert head < HEAD_BYTES_MAX + HEAD_GROWTH_MAX * sent, where
            assert spent.seconds < BASE_S, f"{where}, {spent.seconds:.3f} s"
    assert peak.bytes < BASE_BYTES, f"{operation}, {[*asked]}"


def _length(answer: Any) -> int:
    return len(b"".join(answer.streaming_content) if answer.streaming else answer.content)


def unclassified_headers(document: Mapping[str, Any], more: Iterable[str] = ()) -> set[str]:
    """Headers of the document, and `more`, that have no hostile values."""
    return {*parameters(document, "header"), *more} - OWN.keys()
