"""Work of which a process does little at a time."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from cms.costs.answering import _begin_request, _end_request, account_answered, answer_for, client_answered
from cms.costs.turns import CLIENTS_MAX, OWED_MAX, PATIENCE_S, Bounded, BoundedIfSlow, Busy, Credit, Places

LONG_S = 60


@contextmanager
def a_request() -> Iterator[None]:
    """Whoever runs the block answers a request with it."""
    _begin_request()  # and no signal, for which others would look at the database
    try:
        yield
    finally:
        _end_request()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class Holder:
    """Holds a turn, in a thread of its own, until it is told to go on."""

    def __init__(
        self, bounded: Bounded, pool: ThreadPoolExecutor, *, is_request: bool = True, account: str | None = None
    ) -> None:
        self._account = account
        self.has_begun, self.may_end = threading.Event(), threading.Event()
        self.done = pool.submit(self._hold, bounded, is_request)

    def _hold(self, bounded: Bounded, is_request: bool) -> None:
        if not is_request:
            return self._take(bounded)
        with a_request():
            answer_for(lambda: self._account, lambda: self._account)
            return self._take(bounded)

    def _take(self, bounded: Bounded) -> None:
        with bounded.turn():
            self.has_begun.set()
            assert self.may_end.wait(LONG_S)

    def end(self) -> None:
        self.may_end.set()
        self.done.result(LONG_S)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_one_does_it_one_waits_and_a_third_is_refused_at_once(pool: ThreadPoolExecutor) -> None:
    bounded = Bounded("pictures", at_once=1, patience_s=LONG_S, places=Places(2))
    first = Holder(bounded, pool)
    assert first.has_begun.wait(LONG_S)
    second = Holder(bounded, pool)
    wait_until(lambda: bounded._places._free._value == 0)
    with pytest.raises(Busy, match="pictures"), a_request(), bounded.turn():
        pass
    for each in (first, second):
        each.end()
    with a_request(), bounded.turn():
        pass


def test_who_has_waited_long_enough_is_refused_and_gives_the_place_back(pool: ThreadPoolExecutor) -> None:
    bounded = Bounded("pictures", at_once=1, patience_s=0.01, places=Places(2))
    first = Holder(bounded, pool)
    assert first.has_begun.wait(LONG_S)
    for _ in range(3):
        with pytest.raises(Busy), a_request(), bounded.turn():
            pass
    first.end()
    with a_request(), bounded.turn():
        pass


def test_who_answers_no_request_waits_and_takes_no_place_from_requests(pool: ThreadPoolExecutor) -> None:
    bounded = Bounded("pictures", at_once=1, patience_s=0.01, places=Places(1))
    request = Holder(bounded, pool)
    assert request.has_begun.wait(LONG_S)
    commands = [Holder(bounded, pool, is_request=False) for _ in range(2)]
    request.end()
    wait_until(lambda: any(each.has_begun.is_set() for each in commands))
    with pytest.raises(Busy), a_request(), bounded.turn():
        pass
    for each in commands:
        each.end()


def test_a_burst_is_waited_out(pool: ThreadPoolExecutor) -> None:
    bounded = Bounded("hashes", at_once=1, patience_s=LONG_S, burst_s=LONG_S, places=Places(1))
    first = Holder(bounded, pool)
    assert first.has_begun.wait(LONG_S)
    others = [Holder(bounded, pool) for _ in range(3)]
    for each in (first, *others):
        each.end()


def test_a_crowd_that_lasts_is_refused_at_once(pool: ThreadPoolExecutor) -> None:
    bounded = Bounded("hashes", at_once=1, patience_s=LONG_S, burst_s=0.1, places=Places(1))
    first = Holder(bounded, pool)
    assert first.has_begun.wait(LONG_S)
    took_s = []
    for _ in range(5):
        began_at = time.monotonic()
        with pytest.raises(Busy), a_request(), bounded.turn():
            pass
        took_s.append(time.monotonic() - began_at)
    first.end()
    assert took_s[0] >= 0.05
    assert min(took_s[1:]) < 0.05


def test_what_a_burst_has_spent_comes_back_slowly_and_never_becomes_more() -> None:
    credit = Credit(2.0)
    assert credit.left_at(1_000.0) == 2.0
    credit.spend(1.5)
    assert credit.left_at(1_000.0) == 0.5
    credit.spend(3.5)  # by several who waited at the same time
    assert [credit.left_at(1_000.0 + passed_s) for passed_s in (1, 60, 80, 1_000)] == [0, 0, 1, 2]


def test_little_is_owed_however_much_was_spent() -> None:
    credit = Credit(2.0)
    assert credit.left_at(1_000.0) == 2.0
    credit.spend(1e6)
    assert credit.left_at(1_000.0 + OWED_MAX * 2.0 / 0.05 + 1) > 0


def test_kinds_may_have_their_places_in_common(pool: ThreadPoolExecutor) -> None:
    places = Places(1)
    pictures, answers = (Bounded(what, at_once=1, patience_s=LONG_S, places=places) for what in ("pictures", "answers"))
    picture = Holder(pictures, pool)
    assert picture.has_begun.wait(LONG_S)
    with pytest.raises(Busy, match="answers"), a_request(), answers.turn():
        pass
    picture.end()
    with a_request(), answers.turn():
        pass


def test_what_is_quick_has_no_places_and_what_was_slow_has_few(pool: ThreadPoolExecutor) -> None:
    searches = BoundedIfSlow("searches", grace_s=0, burst_s=LONG_S, places=Places(1))
    quick = BoundedIfSlow("searches", grace_s=LONG_S, burst_s=LONG_S, places=Places(1))
    for bounded in (searches, quick):
        holders = [Holder(bounded, pool) for _ in range(3)]
        assert all(each.has_begun.wait(LONG_S) for each in holders)
        for each in holders:
            each.end()
    assert searches._credit._left_s < quick._credit._left_s == LONG_S
    searches._credit.spend(OWED_MAX * LONG_S)  # so that none comes back while the test runs
    first = Holder(searches, pool)
    assert first.has_begun.wait(LONG_S)
    with pytest.raises(Busy, match="searches"), a_request(), searches.turn():
        pass
    with searches.turn():
        pass
    first.end()
    with a_request(), quick.turn():
        pass


def test_a_client_waits_for_half_of_what_all_may(pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's queue spent the waiting of all: of three who signed in at once from an office, two were refused."""
    now_s, places = [0.0], Places(2, one_each=client_answered)
    hashes = Bounded("hashes", at_once=2, patience_s=LONG_S, burst_s=2.0, places=places)
    first = Holder(hashes, pool, account="flood")
    assert first.has_begun.wait(LONG_S)

    def wait(patience_s: float = 0.0, holder: object = None) -> bool:
        now_s[0] += patience_s
        return False

    monkeypatch.setattr("cms.costs.turns.time.monotonic", lambda: now_s[0])
    monkeypatch.setattr(places, "take", wait)
    for _ in range(20):
        with a_request():
            answer_for(lambda: None, lambda: "flood")
            with pytest.raises(Busy, match="hashes"), hashes.turn():
                pass
    assert hashes._own_of("flood").left_at(now_s[0]) == 0.0
    assert hashes._own_of("office").left_at(now_s[0]) == 1.0
    assert 0.9 <= hashes._credit.left_at(now_s[0]) <= 1.1
    monkeypatch.undo()
    first.end()


