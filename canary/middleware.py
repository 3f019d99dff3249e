"""The dispatcher: decides which version's URLconf answers a request under the entrance, and adds the headers for it.

Thin glue around `canary.core.routing`. When anything in here fails, the stable version answers the request.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.urls import get_resolver

from canary import server
from canary.conf import BUSY, canary_conf
from canary.core.consumers import has_own_rules
from canary.core.names import Names
from canary.core.permissions import SCOPES, VIEW
from canary.core.routing import (
    CROSSOVER,
    GONE,
    OVERLOADED,
    choose,
    choose_pinned,
    is_candidate,
    refusal_in,
    stable_version,
)
from canary.core.values import CANDIDATE, STABLE, Decision, Identity, Refusal, Snapshot
from canary.recording import recorder
from canary.requests.ends import answer_of, land, once_ended
from canary.requests.faults import faults
from canary.requests.headers import ADDRESS_MAX, has_dot_segment, header_of, put, put_kept, sent_path, sent_query
from canary.requests.identity import drop_cookie, identify, may_carry, read_cookie, write_cookie
from canary.requests.in_flight import Flight, flights
from canary.requests.problems import problem_response
from canary.requests.queries import start_counting, stop_counting
from canary.requests.rewinding import Before, remember, rewind, was_body_read
from canary.retiring import life
from canary.retiring.successors import below_base, declared_successors
from canary.shadow import offering
from canary.shadow.writes.sampling import shadowed
from canary.state.store import current_snapshot

GetResponse = Callable[[HttpRequest], HttpResponse]

VARY: Final = ("API-Version", "Authorization", "X-API-Key", "X-Client-Id", "Cookie")
ENTRANCE_CACHE_CONTROL: Final = ("Cache-Control", "private, no-cache")
BRIEF_CACHE_CONTROL: Final = ("Cache-Control", "private, no-cache, no-store")
HOSTS_MAX: Final = 100
READS: Final = ("GET", "HEAD")
OF_AN_IDENTITY: Final = ("bucket", "allow", CROSSOVER)
"""Why the candidate answers a client that has not asked for it by name: the stable version may answer as well."""


@dataclass(slots=True)
class Passage:
    """How a request is answered, and what that was decided with. `is_entrance` tells split paths from pinned ones.

    Nothing changes it. Made for each request, a named tuple or a frozen one would take a microsecond more.
    """

    answer: Decision | Refusal
    is_entrance: bool
    snapshot: Snapshot | None
    """None when even that couldn't be had."""
    now: float
    started_ns: int
    """By `time.perf_counter_ns`."""
    flight: Flight | None = None
    """None for what no version answers."""
    before: Before | None = None
    """The request before the candidate saw it, where the stable version may answer in its place."""


class CanaryMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        conf = canary_conf()
        self._entrance, self._below, self._arms = conf.entrance, f"{conf.entrance}/", conf.arms
        self._names = conf.names
        self._clock, self._segment, self._served_hosts = conf.clock, conf.segment, set[str]()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if not path.startswith(self._below) and path != self._entrance:
            response = self.get_response(request)
            _survive(_follow_session, request, response)
            return response
        if server.pending:
            _survive(server.wait_until_ready)
        passage = self._pass(request)
        if request.method in READS:
            response = self._answer(request, passage)
        else:
            answer = partial(self._answer, request, passage)
            response = shadowed(answer, request, passage.answer, passage.snapshot)
        before = passage.before
        if before is not None and response.status_code >= 500 and _may_fail_over(request, response, before):
            response, passage = self._fail_over(request, response, passage, before)
        self._complete(request, response, passage)
        return response

    def _complete(self, request: HttpRequest, response: HttpResponse, passage: Passage) -> None:
        """Take each step by itself: a response that is ready is sent, even if one fails."""
        try:
            self._finish(request, response, passage)
        except Exception as error:
            _record(error)
        answer, snapshot = passage.answer, passage.snapshot
        if snapshot is None:
            return
        if isinstance(answer, Decision):
            try:
                life.describe(request, response, answer, snapshot)
            except Exception as error:
                _record(error)
            _survive(offering.offer, request, response, answer, snapshot)
        if response.streaming:
            once_ended(response, passage.started_ns, partial(_survive, _observe, request, passage))
            return
        try:
            _observe(request, passage, response, passage.started_ns)
        except Exception as error:
            _record(error)

    def _pass(self, request: HttpRequest) -> Passage:
        """Pass the request on. Never raises: a fault leads to the stable version."""
        is_entrance, pinned, snapshot = True, None, None
        now, started_ns = self._clock(), time.perf_counter_ns()
        try:
            start_counting()
            if match := self._segment.match(request.path_info, len(self._entrance)):
                is_entrance, pinned = False, match.group(1)
            snapshot = current_snapshot()
            answer = _decide(request, pinned, snapshot, now)
            if isinstance(answer, Refusal):
                return Passage(answer, is_entrance, snapshot, now, started_ns)
            flight = Flight(request, answer, snapshot, started_ns)
            if is_candidate(answer.api_version, snapshot, now):
                return _pass_to_candidate(flight, snapshot, is_entrance, now)
            flights.enter(flight)
            return Passage(answer, is_entrance, snapshot, now, started_ns, flight)
        except Exception as error:
            _record(error)
            return _pass_on_fault(request, pinned, snapshot, now)

    def _answer(self, request: HttpRequest, passage: Passage) -> HttpResponse:
        if isinstance(passage.answer, Refusal):
            return _refuse(request, passage.answer, passage)
        request.canary = passage.answer  # type: ignore[attr-defined]
        # A version without an arm was deleted; something has to answer.
        snapshot = passage.snapshot
        names = self._names if snapshot is None else snapshot.names
        request.urlconf = self._arms.get(names[passage.answer.api_version - 1]) or next(iter(self._arms.values()))
        response = None
        try:
            is_candidate = passage.answer.api_version == CANDIDATE
            response = self._refuse_host(request) or answer_of(self.get_response, request, is_candidate=is_candidate)
            return response
        finally:
            if passage.flight is not None:
                land(passage.flight, response)

    def _fail_over(
        self, request: HttpRequest, failed: HttpResponse, passage: Passage, before: Before
    ) -> tuple[HttpResponse, Passage]:
        """Record the candidate's failure, or that it lacked room, and return the stable version's answer instead.

        The failed answer is not closed: code that waits for its end, such as noting the use of a key, waits for the
        other's end too.
        """
        try:
            reason = "busy" if canary_conf().is_away(failed) == BUSY else "failover"
            _survive(_observe, request, passage, failed, passage.started_ns)
            rewind(request, before)
            again = _instead(request, passage, reason)
        except Exception as error:
            _record(error)
            return failed, passage
        return self._answer(request, again), again

    def _refuse_host(self, request: HttpRequest) -> HttpResponse | None:
        """Return the chosen version's own response to a Host that isn't served; None for one that is.

        Checked here because Django checks before it knows the URLconf, and would answer with a page. A host that was
        served once needs no second check if no other header is believed: only ALLOWED_HOSTS counts, and it stays.
        """
        host = request.META.get("HTTP_HOST")
        if host in self._served_hosts:
            return None
        try:
            request.get_host()
        except DisallowedHost as error:
            handler: Any = get_resolver(request.urlconf).resolve_error_handler(400)
            is_candidate = request.canary.api_version == CANDIDATE  # type: ignore[attr-defined]
            return answer_of(partial(handler, exception=error), request, is_candidate=is_candidate)
        if host and len(self._served_hosts) < HOSTS_MAX and not settings.USE_X_FORWARDED_HOST:
            self._served_hosts.add(host)
        return None

    def _finish(self, request: HttpRequest, response: HttpResponse, passage: Passage) -> None:
        decision = passage.answer if isinstance(passage.answer, Decision) else None
        snapshot = passage.snapshot
        names = self._names if snapshot is None else snapshot.names
        version = None if decision is None else names[decision.api_version - 1]
        if passage.is_entrance:
            # The refusal of a brownout may not outlive it.
            is_brief = version is None and header_of(response, "cache-control") == "no-store"
            put_kept(response, _headers_of_entrance(version, header_of(response, "vary"), is_brief))
            # A dot segment would lead a client that follows the address out of its version.
            if version is not None and request.method in READS and not has_dot_segment(request.path_info):
                rest = f"{sent_path(request)[len(self._entrance) :]}{sent_query(request)}"
                address = f"{self._entrance}/v{version}{rest}"
                if len(address) <= ADDRESS_MAX:
                    put(response, "content-location", ("Content-Location", address))
        elif version is not None:
            put_kept(response, _headers_of_version(version))
        if getattr(request, "is_signed_out", False):
            _survive(drop_cookie, response)
        if decision is not None and passage.is_entrance:
            _describe(request, response, decision)


