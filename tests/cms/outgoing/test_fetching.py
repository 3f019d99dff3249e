"""Fetching a small JSON document from a real server: what it takes, and what it gives up on."""

import gzip
import json
from collections.abc import Callable, Iterator

import pytest

from cms.outgoing.calls import Call
from cms.outgoing.fetching import FetchFailed, fetch_json
from tests.oidc_provider import DISCOVERY, Handler, Provider, providing


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providing() as provider:
        yield provider


def fetch(provider: Provider, *, bytes_max: int = 1_000, is_private_allowed: bool = True) -> dict[str, object]:
    call = Call("GET", f"{provider.issuer}{DISCOVERY}")
    return fetch_json(call, timeout_s=60, bytes_max=bytes_max, is_private_allowed=is_private_allowed)


def send(body: bytes, **headers: str) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_a_json_object_is_taken(provider: Provider) -> None:
    assert fetch(provider)["issuer"] == provider.issuer


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b"\xff", b"[" * 900, b'{"a":"' + b"x" * 1_000 + b'"}'])
def test_other_documents_are_not(provider: Provider, body: bytes) -> None:
    provider.answers[DISCOVERY] = send(body)
    with pytest.raises(FetchFailed):
        fetch(provider)


def test_a_compressed_body_is_not_unpacked(provider: Provider) -> None:
    provider.answers[DISCOVERY] = send(
        gzip.compress(json.dumps({"a": "x" * 100_000}).encode()), content_encoding="gzip"
    )
    with pytest.raises(FetchFailed, match="JSONDecodeError"):
        fetch(provider)


def test_a_private_address_is_not_even_connected_to(provider: Provider) -> None:
    with pytest.raises(FetchFailed, match="not a public address"):
        fetch(provider, is_private_allowed=False)
    assert provider.asked == []