def test_who_has_overspent_takes_no_place_from_others(pool: ThreadPoolExecutor) -> None:
    """One address held the only place for searches by its retries."""
    places, spare = Places(1), Places(1)
    searches = BoundedIfSlow("searches", grace_s=0, burst_s=LONG_S, places=places, spare=spare)
    for credit in (searches._credit, searches._own_of("flood")):
        credit.spend(OWED_MAX * LONG_S)
    first = Holder(searches, pool, account="flood")
    assert first.has_begun.wait(LONG_S)
    with pytest.raises(Busy, match="searches"):
        Holder(searches, pool, account="flood").end()
    user = Holder(searches, pool, account="user")
    assert user.has_begun.wait(LONG_S)
    waiting = Holder(searches, pool, account="another user")
    user.end()
    assert waiting.has_begun.wait(LONG_S)
    for each in (first, waiting):
        each.end()


def test_a_client_spends_no_more_than_its_own_of_what_all_have(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [0.0]
    monkeypatch.setattr("cms.costs.turns.time.monotonic", lambda: now_s[0])
    searches = BoundedIfSlow("searches", grace_s=0.25, burst_s=2.0, places=Places(1), spare=Places(1))

    def search(account: str, took_s: float) -> None:
        with a_request():
            answer_for(lambda: account, lambda: account)
            with searches.turn():
                now_s[0] += took_s

    search("quick", 0.25)
    assert (searches._credit.left_at(now_s[0]), searches._own_of("quick").left_at(now_s[0])) == (2.0, 1.0)
    for _ in range(9):
        search("slow", 3.0)
    assert searches._credit.left_at(now_s[0]) >= 1.0
    assert searches._own_of("slow").left_at(now_s[0]) == 0.0
    search("user", 1.0)
    assert 0.25 <= searches._own_of("user").left_at(now_s[0]) <= 0.3


def test_a_wait_that_ends_in_a_refusal_is_spent_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one client could keep any number of threads waiting, again and again."""
    now_s, spare = [0.0], Places(0)
    monkeypatch.setattr("cms.costs.turns.time.monotonic", lambda: now_s[0])
    waited: list[float] = []

    def wait(patience_s: float, account: object = None) -> bool:
        waited.append(patience_s)
        now_s[0] += patience_s
        return False

    monkeypatch.setattr(spare, "take", wait)
    searches = BoundedIfSlow("searches", grace_s=0.25, burst_s=4.0, places=Places(0), spare=spare)
    searches._credit.spend(OWED_MAX * 4.0)
    for _ in range(9):
        with a_request():
            answer_for(lambda: None, lambda: "flood")
            with pytest.raises(Busy, match="searches"), searches.turn():
                pass
    assert sum(waited) < PATIENCE_S + 1.5  # half of the burst, and what comes back meanwhile
    assert waited[-1] < PATIENCE_S / 10


def test_the_credits_of_so_many_clients_are_kept() -> None:
    searches = BoundedIfSlow("searches", grace_s=0, burst_s=1, places=Places(1))
    for number in range(CLIENTS_MAX + 9):
        searches._own_of(number).spend(5)
        searches._own_of(0)
    assert len(searches._own) == CLIENTS_MAX
    assert searches._own_of(0).left_at(0.0) == 0.0


def test_an_account_has_one_place_and_the_next_is_another_ones(pool: ThreadPoolExecutor) -> None:
    texts = Bounded("texts", at_once=1, patience_s=LONG_S, places=Places(2, one_each=account_answered))
    first = Holder(texts, pool, account="a")
    assert first.has_begun.wait(LONG_S)
    second = Holder(texts, pool, account="a")
    with pytest.raises(Busy, match="texts"):
        second.end()
    other = Holder(texts, pool, account="b")
    wait_until(lambda: texts._places._free._value == 0)
    for each in (first, other):
        each.end()
    Holder(texts, pool, account="a").end()


def test_a_second_request_of_an_account_waits_in_a_burst(pool: ThreadPoolExecutor) -> None:
    places = Places(2, one_each=account_answered)
    texts = Bounded("texts", at_once=2, patience_s=LONG_S, burst_s=LONG_S, places=places)
    first, second = (Holder(texts, pool, account="a") for _ in range(2))
    wait_until(lambda: first.has_begun.is_set() or second.has_begun.is_set())
    assert places._free._value == 1
    first.may_end.set()
    second.may_end.set()
    for each in (first, second):
        each.end()