def _names(snapshot: Snapshot | None) -> Names:
    return canary_conf().names if snapshot is None else snapshot.names


def _pass_to_candidate(flight: Flight, snapshot: Snapshot, is_entrance: bool, now: float) -> Passage:
    """Pass within the bulkhead to the candidate, beyond it to the stable version or to a refusal."""
    request, decision, conf = flight.request, flight.decision, canary_conf()
    is_chosen = decision.reason in OF_AN_IDENTITY
    before = remember(request) if is_chosen and request.method in READS and conf.has_failover else None
    passage = Passage(decision, is_entrance, snapshot, now, flight.started_ns, flight, before)
    if flights.enter(flight, conf.bulkhead_at(snapshot.weight_bp)):
        return passage
    if is_chosen and flights.hang(decision.api_version, conf.hang_s):
        # Else a view that never returns would give as many failures as there are places, and no more.
        _observe(request, passage, HttpResponse(status=OVERLOADED.status), passage.started_ns)
    if is_chosen and _has_stable(request, str(request.method)):
        return _instead(request, passage, "overflow")
    return Passage(OVERLOADED, is_entrance, snapshot, now, flight.started_ns)


def _instead(request: HttpRequest, passage: Passage, reason: str) -> Passage:
    """Begin the request again, as one that the stable version answers in place of the candidate."""
    decision, snapshot = passage.answer, passage.snapshot
    assert isinstance(decision, Decision)
    if passage.flight is not None:
        flights.leave(passage.flight)
    start_counting()
    stable, started_ns = Decision(STABLE, reason, decision.identity, decision.bucket), time.perf_counter_ns()
    flight = Flight(request, stable, snapshot, started_ns)
    flights.enter(flight)
    return Passage(stable, passage.is_entrance, snapshot, passage.now, started_ns, flight)


def _may_fail_over(request: HttpRequest, failed: HttpResponse, before: Before) -> bool:
    """Return whether the stable version may answer in place of the candidate, which has failed to."""
    try:
        away = canary_conf().is_away(failed)
        return (not away or away == BUSY) and not was_body_read(request) and _has_stable(request, before.method)
    except Exception as error:
        _record(error)
        return False


def _has_stable(request: HttpRequest, method: str) -> bool:
    """Return whether the stable version has the call that a request makes, as far as its calls are declared."""
    declared = declared_successors()
    return declared is None or declared.find(method, below_base(request.path_info)) is not None


def _observe(request: HttpRequest, passage: Passage, response: HttpResponse, started_ns: int) -> None:
    """Record the answer, unless the request has been recorded already, as one that hangs."""
    if passage.snapshot is None or (passage.flight is not None and passage.flight.told):
        stop_counting()
    else:
        recorder.observe(request, response, passage.answer, passage.snapshot, started_ns)


def _refuse(request: HttpRequest, refusal: Refusal, passage: Passage) -> HttpResponse:
    if refusal.status == 410 and passage.snapshot is not None:
        try:
            return life.gone_response(request, refusal, passage.snapshot, passage.now)
        except Exception as error:
            _record(error)
    try:
        return problem_response(refusal, request)
    except Exception as error:
        _record(error)
        return HttpResponse(refusal.detail, status=refusal.status, content_type="text/plain; charset=utf-8")


def _decide(request: HttpRequest, pinned: str | None, snapshot: Snapshot, now: float) -> Decision | Refusal:
    life_of_v1 = snapshot.life
    has_own = bool(life_of_v1.extensions or life_of_v1.own_brownouts) and has_own_rules(life_of_v1, now)
    # Only a credential proves who asks: a cookie outlives its key, and earlier releases signed one for any key.
    is_proven = not has_own or canary_conf().identify(request) is not None
    if pinned is not None:
        version = snapshot.names.version_of(pinned)
        return choose_pinned(version, snapshot, now, identify(request) if has_own else None, is_proven=is_proven)
    requested = request.META.get("HTTP_API_VERSION", "").strip() or None
    return choose(identify(request), requested, snapshot, now, is_proven=is_proven)


