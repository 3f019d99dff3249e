"""Whose turn it is to work on long texts: rendering, analysing, comparing or merging one takes seconds."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.utils.translation import gettext_noop

from cms.costs.turns import DEAR, Bounded

TEXTS: Final = Bounded(gettext_noop("long texts are worked on"), at_once=1, patience_s=10, places=DEAR)
ORDINARY_MAX: Final = 30_000
"""Characters, of all texts together, that wait for nobody: 5,000 words, and the most hostile take 0.2 s."""


class _Held(threading.local):
    """Whether this thread has the turn."""

    is_held = False


_turn: Final = _Held()


@contextmanager
def text_turn(*texts: str) -> Iterator[None]:
    """Hold this process's turn while working on long texts, once a thread. Raises Busy.

    Take it before any lock: others would wait for the lock as long as this thread waits for its turn.
    """
    if _turn.is_held or sum(map(len, texts)) <= ORDINARY_MAX:
        yield
        return
    with TEXTS.turn():
        _turn.is_held = True
        try:
            yield
        finally:
            _turn.is_held = False
