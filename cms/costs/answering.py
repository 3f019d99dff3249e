"""Whether a thread answers a web request, and whose: limits that keep threads free concern requests alone."""

import threading
from collections.abc import Callable, Hashable
from typing import Any

from django.core.signals import request_finished, request_started


class _Doing(threading.local):
    """The present work of this thread."""

    a_request = False
    find_account: Callable[[], Hashable] | None = None
    find_client: Callable[[], Hashable] | None = None


_doing = _Doing()
_is_server = False


def is_answering() -> bool:
    """Return whether this thread answers a request; False in commands, workers and work beside requests."""
    return _doing.a_request


def is_beside_requests() -> bool:
    """Return whether this thread answers none in a process that answers requests."""
    return _is_server and not _doing.a_request


def answer_for(find_account: Callable[[], Hashable], find_client: Callable[[], Hashable] = lambda: None) -> None:
    """Note how to find the account behind this thread's request, once its credential is known, and the client."""
    _doing.find_account, _doing.find_client = find_account, find_client


def account_answered() -> Hashable:
    """Return the account behind this thread's request; None for strangers, and beside requests."""
    return _doing.find_account() if _doing.a_request and _doing.find_account else None


def client_answered() -> Hashable:
    """Return who shares what is dear with all other clients: a person or a network; None where neither is known."""
    return _doing.find_client() if _doing.a_request and _doing.find_client else None


def _begin_request(**_: Any) -> None:
    global _is_server  # noqa: PLW0603 - set once
    _is_server = True
    _doing.a_request, _doing.find_account, _doing.find_client = True, None, None


def _end_request(**_: Any) -> None:
    _doing.a_request, _doing.find_account, _doing.find_client = False, None, None


request_started.connect(_begin_request)
request_finished.connect(_end_request)
