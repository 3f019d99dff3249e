"""`/metrics`: Prometheus reads all workers of this server here. Queries no database."""

import hmac
import ipaddress
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from canary.conf import canary_conf
from canary.core.values import Refusal
from canary.metrics.exposition import CONTENT_TYPE, exposition
from canary.metrics.node import own_node
from canary.requests.problems import problem_response

# A request with one of these came through a proxy: the address may be the proxy's, or made up.
FORWARDED: Final = (
    *("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO"),
    *("HTTP_VIA", "HTTP_X_FORWARDED_SERVER", "HTTP_CF_CONNECTING_IP", "HTTP_TRUE_CLIENT_IP", "HTTP_X_CLIENT_IP"),
)
METHODS: Final = ("GET", "HEAD")
REFUSAL: Final = Refusal(
    401,
    "metrics-closed",
    "Metrics are not for everybody",
    "Read them from the machine itself or from a trusted proxy, or send `Authorization: Bearer` with METRICS_TOKEN.",
)


@csrf_exempt  # it refuses every method that could change anything, by its own response
def metrics(request: HttpRequest) -> HttpResponse:
    if request.method not in METHODS:
        # As the probes do: no body, and nothing to cache.
        return HttpResponse(status=405, headers={"Allow": ", ".join(METHODS), "Cache-Control": "no-store"})
    return _exposed(request)


@never_cache
def _exposed(request: HttpRequest) -> HttpResponse:
    if not (_has_token(request) or _is_near(request)):
        refused = problem_response(REFUSAL, request)
        refused.headers["WWW-Authenticate"] = "Bearer"
        return refused
    return HttpResponse(exposition(*own_node().read()), content_type=CONTENT_TYPE)


def _has_token(request: HttpRequest) -> bool:
    token = canary_conf().metrics_token
    scheme, _, given = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    is_bearer = bool(token) and scheme.lower() == "bearer"
    return is_bearer and hmac.compare_digest(given.strip().encode(errors="replace"), token.encode())


def _is_near(request: HttpRequest) -> bool:
    """Return whether the peer is this machine or a trusted proxy itself: a forwarded request is its client's."""
    if any(name in request.META for name in FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", "").partition("%")[0])
    except ValueError:
        return False  # a Unix socket has a proxy before it
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or any(address in network for network in canary_conf().trusted_proxies)


urlpatterns = [path("", metrics)]
