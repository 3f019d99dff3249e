"""One call to an address that was checked, under the name of its URL; the environment's proxies have no part in it."""

import contextlib
import functools
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, NamedTuple

import httpx

from cms.outgoing.addresses import resolve_public

CONNECT_TIMEOUT_S: Final = 3.0  # for one address, so that a second one still has its turn


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
    async with httpx.AsyncClient(verify=tls(), trust_env=False, follow_redirects=False) as client:
        response = await _first_answer(client, addresses, url, call)
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
