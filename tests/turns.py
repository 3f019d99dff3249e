"""A guard of the whole suite: no request waits for a turn within a transaction, for on SQLite all writers wait with it."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from django.core.signals import request_started
from django.db import connection

from cms.costs.answering import is_answering
from cms.costs.turns import Bounded


class _Around(threading.local):
    """What is around the last request of this thread: the transactions of its test."""

    transactions = 0


_around = _Around()


def note_transactions(**_: Any) -> None:
    """Note what is around the request that begins. A test that answers one without Django's signal calls this."""
    _around.transactions = len(connection.atomic_blocks)


@contextmanager
def outside_of_transactions() -> Iterator[None]:
    turn = Bounded.turn

    def guarded(work: Bounded) -> AbstractContextManager[None]:
        is_outside = not is_answering() or len(connection.atomic_blocks) <= _around.transactions
        assert is_outside, "A request waits for its turn within a transaction: do the work before that begins."
        return turn(work)

    request_started.connect(note_transactions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bounded, "turn", guarded)
        yield
    request_started.disconnect(note_transactions)
