"""Posting signed messages by Standard Webhooks 1.0, to an address that was checked, within one deadline."""

import asyncio
import base64
import contextlib
import functools
import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from cms.outgoing.addresses import AddressRefused
from cms.outgoing.calls import Call, answer_to

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - it marks a secret, it is none
BODY_SHOWN: Final = 500  # bytes
BODY_WAIT_S: Final = 0.5
USER_AGENT: Final = "Tandem-Webhooks/1"


@dataclass(frozen=True)
class Message:
    url: str
    secret: str
    message_id: str
    """The same in every attempt: what a receiver tells repetitions by."""
    timestamp: int
    """Unix seconds of this attempt."""
    payload: dict[str, Any]
    traceparent: str = ""
    """Handed on unchanged: a receiver that traces sees its part as caused by the client's call."""

    @functools.cached_property
    def body(self) -> bytes:
        return json.dumps(self.payload, separators=(",", ":"), sort_keys=True).encode()

    def headers(self) -> dict[str, str]:
        return {
            "accept-encoding": "identity",
            "content-type": "application/json",
            "user-agent": USER_AGENT,
            "webhook-id": self.message_id,
            "webhook-timestamp": str(self.timestamp),
            "webhook-signature": sign(self.secret, self.message_id, self.timestamp, self.body),
            **({"traceparent": self.traceparent} if self.traceparent else {}),
        }


@dataclass(frozen=True)
class Answer:
    """The outcome of an attempt: a status, or the reason why there is none."""

    status: int | None
    error: str = ""
    body: str = ""
    """How the receiver's answer begins."""

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return `v1,` and the base64 of the HMAC-SHA256 over `id.timestamp.body`, keyed by the bytes of the secret."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def send_each(
    messages: Sequence[Message], *, timeout_s: float, is_private_allowed: bool
) -> Iterator[tuple[int, Answer]]:
    """Post all of them at once; yield each message's index and answer as it comes, in little more than `timeout_s`."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        waiting = {
            loop.create_task(_send(message, timeout_s, is_private_allowed)): index
            for index, message in enumerate(messages)
        }
        while waiting:
            # The loop stands still while the caller works: it must not wait in there.
            done, _ = runner.run(asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED))
            for task in done:
                yield waiting.pop(task), task.result()


async def _send(message: Message, timeout_s: float, is_private_allowed: bool) -> Answer:
    try:
        # One deadline over all of it: a receiver that sends a byte now and then would outlast any timeout of a read.
        async with asyncio.timeout(timeout_s) as deadline:
            return await _post(message, is_private_allowed, deadline)
    except TimeoutError:
        return Answer(None, f"No answer within {timeout_s:g} seconds.")
    except AddressRefused as error:
        return Answer(None, str(error))
    except Exception as error:  # one URL and its receiver must not hold up the other messages
        return Answer(None, f"{type(error).__name__}: {error}")


async def _post(message: Message, is_private_allowed: bool, deadline: asyncio.Timeout) -> Answer:
    call = Call("POST", message.url, message.headers(), message.body)
    async with answer_to(call, is_private_allowed=is_private_allowed) as response:
        # The status is the answer: the body has time of its own, and no slow one makes a success a failure.
        deadline.reschedule(asyncio.get_running_loop().time() + 2 * BODY_WAIT_S)
        body = await _beginning_of(response)  # nobody reads the rest: a receiver may send as much of it as it likes
    if response.is_redirect:
        return Answer(response.status_code, "Redirects are not followed.", body)
    error = "" if response.is_success else f"The receiver answered {response.status_code}."
    return Answer(response.status_code, error, body)


async def _beginning_of(response: httpx.Response) -> str:
    read = bytearray()
    with contextlib.suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(BODY_WAIT_S):
            async for chunk in response.aiter_raw(BODY_SHOWN):  # raw: nothing is unpacked
                read += chunk
                if len(read) >= BODY_SHOWN:
                    break
    return bytes(read[:BODY_SHOWN]).decode("utf-8", "replace")