def _pass_on_fault(request: HttpRequest, pinned: str | None, snapshot: Snapshot | None, now: float) -> Passage:
    answer, started_ns = _decide_on_fault(pinned, snapshot, now), time.perf_counter_ns()
    flight = None if isinstance(answer, Refusal) else Flight(request, answer, snapshot, started_ns)
    if flight is not None:
        flights.enter(flight)
    return Passage(answer, pinned is None, snapshot, now, started_ns, flight)


def _decide_on_fault(pinned: str | None, snapshot: Snapshot | None, now: float) -> Decision | Refusal:
    try:
        stable = stable_version(snapshot or canary_conf().snapshot, now)
    except Exception as error:
        _record(error)
        stable = STABLE
    names = _names(snapshot)
    version = names.version_of(pinned) if pinned else stable
    if version == STABLE != stable:
        return refusal_in(GONE, names)
    return Decision(version or stable, "fault")


def _survive(step: Callable[..., object], *arguments: Any) -> None:
    """Take a step that may fail: a response that is ready is sent anyway."""
    try:
        step(*arguments)
    except Exception as error:
        _record(error)


def _record(error: Exception) -> None:
    try:
        faults.record(error)
    except Exception:  # a log that can't be written must not be what a client notices
        return


def _describe(request: HttpRequest, response: HttpResponse, decision: Decision) -> None:
    """Add to the entrance's response the identity, for the next time, and the reason, for users who may see it."""
    identity = decision.identity
    is_new = identity is not None and identity != read_cookie(request) and not getattr(request, "is_signed_out", False)
    if identity is not None and is_new and may_carry(identity, request, response):
        write_cookie(response, identity)
    if request.META.get("HTTP_X_CANARY_DEBUG") == "1" and _may_view(request):
        response.headers["X-Canary-Reason"] = decision.reason
        if decision.bucket is not None:
            response.headers["X-Canary-Bucket"] = str(decision.bucket)


def _may_view(request: HttpRequest) -> bool:
    """Return whether the request's user, or else its session's, may see how the canary decides.

    An API key also needs the scope.
    """
    user = getattr(request, "user", None)
    if user is None:  # answered before it was asked who it is
        return False
    if not user.is_authenticated and hasattr(request, "session"):
        user = get_user(request)  # REST framework puts its own anonymous user in the place of the session's
    return user.has_perm(VIEW) and canary_conf().has_scope(request, SCOPES[VIEW])


@lru_cache(maxsize=4)
def _headers_of_version(version: str) -> dict[str, tuple[str, str]]:
    return {"api-version": ("API-Version", version)}


@lru_cache(maxsize=64)
def _headers_of_entrance(version: str | None, vary: str, is_brief: bool) -> dict[str, tuple[str, str]]:
    """Return what the entrance says on each answer. `vary` is the version's own; `version` is None for a refusal."""
    names = [name.strip() for name in vary.split(",") if name.strip()]
    known = {name.lower() for name in VARY}
    all_names = ", ".join([*VARY, *(name for name in names if name.lower() not in known)])
    return {
        **({} if version is None else _headers_of_version(version)),
        "cache-control": BRIEF_CACHE_CONTROL if is_brief else ENTRANCE_CACHE_CONTROL,
        "vary": ("Vary", all_names),
    }


def _follow_session(request: HttpRequest, response: HttpResponse) -> None:
    """Follow the session: a login makes the user the cookie's identity, a logout drops it. Reads only loaded data."""
    session = getattr(request, "session", None)
    if session is None or not session.modified:
        return
    user_id = session.get(SESSION_KEY)
    carried = read_cookie(request)
    if user_id is not None and carried != Identity("user", str(user_id)):
        write_cookie(response, Identity("user", str(user_id)))
    elif user_id is None and carried is not None and carried.kind == "user" and session.is_empty():
        drop_cookie(response)
