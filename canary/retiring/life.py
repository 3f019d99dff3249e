"""Tell v1's clients about its life: headers of a deprecated version, and the 410 of one that is switched off.

Every 410 names the equivalent request to v2, by the data of `CANARY["SUCCESSORS"]`.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from canary.conf import canary_conf
from canary.core import routing
from canary.core.consumers import EXTENSIONS_MAX, end_for, kind_of, running_own
from canary.core.headers import deprecation_value, link_value, sunset_value
from canary.core.lifecycle import BROWNOUT, REMOVED, SUNSET, Window, is_announced, iso, running_brownout
from canary.core.mapping import equivalent
from canary.core.names import Names, in_names
from canary.core.values import STABLE, Decision, Refusal, Snapshot
from canary.requests.faults import faults
from canary.requests.headers import ADDRESS_MAX, header_of, put, put_kept
from canary.requests.identity import identify
from canary.requests.problems import problem_response
from canary.retiring.successors import (
    address_below,
    below_base,
    declared_successors,
    guide_below,
    lead_of,
)

HTML: Final = "text/html"
READS: Final = ("GET", "HEAD")
FIRST_PAGE: Final = "first page"
FIRST_PAGE_SENTENCE: Final = (
    "v2 takes no `{}`: this is the first page of the list; `page.next` of each answer leads to the next one."
)
BASES_KEPT: Final = 100
NO_MAP: Final = "v1 is removed, and the map of its calls with it: the documentation of v2 lists all that there is."
NO_ROUTE: Final = "v1 has no such path and verb, so v2 has no equivalent; the guide lists every call of v1."


def describe(request: HttpRequest, response: HttpResponse, decision: Decision, snapshot: Snapshot) -> None:
    """Set Deprecation, Sunset and Link on an answer of v1, errors too; what Link holds already is kept."""
    if decision.api_version == STABLE and is_announced(snapshot.life):
        _announce(request, response, snapshot)


def gone_response(request: HttpRequest, refusal: Refusal, snapshot: Snapshot, now: float) -> HttpResponse:
    """Return the 410 of v1: since when, until when, and the request to v2 instead."""
    # v1 may be switched off for good by the environment while a window runs.
    names, consumer = snapshot.names, _consumer(request)
    brownout = routing.refusal_in(routing.BROWNOUT, names)
    window = _window(snapshot, consumer, now) if refusal.code == brownout.code else None
    if window:
        refusal = replace(brownout, detail=in_names(_during(window, _sunset_at(request, snapshot)), names))
    base = _base(request, names)
    guide = guide_below(base, names)
    response = problem_response(
        refusal,
        request,
        {
            "phase": BROWNOUT if window else SUNSET if names.stable in canary_conf().arms else REMOVED,
            "ends_at": iso(window[1]) if window else None,
            "migration": guide or None,
            "consumer": None if _is_of_cookie(request, consumer) else consumer,
            **_way_out(request, base, guide, names),
        },
    )
    # Neither may outlive what it says: a window ends by one command, and so does a sunset.
    response.headers["Cache-Control"] = "no-store" if window else "private, no-cache"
    if is_announced(snapshot.life):
        _announce(request, response, snapshot)
    return response


def _window(snapshot: Snapshot, consumer: str | None, now: float) -> Window | None:
    """Return the window that runs: for everybody, or for this consumer alone."""
    return running_brownout(snapshot.life, now) or (running_own(snapshot.life, consumer, now) if consumer else None)


def _during(window: Window, sunset_at: int | None) -> str:
    ends = f" v1 ends for good at {iso(sunset_at)}." if sunset_at is not None else ""
    return f"API v1 answers again at {iso(window[1])}.{ends}"


def _announce(request: HttpRequest, response: HttpResponse, snapshot: Snapshot) -> None:
    known = snapshot.life
    sunset_at = _sunset_at(request, snapshot) if known.extensions else known.sunset_at
    put_kept(response, _dates(known.deprecated_at, sunset_at))
    # They lead into v2.
    if snapshot.is_candidate_enabled and (links := _links(request, snapshot.names)):
        present = header_of(response, "link")
        put(response, "link", ("Link", f"{present}, {links}" if present else links))


def _sunset_at(request: HttpRequest, snapshot: Snapshot) -> int | None:
    """Return when v1 ends for the caller: only a credential proves who has an extension."""
    life = snapshot.life
    credential = canary_conf().identify(request) if life.extensions else None
    return end_for(life, ":".join(credential)) if credential else life.sunset_at


@lru_cache(maxsize=EXTENSIONS_MAX)
def _dates(deprecated_at: int | None, sunset_at: int | None) -> dict[str, tuple[str, str]]:
    dates = {}
    if deprecated_at is not None:
        dates["deprecation"] = ("Deprecation", deprecation_value(deprecated_at))
    if sunset_at is not None:
        dates["sunset"] = ("Sunset", sunset_value(sunset_at))
    return dates


def _links(request: HttpRequest, names: Names) -> str:
    base, conf = _base(request, names), canary_conf()
    mapping = conf.successors if names == conf.names else ""
    standing = _standing_links(base, conf.guide if mapping else conf.docs)
    lead = lead_of(request, mapping, has_credentials=_has_credentials(request))
    if lead is None or len(lead.target) > ADDRESS_MAX:
        return standing
    # As `link_value` writes it.
    title = f'; title="{FIRST_PAGE}"' if lead.is_first_page else ""
    successor = f'<{base}{lead.target}>; rel="successor-version"{title}'
    return f"{standing}, {successor}" if standing else successor


@lru_cache(maxsize=BASES_KEPT)
def _standing_links(base: str, place: str) -> str:
    if not place:
        return ""
    guide = address_below(base, place)
    return f"{link_value(guide, 'deprecation', HTML)}, {link_value(f'{guide}#sunset', 'sunset', HTML)}"


def _has_credentials(request: HttpRequest) -> bool:
    meta = request.META
    return (
        "HTTP_AUTHORIZATION" in meta
        or "HTTP_X_API_KEY" in meta
        or (bool(meta.get("HTTP_COOKIE")) and settings.SESSION_COOKIE_NAME in request.COOKIES)
    )


def _way_out(request: HttpRequest, base: str, guide: str, names: Names) -> dict[str, Any]:
    """Return the request to v2 that does the same, or a sentence why there is none."""
    declared = declared_successors()
    if declared is None:
        return {"equivalent": None, "no_equivalent": in_names(NO_MAP, names)}
    found = equivalent(
        declared,
        str(request.method),
        below_base(request.path_info),
        request.META.get("QUERY_STRING", "") if request.method in READS else "",
        has_credentials=_has_credentials(request),
    )
    if found is None or not found.method:
        return {"equivalent": None, "no_equivalent": found.route["gap"] if found else in_names(NO_ROUTE, names)}
    way: dict[str, Any] = {"method": found.method, "url": f"{base}{found.target}"}
    if found.pages_left_out:
        way["page"] = in_names(FIRST_PAGE_SENTENCE, names).format(" and ".join(found.pages_left_out))
    if guide and (body := found.route["body"]):
        way["body"] = f"{guide}#body-{body}"
    if steps := found.route["then"]:
        way["then"] = [f"{step['method']} {base}{step['path']} {step['when']}" for step in steps]
    return {"equivalent": way}


def _base(request: HttpRequest, names: Names) -> str:
    """Return v2's base; without scheme and host when the request's Host is not served."""
    named = (names[1], request.scheme, request.META.get("HTTP_HOST", ""), request.META.get("HTTP_X_FORWARDED_HOST", ""))
    if (known := _bases.get(named)) is not None:
        return known
    base = f"{canary_conf().entrance}/v{names.candidate}"
    try:
        found = f"{request.scheme}://{request.get_host()}{base}"
    except DisallowedHost:
        return base
    # Django's own check of a Host costs as much as all the rest of a deprecated answer.
    if named[2] and len(_bases) < BASES_KEPT:
        _bases[named] = found
    return found


_bases: dict[tuple[str, str | None, str, str], str] = {}


def _consumer(request: HttpRequest) -> str | None:
    """Return the consumer that the caller's credential, header or cookie names; None for anonymous ones."""
    try:
        identity = identify(request)
    except Exception as error:
        faults.record(error)
        return None
    return str(identity) if identity is not None and identity.kind != "anon" else None


def _is_of_cookie(request: HttpRequest, consumer: str | None) -> bool:
    """Return whether a cookie alone names a key: its calls count for nobody."""
    return consumer is not None and kind_of(consumer) == "key" and canary_conf().identify(request) is None
