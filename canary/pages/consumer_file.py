"""The consumers of v1 as a file, which is read while it is sent: one at a time, to those who may still see it."""

import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import batched
from typing import Any, Final

from django.contrib.auth import SESSION_KEY, get_user, get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from canary.core.permissions import VIEW

LINES_AT_ONCE: Final = 2_000
RETRY_S: Final = 5
_place: Final = threading.Semaphore(1)
"""A process has one: a reader may take as long as it likes, and keeps a thread so long."""


def answer_lines(request: HttpRequest, lines: Iterator[str]) -> HttpResponseBase:
    """Return the file, or a 503 while another one is sent."""
    pieces = _in_place(request, lines)
    first = next(pieces, None)
    if first is None:
        words = _("Another download of this file is under way. Try again in a moment.")
        headers = {"Retry-After": str(RETRY_S)}
        return HttpResponse(words, status=503, headers=headers, content_type="text/plain; charset=utf-8")
    response = StreamingHttpResponse(_continued(first, pieces), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="consumers.csv"'
    return response


def _in_place(request: HttpRequest, lines: Iterator[str]) -> Generator[str]:
    """Yield the lines, some at once; none while others are sent.

    Raises PermissionDenied, which breaks the file off, once its reader may not see it any more.
    """
    if not _place.acquire(blocking=False):
        return
    try:
        for some in batched(lines, LINES_AT_ONCE):
            if not _user_now(request).has_perm(VIEW):
                raise PermissionDenied
            yield "".join(some)
    finally:
        _place.release()


def _continued(first: str, rest: Generator[str]) -> Generator[str]:
    with closing(rest):
        yield first
        yield from rest


def _user_now(request: HttpRequest) -> Any:
    """Return who is signed in, as the database has session and account by now."""
    session, user = request.session, request.user
    if SESSION_KEY not in session:  # the site signs people in by something else
        return get_user_model()._default_manager.filter(pk=str(user.pk)).first() or AnonymousUser()
    again = HttpRequest()
    again.session = type(session)(session.session_key)
    return get_user(again)
