"""Whose read is repeated next, and whose is dropped when too many wait."""

import pytest

from canary.core.values import Snapshot
from canary.shadow.asking import Read, Voter
from canary.shadow.waiting import FORGET_AFTER_S, Waiting

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


def test_without_times_they_are_taken_by_caller_in_the_order_in_which_they_came(waiting: Waiting) -> None:
    for caller, path in (("a", "1"), ("b", "2"), ("a", "3")):
        assert waiting.put(read(caller, path)) is None
    assert len(waiting) == 3
    assert taken(waiting) == ["1", "3", "2"]
    assert len(waiting) == 0


def test_who_has_taken_less_time_comes_first_until_times_are_forgotten(waiting: Waiting) -> None:
    dear, cheap = read("a stranger", "/search"), read("a user", "/tags")
    for now_s in (0.0, FORGET_AFTER_S):
        waiting.spend(dear, 0.5, now_s)
        waiting.put(dear)
        waiting.put(cheap)
        assert taken(waiting) == ["/tags", "/search"]
    waiting.spend(cheap, 0.1, 2 * FORGET_AFTER_S + 1)
    waiting.put(dear)
    waiting.put(cheap)
    assert taken(waiting) == ["/search", "/tags"]


def test_a_full_queue_drops_the_last_read_of_the_caller_who_has_most(waiting: Waiting) -> None:
    for number in range(MOST):
        waiting.put(read("many" if number < MOST - 2 else "few", str(number)))
    puts = [("few", "8"), ("many", "9"), ("few", "10"), ("few", "11"), ("third", "12")]
    dropped = [waiting.put(read(*one)) for one in puts]
    assert [one.path for one in dropped if one] == ["5", "9", "4", "11", "3"]
    assert taken(waiting) == ["0", "1", "2", "6", "7", "8", "10", "12"]


def test_a_person_that_is_vouched_for_does_not_share_the_time_of_the_network(waiting: Waiting) -> None:
    waiting.spend(read("shared"), 0.5, 0.0)
    waiting.put(read("shared", "/stranger"))
    waiting.put(read("mia", "/mia", is_vouched=True))
    assert taken(waiting) == ["/mia", "/stranger"]


def test_made_up_names_of_a_network_are_one_caller(waiting: Waiting) -> None:
    for number in range(MOST):
        waiting.put(read("a network", f"/{number}"))
    assert waiting.put(read("another", "/other")) == read("a network", f"/{MOST - 1}")
