"""The format of log records: one JSON object a line, or text, with the request they belong to, without its secrets."""

import datetime
import logging
import re
import traceback
from typing import Any, Final

import orjson
from django.http import HttpRequest

from cms.services.origin import current_origin

# No format here names the thread, process or task of a line; to find them out takes a third of what a record takes
# ("Optimization" in Python's logging HOWTO). The process stays: gunicorn's own lines name it.
logging.logThreads = logging.logMultiprocessing = False
logging.logAsyncioTasks = False  # type: ignore[attr-defined]

UNKNOWN_ROUTE: Final = "(no route)"

_REFUSALS: Final = "django.security."
_WORD_MAX, _MESSAGE_MAX = 100, 300
_LONG_WORD: Final = re.compile(rf"(\S{{{_WORD_MAX}}})\S+")


class JsonFormatter(logging.Formatter):
    """`at`, `level`, `logger`, `message`; the request's `request_id` and `trace_id`; `exception`; `record.fields`."""

    def format(self, record: logging.LogRecord) -> str:
        return orjson.dumps(self._line(record), default=str, option=orjson.OPT_NON_STR_KEYS).decode()

    def _line(self, record: logging.LogRecord) -> dict[str, Any]:
        line = {
            "at": datetime.datetime.fromtimestamp(record.created, datetime.UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _encodable(record.getMessage()),
        }
        origin = current_origin()
        if origin.request_id:
            line["request_id"] = origin.request_id
        if origin.traceparent:
            line["trace_id"] = origin.trace_id
        if record.exc_info and record.exc_info[1] is not None:
            # Without the values of variables: a password may be among them.
            line["exception"] = _encodable("".join(traceback.format_exception(record.exc_info[1])))
        if fields := record.__dict__.get("fields"):
            line.update(fields)
        return line


class RouteForPath(logging.Filter):
    """Put the route in the place of the path in Django's records of refused requests: a path may hold a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = record.__dict__.get("request")
        if isinstance(request, HttpRequest) and isinstance(record.args, tuple):
            route = route_of(request) or UNKNOWN_ROUTE
            record.args = tuple(route if argument == request.path else argument for argument in record.args)
        return True


class ShortRefusal(logging.Filter):
    """Cut Django's records of suspicious requests to a short line: anybody causes them, and no limit counts them."""

    def filter(self, record: logging.LogRecord) -> bool:
        if f"{record.name}.".startswith(_REFUSALS):
            record.msg = _LONG_WORD.sub(r"\1…", record.getMessage())[:_MESSAGE_MAX]
            record.args = ()
            record.exc_info = record.exc_text = None  # says the same once more, and where Django's own code raised it
        return True


def route_of(request: HttpRequest) -> str | None:
    """Return the template that resolved the request's path, such as `/api/v2/posts/<str:slug>`; None before that."""
    match = request.resolver_match
    return f"/{match.route}" if match is not None else None


def _encodable(text: str) -> str:
    """Replace lone surrogates, which JSON lacks: a log line must never fail."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
