"""A gate that asks an HTTP service: `GET URL?candidate=2&stable=1&since=…` returns `{verdict, number, sentence}`."""

import json
from typing import Any, Final

import httpx

from canary.core.gates import Gate, GateResult
from canary.gates.questions import GateFault, Question

BODY_MAX: Final = 1_000_000
AGENT: Final = "canary-gate"


def ask_over_http(gate: Gate, question: Question) -> GateResult:
    asked: dict[str, str | int] = {"candidate": question.candidate, "stable": question.stable}
    asked["since"] = question.since.isoformat()
    url = httpx.URL(gate.target)
    body = get_json(gate, str(url.copy_merge_params(asked)))
    if not isinstance(body, dict):
        raise GateFault("the answer is not a JSON object")
    try:
        return GateResult(body.get("verdict", ""), body.get("number"), body.get("sentence"))  # type: ignore[arg-type]
    except ValueError as error:
        raise GateFault(str(error)) from error


def get_json(gate: Gate, url: str, data: dict[str, str] | None = None) -> Any:
    """Return the JSON at an address, by POST where there is `data`. Errors name no address: it may hold a password."""
    headers = {"User-Agent": AGENT, **gate.options.get("headers", {})}
    try:
        with (
            httpx.Client(timeout=gate.timeout_s, trust_env=False, headers=headers) as client,
            client.stream("POST" if data else "GET", url, data=data) as response,
        ):
            body = _read(response)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise GateFault(f"no answer ({type(error).__name__})") from error
    if response.status_code != 200:
        raise GateFault(f"the answer is {response.status_code}")
    try:
        return json.loads(body)
    except ValueError as error:
        raise GateFault("the answer is not JSON") from error


def _read(response: httpx.Response) -> bytes:
    body = b""
    for part in response.iter_bytes():
        body += part
        if len(body) > BODY_MAX:
            raise GateFault("the answer is too long")
    return body
