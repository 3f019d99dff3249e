"""One call to an address that was checked, under the name of its URL; the environment's proxies have no part in it."""

import contextlib
import functools
import math
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import httpcore
import httpx

from cms.outgoing.addresses import resolve_public

CONNECT_TIMEOUT_S: Final = 3.0  # for one address, so that a second one still has its turn
HEAD_BYTES_MAX: Final = 64 * 1024
"""Before the answer's status: an endless row of `103 Early Hints` is read no further."""
PIECE_BYTES: Final = 4 * 1024
"""The most that is read, and so parsed, before other calls have their turn."""


class Call(NamedTuple):
    method: str
    url: str
    headers: Mapping[str, str] = {}
    content: bytes = b""


@contextlib.asynccontextmanager
async def answer_to(call: Call, *, is_private_allowed: bool) -> AsyncIterator[httpx.Response]:
    """Yield the answer, whose body nobody has read yet; redirects are not followed.

    Raises AddressRefused and the errors of httpx. The caller limits the time and the bytes that it takes.
    """
    url = httpx.URL(call.url)
    port = url.port or (443 if url.scheme == "https" else 80)
    addresses = await resolve_public(url.raw_host.decode(), port, is_private_allowed=is_private_allowed)
    # Without the environment's proxies: they would connect to wherever the name leads them.
    async with httpx.AsyncClient(transport=_Transport(), trust_env=False, follow_redirects=False) as client:
        response = await _first_answer(client, addresses, url, call)
        response.extensions["network_stream"].bytes_left = math.inf
        try:
            yield response
        finally:
            await response.aclose()


async def _first_answer(
    client: httpx.AsyncClient, addresses: Sequence[str], url: httpx.URL, call: Call
) -> httpx.Response:
    for address in addresses[:-1]:
        with contextlib.suppress(httpx.ConnectError, httpx.ConnectTimeout):
            return await _answer_at(client, address, url, call)
    return await _answer_at(client, addresses[-1], url, call)


async def _answer_at(client: httpx.AsyncClient, address: str, url: httpx.URL, call: Call) -> httpx.Response:
    """Ask this address under the URL's name: in the Host header, in TLS's server name and in the certificate."""
    request = client.build_request(
        call.method,
        url.copy_with(host=address, userinfo=b""),
        content=call.content,
        headers={**call.headers, "host": url.netloc.decode()},
        extensions={"sni_hostname": url.raw_host.decode()},
        timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S),
    )
    return await client.send(request, stream=True)


@functools.cache
def tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


class _Transport(httpx.AsyncHTTPTransport):
    def __init__(self) -> None:
        super().__init__(trust_env=False, verify=tls())
        # httpx has no argument for the backend of its pool.
        self._pool = httpcore.AsyncConnectionPool(ssl_context=tls(), network_backend=_Network())


class _Network(httpcore.AsyncNetworkBackend):
    def __init__(self) -> None:
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        return _Stream(await self._backend.connect_tcp(*args, **kwargs))


class _Stream(httpcore.AsyncNetworkStream):
    """Reads `bytes_left` bytes in pieces."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self.bytes_left: float = HEAD_BYTES_MAX

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self.bytes_left <= 0:
            raise httpcore.ReadError(f"{HEAD_BYTES_MAX} bytes came before the status.")
        data = await self._stream.read(min(max_bytes, PIECE_BYTES), timeout)
        self.bytes_left -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        return _Stream(await self._stream.start_tls(*args, **kwargs))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
