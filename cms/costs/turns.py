"""Work that keeps a processor or much memory for long: so much at a time in each process, and few requests wait for it.

Further ones are refused at once, so that ordinary reads keep their threads. Commands and workers wait for their turn.
"""

import os
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Final, NamedTuple, Protocol

from django.conf import settings

from cms.costs.answering import client_answered, is_answering


class Shares(NamedTuple):
    """Threads of a process that each kind of work may keep for long."""

    passwords: int
    texts: int
    others: int


def shares_of(threads: int) -> Shares:
    """Share a process's threads: passwords may keep nearly half, texts and all others together as many.

    That is fewer than the requests of v2 that a process answers at a time, from 6 threads on: reads have places too.
    """
    most = max(1, threads // 2 - 1)
    return Shares(most, most - most // 2, max(1, most // 2))


PLACES, TEXT_PLACES, _OTHER_PLACES = shares_of(settings.WEB_THREADS)
CREDIT_A_SECOND: Final = 0.05
"""So many seconds of waiting beyond the places come back in each second: a twentieth of one thread, in the long run."""
OWED_MAX: Final = 5
"""Times the credit: so much is owed at most, or a slow hour would be paid for long after it."""
CLIENTS_MAX: Final = 10_000
"""So many clients' credits are kept: those of the latest."""
PATIENCE_S: Final = 1.0
"""For so long a client who has credit waits for a place while others have spent that of all."""
_LOOK_AGAIN_S: Final = 0.1
"""So often one who is never refused looks up from waiting: what runs beside requests may be told to end."""


class Busy(Exception):
    """As much of this work as may is being done or waited for. The message says of what."""


class Credit:
    """Seconds that may be spent, at most `most_s` at once. They may be overspent, and are owed then."""

    def __init__(self, most_s: float) -> None:
        self._most_s = self._left_s = most_s
        self._known_at: float | None = None
        self._guard = threading.Lock()

    def left_at(self, now: float) -> float:
        """Return what is left at `now`, in seconds of a monotonic clock; 0 while some are owed."""
        with self._guard:
            passed_s = now - (now if self._known_at is None else self._known_at)
            self._left_s = min(self._most_s, self._left_s + passed_s * CREDIT_A_SECOND)
            self._known_at = now
            return max(0.0, self._left_s)

    def spend(self, seconds: float) -> None:
        with self._guard:
            self._left_s = max(self._left_s - seconds, -OWED_MAX * self._most_s)


class Places:
    """Threads that may be kept for work, by one kind or by several together.

    With `one_each`, which names who is answered, each who is named has one at a time.
    """

    def __init__(self, count: int, *, one_each: Callable[[], Hashable] = lambda: None) -> None:
        self._count, self.one_each = count, one_each
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """A forked process has none of its parent's threads, which would never give their places back."""
        self._free = threading.Semaphore(self._count)
        self._holders, self._changed = set[Hashable](), threading.Condition()

    def take(self, patience_s: float = 0.0, holder: Hashable = None) -> bool:
        """Return whether one was free within so many seconds, and take it. The holder is named where that matters."""
        until = time.monotonic() + patience_s
        with self._changed:
            if not self._changed.wait_for(lambda: holder not in self._holders, patience_s):
                return False
            if holder is not None:
                self._holders.add(holder)
        is_taken = self._free.acquire(timeout=max(0.0, until - time.monotonic()))
        if not is_taken:
            self._forget(holder)
        return is_taken

    def give_back(self, holder: Hashable = None) -> None:
        self._forget(holder)
        self._free.release()

    def _forget(self, holder: Hashable) -> None:
        with self._changed:
            self._holders.discard(holder)
            self._changed.notify_all()


DEAR: Final = Places(_OTHER_PLACES)
"""Shared by all kinds of work that only some requests ask for, passwords and texts apart."""


class _OnCredit:
    """Seconds of waiting or work beyond what is bounded: of all clients together, and of each one a half of these.

    Clients spend what all have with their own, so that none takes from others more than its half.
    """

    def __init__(self, most_s: float) -> None:
        self._most_s = most_s

    def _begin(self) -> None:
        self._credit = Credit(self._most_s)
        self._own: dict[Hashable, Credit] = {}
        self._guard = threading.Lock()

    def _own_of(self, client: Hashable) -> Credit:
        with self._guard:
            own = self._own.pop(client) if client in self._own else Credit(self._most_s / 2)
            self._own[client] = own
            if len(self._own) > CLIENTS_MAX:
                del self._own[next(iter(self._own))]
            return own

    def _spend(self, own: Credit, seconds: float, now: float) -> None:
        self._credit.spend(min(seconds, own.left_at(now)))
        own.spend(seconds)


class Turns(Protocol):
    """A semaphore, of this process or of several."""

    def acquire(self, *, timeout: float) -> bool: ...
    def release(self) -> None: ...


class Bounded(_OnCredit):
    """Work of one kind in this process: `at_once` do it, others in `places` wait for at most `patience_s` seconds.

    With `make_turns`, as many do it as those allow: `MachineTurn` counts the other processes as well.

    The places may be those of other kinds as well. In a burst more requests wait for a place: together for so many
    seconds as `burst_s`, and those of one client for half as many. They come back slowly, so a crowd that lasts is
    refused at once.
    """

    def __init__(
        self,
        what: str,
        *,
        patience_s: float,
        places: Places,
        burst_s: float = 0.0,
        at_once: int = 1,
        make_turns: Callable[[], Turns] | None = None,
    ) -> None:
        super().__init__(burst_s)
        self._what, self._patience_s, self._places = what, patience_s, places
        self._make_turns = make_turns or (lambda: threading.Semaphore(at_once))
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        super()._begin()
        self._turns = self._make_turns()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn and hold it. Raises Busy, but only where a request is answered."""
        with self._place() if is_answering() else nullcontext():
            self._wait_for_a_turn()
            try:
                yield
            finally:
                self._turns.release()

    def _wait_for_a_turn(self) -> None:
        if not is_answering():
            while not self._turns.acquire(timeout=_LOOK_AGAIN_S):
                pass
        elif not self._turns.acquire(timeout=self._patience_s):
            raise Busy(self._what)

    @contextmanager
    def _place(self) -> Iterator[None]:
        holder = self._places.one_each()
        if not (self._places.take(holder=holder) or self._wait_for_a_place(holder)):
            raise Busy(self._what)
        try:
            yield
        finally:
            self._places.give_back(holder)

    def _wait_for_a_place(self, holder: Hashable) -> bool:
        own, began_at = self._own_of(client_answered()), time.monotonic()
        is_taken = self._places.take(min(own.left_at(began_at), self._credit.left_at(began_at)), holder)
        ended_at = time.monotonic()
        self._spend(own, ended_at - began_at, ended_at)
        return is_taken


class BoundedIfSlow(_OnCredit):
    """Work of one kind that is quick as a rule, and then as many requests do it as like.

    Each spends the time that it takes beyond `grace_s`: of the client's own credit, a half of `burst_s`, and no more
    than that had left from the `burst_s` of all. Both come back slowly. While nothing is left of one of them, a request
    needs one of the `places`, or is refused at once. A client who has credit may also wait for one of the `spare` ones,
    which nobody takes who has overspent; a wait that ends in a refusal is spent whole.
    """

    def __init__(
        self, what: str, *, grace_s: float, burst_s: float, places: Places, spare: Places | None = None
    ) -> None:
        super().__init__(burst_s)
        self._what, self._grace_s, self._places, self._spare = what, grace_s, places, spare
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Do the work, if a request does it in a place or on credit. Raises Busy."""
        if not is_answering():
            yield
            return
        own, began_at = self._own_of(client_answered()), time.monotonic()
        own_s = own.left_at(began_at)
        is_on_credit = own_s > 0 and self._credit.left_at(began_at) > 0
        place = None if is_on_credit else self._take_place(own, own_s)
        try:
            yield
        finally:
            if place is not None:
                place.give_back()
            ended_at = time.monotonic()
            if own_s and (spent_s := ended_at - began_at - self._grace_s) > 0:
                if is_on_credit:
                    self._spend(own, spent_s, ended_at)
                else:
                    own.spend(spent_s)

    def _take_place(self, own: Credit, own_s: float) -> Places:
        if self._places.take():
            return self._places
        began_at = time.monotonic()
        if own_s and self._spare is not None and self._spare.take(min(PATIENCE_S, own_s)):
            return self._spare
        own.spend(time.monotonic() - began_at)
        raise Busy(self._what)
