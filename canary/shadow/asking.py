"""Ask a version's view again within a snapshot: its response, its time and statements, and its side effects.

Only the views run, without the middlewares. Those below the canary add headers and cookies, which aren't compared, and
they write: a session or a CSRF cookie.
"""

import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, Final

from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.urls import resolve, set_urlconf

from canary.conf import canary_conf
from canary.core.names import FIRST, Names
from canary.core.values import STABLE, Identity, Snapshot
from canary.recording.recorder import Person
from canary.requests.ends import WHOLE
from canary.requests.queries import start_counting, stop_counting
from canary.shadow.side_effects import refused
from canary.shadow.snapshots import Guard, forgotten

STREAM_MAX: Final = 16_000_000
"""Bytes that a repeat reads of a stream, or of an answer whose class makes it as it is sent."""


class UnrepeatableError(Exception):
    """A view is asynchronous: Django runs it in a thread of its own, and a repeat may start none."""


@dataclass(frozen=True)
class Voter:
    """Whose request it was, as observations have it, and the rollout that decided it."""

    snapshot: Snapshot
    unit: str
    network: str
    is_authenticated: bool
    identity: Identity | None = None


@dataclass(frozen=True)
class Read:
    """A request as far as it is repeated."""

    path: str
    """Decoded, as the client asked for it."""
    query: str
    meta: Mapping[str, Any]
    release: int
    request_id: str
    has_credentials: bool
    user_id: str | None = None
    """The user behind the credentials, when they name one."""
    api_version: int = STABLE
    """The version that answered it, and in whose words it is."""
    refusal: int = 0
    """The status when v2 refused it: v1 is then asked whether it refuses too."""
    template: str = ""
    """The template of its view, as `resolver_match.route` has it."""
    voter: Voter | None = None
    """None when it does not count as evidence."""
    names: Names = FIRST
    """Those in force when it was answered."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    """None when it is not JSON."""
    seconds: float
    statements: int
    tried: tuple[str, ...]
    """Refused attempts to do more than read."""
    error: Exception | None = None
    is_away: bool = False
    """Whether it reports an outage of something that both versions share."""
    person: Person | None = None
    """Whom the view has let in."""
    is_read: bool = True
    """False where only the body is unknown: that of an asynchronous stream, or one above STREAM_MAX."""

    @property
    def has_failed(self) -> bool:
        return self.status >= 500 and not self.is_away


def ask(read: Read, version: int, path: str, query: str, guard: Guard) -> Answer:
    """Return a version's answer to a GET; 500 for an exception of its view. Raises UnrepeatableError.

    `path` is decoded and below the base.
    """
    with forgotten(guard), refused(guard.tried):
        return answer_of(request_of(read, version, path, query), guard)


def answer_of(request: Any, guard: Guard) -> Answer:
    """Return the answer of the request's view; 500 for its exception. The caller refuses side effects.

    Raises UnrepeatableError.
    """
    before, response, content, failure = len(guard.tried), None, None, None
    start_counting()
    set_urlconf(request.urlconf)
    began = time.perf_counter()
    try:
        request.resolver_match = match = resolve(request.path_info, request.urlconf)
        _refuse_async(match.func)
        view = BaseHandler().make_view_atomic(match.func)  # as Django does, where ATOMIC_REQUESTS is set
        response = view(request, *match.args, **match.kwargs)
        if callable(render := getattr(response, "render", None)):  # as Django does, after the view
            _refuse_async(render)
            response = render()
        content = _content_of(response)
    except UnrepeatableError:
        raise
    except Exception as error:
        response, failure = None, error
    finally:
        seconds = time.perf_counter() - began
        set_urlconf(None)
        counted = stop_counting()
    # It is never closed: work for the end of a response, such as noting the use of a key, is not for a repetition.
    tried = tuple(guard.tried[before:])
    if response is None:
        return Answer(500, None, seconds, counted.statements, tried, failure)
    conf = canary_conf()
    is_away, person = bool(conf.is_away(response)), conf.evidence_unit(request)
    body, is_read = _json_of(content or b""), content is not None
    return Answer(
        *(response.status_code, body, seconds, counted.statements, tried),
        is_away=is_away,
        person=person,
        is_read=is_read,
    )


def request_of(read: Read, version: int, path: str, query: str, more: Mapping[str, Any] | None = None) -> Any:
    """Return a GET, or what `more` of the environ says."""
    conf = canary_conf()
    name = read.names.of(version)
    full_path = f"{conf.entrance}/v{name}{path}"
    request: Any = WSGIRequest(
        {
            **read.meta,
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": full_path.encode(errors="surrogateescape").decode("latin-1"),
            "QUERY_STRING": query,
            "wsgi.input": io.BytesIO(),
            **(more or {}),
        }
    )
    request.request_id, request.urlconf = read.request_id, conf.arms[name]
    request.is_shadow = True  # it isn't the client's, so it isn't counted against limits
    return request


def _refuse_async(function: Any) -> None:
    if iscoroutinefunction(function):
        raise UnrepeatableError(function)


def _content_of(response: Any) -> bytearray | None:
    """Return what a server would send; None for an asynchronous stream, or for more than STREAM_MAX.

    An answer that is whole has no bound: its version has made it already.
    """
    if getattr(response, "is_async", False):
        return None
    is_bounded = response.streaming or type(response).__iter__ not in WHOLE
    content = bytearray()
    for part in response:
        if is_bounded and len(content) + len(part) > STREAM_MAX:
            return None
        content += part
    return content


def _json_of(content: bytes | bytearray) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
