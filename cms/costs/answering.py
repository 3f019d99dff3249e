"""Whether a thread answers a web request, and what it holds for that: other work has no such limits."""

import threading
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from django.core.signals import request_finished, request_started


class _Doing(threading.local):
    """The present work of this thread."""

    a_request = False

    def __init__(self) -> None:
        self.held: dict[object, ExitStack] = {}


_doing = _Doing()


def is_answering() -> bool:
    """Return whether this thread answers a request; False in commands, workers and work beside requests."""
    return _doing.a_request


def hold_until_answered(owner: object, context: AbstractContextManager[Any]) -> None:
    """Enter `context` until the answer of this request is sent; once for each owner, though asked for twice."""
    if owner in _doing.held:
        return
    stack = ExitStack()
    stack.enter_context(context)
    _doing.held[owner] = stack


def _begin_request(**_: Any) -> None:
    _let_go()
    _doing.a_request = True


def _end_request(**_: Any) -> None:
    _doing.a_request = False
    _let_go()


def _let_go() -> None:
    while _doing.held:
        _doing.held.popitem()[1].close()


request_started.connect(_begin_request)
request_finished.connect(_end_request)
