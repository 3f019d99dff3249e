"""Whether a thread answers a web request: limits that keep threads free for others concern requests alone."""

import threading
from typing import Any

from django.core.signals import request_finished, request_started


class _Doing(threading.local):
    """The present work of this thread."""

    a_request = False


_doing = _Doing()


def is_answering() -> bool:
    """Return whether this thread answers a request; False in commands, workers and work beside requests."""
    return _doing.a_request


def _begin_request(**_: Any) -> None:
    _doing.a_request = True


def _end_request(**_: Any) -> None:
    _doing.a_request = False


request_started.connect(_begin_request)
request_finished.connect(_end_request)
