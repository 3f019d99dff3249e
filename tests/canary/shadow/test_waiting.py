"""Whose read is repeated next, and whose is dropped when too many wait."""

import pytest

from canary.core.values import Snapshot
from canary.shadow.asking import Read, Voter
from canary.shadow.waiting import CALLERS_MAX, Waiting

MOST = 8


def read(caller: str, path: str = "/", *, is_vouched: bool = False) -> Read:
    """Of a network; or of a person, somewhere in a network that others use too."""
    unit, network = (caller, "shared") if is_vouched else (f"made up for {path}", caller)
    return Read(path, "", {}, 1, "", has_credentials=False, voter=Voter(Snapshot(1, 0, "s"), unit, network, is_vouched))


@pytest.fixture
def waiting() -> Waiting:
    return Waiting(MOST)


def taken(waiting: Waiting) -> list[str]:
    """Return the paths in the order in which their reads are taken."""
    paths = []
    while (one := waiting.take()) is not None:
        paths.append(one.path)
    return paths


def test_reads_of_a_caller_are_taken_in_the_order_in_which_they_came(waiting: Waiting) -> None:
    for path in "123":
        assert waiting.put(read("a", path)) is None
    assert len(waiting) == 3
    assert taken(waiting) == ["1", "2", "3"]
    assert len(waiting) == 0


@pytest.mark.parametrize("strangers", [1, 6, 60])
@pytest.mark.parametrize("took_s", [0.5, 2.0])
def test_a_user_comes_next_however_many_strangers_have_dear_reads_waiting(strangers: int, took_s: float) -> None:
    """They come at any time again, and each has been served before."""
    waiting = Waiting(2 * strangers + 2)
    dear = [read(f"stranger {n}", f"/search {n}") for n in range(strangers)]
    for waits in 2 * dear:
        waiting.put(waits)
    for number in range(3 * strangers):
        waiting.put(read(f"user {number}", "/tags") if number >= strangers else dear[number])
        one = waiting.take()
        assert one is not None
        assert (one.path == "/tags") == (number >= strangers)
        waiting.spend(one, took_s if number < strangers else 0.03)


def test_callers_share_the_time_alike_and_none_is_kept_waiting_for_ever(waiting: Waiting) -> None:
    spent = {"dear": 0.0, "cheap": 0.0}
    for _ in range(3_000):
        for caller in spent:
            waiting.put(read(caller, f"/{caller}"))
        one = waiting.take()
        assert one is not None
        caller, took_s = one.path[1:], 0.5 if one.path == "/dear" else 0.03
        waiting.spend(one, took_s)
        spent[caller] += took_s
    assert abs(spent["dear"] - spent["cheap"]) <= 0.5 + 1e-6


def test_those_who_have_had_least_are_forgotten() -> None:
    waiting = Waiting(1)
    for number in range(3 * CALLERS_MAX):
        waiting.put(read(f"caller {number}"))
        one = waiting.take()
        assert one is not None
        waiting.spend(one, 0.001 * (number % 7))
    assert len(waiting._turn_at) <= CALLERS_MAX + 1


def test_a_full_queue_drops_the_last_read_of_the_caller_who_has_most(waiting: Waiting) -> None:
    for number in range(MOST):
        waiting.put(read("many" if number < MOST - 2 else "few", str(number)))
    puts = [("few", "8"), ("many", "9"), ("few", "10"), ("few", "11"), ("third", "12")]
    dropped = [waiting.put(read(*one)) for one in puts]
    assert [one.path for one in dropped if one] == ["5", "9", "4", "11", "3"]
    assert sorted(taken(waiting), key=int) == ["0", "1", "2", "6", "7", "8", "10", "12"]


def test_a_person_that_is_vouched_for_does_not_share_the_time_of_the_network(waiting: Waiting) -> None:
    waiting.spend(read("shared"), 0.5)
    waiting.put(read("shared", "/stranger"))
    waiting.put(read("mia", "/mia", is_vouched=True))
    assert taken(waiting) == ["/mia", "/stranger"]


def test_made_up_names_of_a_network_are_one_caller(waiting: Waiting) -> None:
    for number in range(MOST):
        waiting.put(read("a network", f"/{number}"))
    assert waiting.put(read("another", "/other")) == read("a network", f"/{MOST - 1}")
