"""Answers while the database or the files can't be reached: which errors mean that, and the page outside the APIs."""

import sqlite3
import sys
from typing import Any, Final

from django.db import Error, InterfaceError, OperationalError, ProgrammingError
from django.db.transaction import TransactionManagementError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _
from django.views.defaults import server_error as broken_page

from cms.costs.turns import Busy
from cms.db import is_outage, is_own_fault
from cms.errors import sentence, translated
from cms.media.outages import MediaFull, MediaUnavailable, is_full

RETRY_AFTER_S: Final = 1
# Django's errors for the statements that come after the one that failed.
_AFTERMATH: Final = (TransactionManagementError, ProgrammingError)
# SQLSTATEs and their classes by which PostgreSQL says that it can't be reached, takes no writes, shuts down, or has a
# full or damaged disk. By all others it ends a statement while it serves others: deadlocks, locks, limits.
_AWAY_IN_POSTGRESQL: Final = ("08", "25006", "28", "53100", "53300", "57P", "58")
# SQLite's primary result codes for a file that is away, locked, full or damaged. Its OperationalError is also for a
# statement that is wrong, too long or ended: https://www.sqlite.org/rescode.html
_AWAY_IN_SQLITE: Final = frozenset(
    {
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY),
        *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN),
        *(sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOTADB),
    }
)
_PRIMARY: Final = 0xFF
# Needed by both versions, as no statement and no file of a view of one alone is.
_SHARED: Final = (OperationalError, MediaUnavailable, MediaFull, Busy)
_IS_AWAY: Final = "is_away"
_BUSY: Final = "busy"
# No template: those may need what is away.
_PAGE: Final = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} | Tandem</title>
<link rel="icon" type="image/svg+xml" href="/static/cms/icon.svg"><link rel="stylesheet" href="/static/cms/page.css">
</head>
<body><main><p class="code">503</p><h1>{title}</h1>
<p>{away} {advice}</p>
<nav aria-label="{next}"><a href="">{again}</a><a href="/admin/">{overview}</a></nav>
</main></body></html>
"""


def is_unavailable(error: BaseException | None) -> bool:
    """Whether the same request may succeed later: what keeps the content was away or full, or held by locks."""
    if isinstance(error, _AFTERMATH):
        return is_unavailable(error.__cause__ or error.__context__)
    return isinstance(error, OperationalError | InterfaceError | MediaUnavailable | Busy) or is_full(error)


def what_is_away(error: BaseException | None) -> str:
    """Return a sentence for the client about an error that `is_unavailable`."""
    if isinstance(error, MediaUnavailable):
        return gettext_noop("The file storage can't be reached.")
    if isinstance(error, Busy):
        return sentence("Too many %(what)s at once.", what=str(error))
    if is_full(error):
        return gettext_noop("The server can't store more files.")
    return gettext_noop("The database can't be reached or is too busy.")


def mark_away(response: HttpResponse, error: BaseException | None) -> None:
    """Note on an answer that its version did not cause the error.

    It did if its own statement was wrong or ended, if its cursor was closed, if its views keep connections, and if it
    wrote a file elsewhere than where the media are kept.
    """
    first = _first_of(error)
    cause = getattr(first, "__cause__", None)
    if isinstance(first, _SHARED) and not is_own_fault(cause) and not _is_of_a_statement(cause):
        setattr(response, _IS_AWAY, _BUSY if isinstance(first, Busy) else True)


def _first_of(error: BaseException | None) -> BaseException | None:
    """Return the error for which the statements after it have failed."""
    while isinstance(error, _AFTERMATH) and (error.__cause__ or error.__context__):
        error = error.__cause__ or error.__context__
    return error


def _is_of_a_statement(cause: Any) -> bool:
    state, code = getattr(cause, "sqlstate", None), getattr(cause, "sqlite_errorcode", None)
    if state:
        return not state.startswith(_AWAY_IN_POSTGRESQL)
    return code is not None and code & _PRIMARY not in _AWAY_IN_SQLITE


def is_away(response: HttpResponse) -> bool | str:
    """Return whether the answer says that the database or the files are away, which both versions need.

    "busy" if it says that too much of some work is under way: the other version may have room for the request.
    """
    noted: bool | str = getattr(response, _IS_AWAY, False)
    return noted


def is_known_outage(error: BaseException | None) -> bool:
    """Whether the log need not tell of each request: it has said it once for all, or it tells of no fault."""
    return isinstance(error, MediaUnavailable | Busy) or (isinstance(error, Error) and is_outage(error.__cause__))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer as `handler500` of the pages: Django calls it while it handles the error, and logs that itself."""
    error = sys.exc_info()[1]
    if is_unavailable(error):
        return unavailable_page(error)
    return broken_page(request)


def unavailable_page(error: BaseException | None) -> HttpResponse:
    headers = {"Retry-After": str(RETRY_AFTER_S), "Cache-Control": "no-store"}
    words = {
        "language": get_language() or "en",
        "title": _("Not available just now"),
        "away": translated(what_is_away(error)),
        "advice": _("Nothing that you sent was saved. Please try again in a moment."),
        "next": _("Where next"),
        "again": _("Try again"),
        "overview": _("Overview of the admin site"),
    }
    return HttpResponse(_PAGE.format(**words), status=503, headers=headers)
