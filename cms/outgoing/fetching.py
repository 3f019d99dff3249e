"""Fetching a small JSON document from an address that was checked, within one deadline and a number of bytes."""

import asyncio
from typing import Any, Final

import httpx
import orjson

from cms.outgoing.addresses import AddressRefused
from cms.outgoing.calls import Call, answer_to

# A few bytes of a compressed body could become any number.
_AS_IT_IS: Final = {"accept": "application/json", "accept-encoding": "identity"}


class FetchFailed(Exception):
    """There is no such document; the text says why, for a log."""


def fetch_json(call: Call, *, timeout_s: float, bytes_max: int, is_private_allowed: bool) -> dict[str, Any]:
    """Return the JSON object that a 200 brings. Raises FetchFailed for everything else."""
    call = call._replace(headers={**_AS_IT_IS, **call.headers})
    try:
        with asyncio.Runner() as runner:
            body = runner.run(_body_of(call, timeout_s, bytes_max, is_private_allowed))
        parsed = orjson.loads(body)
    except TimeoutError as error:
        raise FetchFailed(f"no answer within {timeout_s:g} seconds") from error
    except (AddressRefused, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise FetchFailed(f"{type(error).__name__}: {error}") from error
    if not isinstance(parsed, dict):
        raise FetchFailed("the answer is not a JSON object")
    return parsed


async def _body_of(call: Call, timeout_s: float, bytes_max: int, is_private_allowed: bool) -> bytes:
    body = bytearray()
    async with asyncio.timeout(timeout_s), answer_to(call, is_private_allowed=is_private_allowed) as response:
        if response.status_code != 200:
            raise FetchFailed(f"the status was {response.status_code}")
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > bytes_max:
                raise FetchFailed(f"the answer has more than {bytes_max} bytes")
    return bytes(body)
