"""One story told to a server: requests and answers as the text of its golden file, and checks that hold for every answer."""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import httpx
import orjson

from tests.contract.v1.normalising import Normaliser
from tests.contract.v1.openapi import Document
from tests.contract.v1.rows import Watch
from tests.contract.v1.stories import Step, Story
from tests.contract.v1.world import World
from tests.servers import READY_PATH

BASE: Final = "/api/v1"
PLACEHOLDER: Final = re.compile(r"\{([a-zü_.]+)\}")
# The same in every answer, and asserted to be: printed they would only hide the others.
ALWAYS: Final = {
    "api-version": "1",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
# What the connection or the moment decides; the request id has a test of its own.
UNPRINTED: Final = {*ALWAYS, "date", "server", "connection", "transfer-encoding", "content-length", "x-request-id"}


class Teller:
    def __init__(self, http: httpx.Client, watch: Watch, world: World, document: Document) -> None:
        self._http, self._watch, self._world, self._document = http, watch, world, document

    def tell(self, told: Story) -> str:
        """The text of the golden file. Raises AssertionError for whatever is never right."""
        normaliser, kept = Normaliser(self._world.ids), dict(self._world.ids | self._world.values)
        parts = []
        for step in told.steps:
            for _ in range(step.times):
                response = self._send(step, kept)
            parts.append(self._told(step, kept, response))
            for name, path in step.keep.items():
                kept[name] = _value_at(response.json(), path)
        return normaliser.normalise("\n".join(parts))

    def _send(self, step: Step, kept: Mapping[str, str]) -> httpx.Response:
        method, _, path = step.request.partition(" ")
        headers = {**self._world.credentials[step.by], **_filled(dict(step.headers), kept)}
        content = _content(_filled(step.body, kept))
        if content is not None:
            headers = {"Content-Type": "application/json", **headers}
        response = self._http.request(method, BASE + _filled(path, kept), headers=headers, content=content)
        self._check(response)
        if "X-API-Key" in headers:
            # That it was used is noted after the answer; before that is done the connection takes no other request.
            self._http.get(READY_PATH)
        return response

    def _check(self, response: httpx.Response) -> None:
        for name, value in ALWAYS.items():
            assert response.headers.get(name) == value, name
        assert response.headers["x-request-id"]
        assert len(response.headers.get_list("content-type")) == (response.status_code != HTTPStatus.NO_CONTENT)
        self._document.check(response)

    def _told(self, step: Step, kept: Mapping[str, str], response: httpx.Response) -> str:
        lines = [
            f"{step.request.replace(' ', f' {BASE}', 1)}",
            f"by {step.by}" + f", {step.times} times" * (step.times > 1),
        ]
        lines += [f"{name}: {value}" for name, value in step.headers.items()]
        if step.body is not None:
            lines += ["", _told_body(step.body)]
        lines += ["", f"=> {response.status_code}", *_header_lines(response)]
        if response.content:
            lines += ["", _pretty_exactly(response.content)]
        return "\n".join([*lines, "", "rows", *(self._watch.changes() or ["as before"]), ""])


def _header_lines(response: httpx.Response) -> list[str]:
    printed = [(name.decode(), value.decode()) for name, value in response.headers.raw]
    return sorted(f"{name}: {value}" for name, value in printed if name.lower() not in UNPRINTED)


def _pretty_exactly(content: bytes) -> str:
    """Indented for reading. Only what is compact JSON is, so that every byte of the answer follows from the text."""
    parsed = orjson.loads(content)
    assert orjson.dumps(parsed) == content, "an answer of v1 is compact JSON in UTF-8"
    return _pretty(parsed)


def _told_body(body: Any) -> str:
    if isinstance(body, bytes):
        return repr(body)
    return body if isinstance(body, str) else _pretty(body)


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _content(body: Any) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else orjson.dumps(body)


def _filled(value: Any, kept: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda match: kept[match[1]], value)
    if isinstance(value, dict):
        return {name: _filled(inner, kept) for name, inner in value.items()}
    return [_filled(inner, kept) for inner in value] if isinstance(value, list) else value


def _value_at(body: Any, path: str) -> str:
    for name in path.split("."):
        body = body[int(name)] if name.isdigit() else body[name]
    return str(body)
