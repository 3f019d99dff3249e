"""A gate that asks an HTTP service: `GET URL?candidate=2&stable=1&since=…` returns `{verdict, number, sentence}`."""

import asyncio
import json
from typing import Any, Final

import httpx

from canary.core.gates import Gate, GateResult
from canary.gates.questions import GateFault, Question

BODY_MAX: Final = 1_000_000
AGENT: Final = "canary-gate"
AS_IT_IS: Final = "identity"


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
    headers = {"User-Agent": AGENT, **gate.options.get("headers", {}), "Accept-Encoding": AS_IT_IS}
    try:
        with asyncio.Runner() as runner:
            status, body = runner.run(_answer(gate.timeout_s, headers, url, data))
    except TimeoutError as error:
        raise GateFault(f"no answer within {gate.timeout_s:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise GateFault(f"no answer ({type(error).__name__})") from error
    if status != 200:
        raise GateFault(f"the answer is {status}")
    try:
        return json.loads(body)
    except ValueError as error:
        raise GateFault("the answer is not JSON") from error


async def _answer(
    timeout_s: float, headers: dict[str, str], url: str, data: dict[str, str] | None
) -> tuple[int, bytes]:
    """Return the status and the body, which must come whole within the time: HTTPX limits each read alone."""
    async with (
        asyncio.timeout(timeout_s),
        httpx.AsyncClient(timeout=timeout_s, trust_env=False, headers=headers) as client,
        client.stream("POST" if data else "GET", url, data=data) as response,
    ):
        if response.headers.get("Content-Encoding", AS_IT_IS) != AS_IT_IS:
            raise GateFault("the answer is compressed")  # a few bytes could become any number
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            if len(body) > BODY_MAX:
                raise GateFault("the answer is too long")
        return response.status_code, bytes(body)
