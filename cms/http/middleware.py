"""Middleware that every request needs first: the client's real address, and an id by which the request is found."""

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from uuid_utils import uuid7

from cms.accounts.authentication import account_behind, client_behind
from cms.costs.answering import answer_for
from cms.services.origin import Origin, set_origin

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
APIS: Final = re.compile(r"/api(?:/|\Z)")
GetResponse = Callable[[HttpRequest], HttpResponse]
# Version 00 of W3C Trace Context, https://www.w3.org/TR/trace-context/#traceparent-header; a later one is read as 00.
TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}(-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(?:-.*)?", re.ASCII
)
REQUEST_ID = re.compile(r"[A-Za-z0-9._:+/=@-]{1,128}", re.ASCII)


@lru_cache(maxsize=4_096)
def parse_address(text: str) -> Address | None:
    """Return the address in `text`, perhaps with a port: IPv4 written as IPv6 is IPv4, a zone is dropped."""
    bracketed = re.fullmatch(r"\[(.*)\](?::[0-9]+)?", text)
    with_port = re.fullmatch(r"([0-9.]+):[0-9]+", text)
    bare = (bracketed or with_port or [text, text])[1]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=4_096)
def _address_text(text: str) -> str | None:
    """Return a valid address; None for other text, as behind a Unix socket."""
    address = parse_address(text)
    return str(address) if address else None


def parse_traceparent(text: str) -> str:
    """Return the header in the form of version 00, empty when it isn't valid: a trace is then not continued."""
    found = TRACEPARENT.fullmatch(text)
    return f"00{found[1]}" if found and (len(text) == 55 or not text.startswith("00")) else ""


class ClientAddressMiddleware:
    """Put the client's address into REMOTE_ADDR when the request came through a trusted proxy.

    `X-Forwarded-For` is read from its right end, over the proxies we trust. Anybody may have written the part to the
    left of the first address that we don't trust.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.TRUSTED_PROXIES and (forwarded := request.META.get("HTTP_X_FORWARDED_FOR")):
            request.META["REMOTE_ADDR"] = self._client_address(request.META.get("REMOTE_ADDR", ""), forwarded)
        return self.get_response(request)

    @classmethod
    def _client_address(cls, peer: str, forwarded: str) -> str:
        nearer = address = peer
        for candidate in filter(None, map(str.strip, reversed(forwarded.split(",")))):
            parsed = parse_address(address)
            if parsed is None or not any(parsed in network for network in settings.TRUSTED_PROXIES):
                break
            nearer, address = address, candidate
        parsed = parse_address(address)
        return str(parsed) if parsed else nearer


class RequestIdMiddleware:
    """Accept a harmless `X-Request-ID`, else make one; always return it. Set the origin for the audit trail."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if given and REQUEST_ID.fullmatch(given) else str(uuid7())
        request.request_id = request_id  # type: ignore[attr-defined]
        ip = _address_text(request.META.get("REMOTE_ADDR", ""))
        trace = request.META.get("HTTP_TRACEPARENT")
        traceparent = parse_traceparent(trace) if trace else ""
        set_origin(Origin(ip=ip, request_id=request_id, traceparent=traceparent))
        answer_for(partial(account_behind, request), partial(client_behind, request, ip))
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        return response
