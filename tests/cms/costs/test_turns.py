"""Work of which a process does little at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cms.costs.turns import Bounded, Busy


def test_one_does_it_one_waits_and_a_third_is_refused_at_once() -> None:
    bounded = Bounded("pictures", at_once=1, waiting=1, patience_s=60)
    begun, ended = threading.Event(), threading.Event()

    def hold() -> None:
        with bounded.turn():
            begun.set()
            assert ended.wait(60)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(hold)
        assert begun.wait(60)
        second = pool.submit(hold)
        while bounded._places._value:  # until it waits
            threading.Event().wait(0.001)
        with pytest.raises(Busy, match="pictures"), bounded.turn():
            pass
        ended.set()
        assert (first.result(60), second.result(60)) == (None, None)
    with bounded.turn():
        pass


def test_who_has_waited_long_enough_is_refused_and_gives_the_place_back() -> None:
    bounded = Bounded("pictures", at_once=1, waiting=1, patience_s=0.01)
    with bounded.turn():
        for _ in range(3):
            with pytest.raises(Busy), bounded.turn():
                pass
    with bounded.turn():
        pass
