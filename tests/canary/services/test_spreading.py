"""When a change that was read is in force, in a process that is one of several: together to v2, at once back to v1."""

import itertools
import time

import pytest
from django.utils import timezone

from canary.core.values import Identity
from canary.state import store
from tests.canary.services.conftest import Change

HELD_S = 2.5  # longer than a busy machine stands still


@pytest.fixture(autouse=True)
def _one_of_several(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    change("set_weight", weight_bp=1_000)
    store.refresh()
    monkeypatch.setattr(store, "_waits_for_others", True)
    monkeypatch.setattr(store, "ALL_HAVE_READ_AFTER_S", HELD_S)


def weight_bp() -> int:
    return store.current_snapshot().weight_bp


def test_a_raised_weight_waits_until_all_have_read_it(change: Change) -> None:
    change("set_weight", weight_bp=5_000, now=timezone.now())
    store.refresh()
    assert weight_bp() == 1_000
    wait_s = store.comes_in_s()
    assert wait_s is not None
    assert 0 < wait_s <= HELD_S
    while wait_s := store.comes_in_s():
        time.sleep(wait_s)
    assert weight_bp() == 5_000


@pytest.mark.slow
def test_changes_that_keep_coming_hold_no_earlier_one_up(change: Change) -> None:
    decided_at = time.time()
    change("set_weight", weight_bp=5_000, now=timezone.now())
    store.refresh()
    for number in itertools.count():
        change("add_to_list", list="allow", identity=Identity("client", f"c{number}"), now=timezone.now())
        store.refresh()
        if weight_bp() == 5_000:
            break
        assert time.time() < decided_at + HELD_S + 60, "it never came"
    assert time.time() >= decided_at + HELD_S


def test_a_rollback_is_in_force_at_once_whatever_was_on_its_way(change: Change) -> None:
    change("set_weight", weight_bp=5_000, now=timezone.now())
    store.refresh()
    change("add_to_list", list="allow", identity=Identity("client", "c"), now=timezone.now())
    store.refresh()
    change("roll_back", now=timezone.now())
    store.refresh()
    assert (weight_bp(), store.current_snapshot().latched) == (0, True)


def test_a_lowered_weight_is_in_force_at_once(change: Change) -> None:
    change("set_weight", weight_bp=100, now=timezone.now())
    store.refresh()
    assert weight_bp() == 100
