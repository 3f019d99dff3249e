"""Turns for work on expensive texts: rendering, analysing, comparing or merging one takes seconds."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.utils.translation import gettext_noop

from cms.costs.answering import account_answered
from cms.costs.turns import TEXT_PLACES, Bounded, Places

TEXTS: Final = Bounded(
    gettext_noop("long texts are worked on"),
    at_once=1,
    patience_s=10,
    burst_s=2.0,
    places=Places(TEXT_PLACES, one_each=account_answered),
)
"""In a burst the form of a post is saved while its preview is made."""
ORDINARY_S: Final = 0.05
"""Work that waits for nobody, by the estimates of `cost.py`: that of some 2,500 words of prose."""


class _Held(threading.local):
    """Whether this thread has the turn."""

    is_held = False


_turn: Final = _Held()


@contextmanager
def text_turn(work_s: float) -> Iterator[None]:
    """Hold this process's turn during so much work on texts, as estimated, once a thread. Raises Busy.

    Take it before any lock: others would wait for the lock as long as this thread waits for its turn.
    """
    if _turn.is_held or work_s <= ORDINARY_S:
        yield
        return
    with TEXTS.turn():
        _turn.is_held = True
        try:
            yield
        finally:
            _turn.is_held = False
