"""Whether a thread answers a web request, and whose: limits that keep threads free concern requests alone."""

import threading
from collections.abc import Callable, Hashable
from typing import Any

from django.core.signals import request_finished, request_started


class _Doing(threading.local):
    """The present work of this thread."""

    a_request = False
    find_account: Callable[[], Hashable] | None = None
    find_network: Callable[[], Hashable] | None = None


_doing = _Doing()


def is_answering() -> bool:
    """Return whether this thread answers a request; False in commands, workers and work beside requests."""
    return _doing.a_request


def answer_for(find_account: Callable[[], Hashable], find_network: Callable[[], Hashable] | None = None) -> None:
    """Note how to find the account behind this thread's request, once its credential is known, and its network."""
    _doing.find_account, _doing.find_network = find_account, find_network


def account_answered() -> Hashable:
    """Return the account behind this thread's request; None for strangers, and beside requests."""
    return _doing.find_account() if _doing.a_request and _doing.find_account else None


def client_answered() -> Hashable:
    """Return the account behind this thread's request, else its network; None where neither is known."""
    find_network = _doing.find_network if _doing.a_request else None
    return account_answered() or (find_network() if find_network else None)


def _begin_request(**_: Any) -> None:
    _doing.a_request, _doing.find_account, _doing.find_network = True, None, None


def _end_request(**_: Any) -> None:
    _doing.a_request, _doing.find_account, _doing.find_network = False, None, None


request_started.connect(_begin_request)
request_finished.connect(_end_request)
