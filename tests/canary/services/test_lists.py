"""The lists, as every worker gets them with the next version."""

from collections.abc import Callable

import pytest

from canary.core.values import Identity
from canary.errors import Refused
from canary.models import ListEntry, Rollout, RolloutEvent
from canary.state import store

Change = Callable[..., Rollout]
ALICE = Identity("user", "1")


def test_an_identity_on_a_list_is_in_the_next_snapshot_and_taken_off_it_again(change: Change) -> None:
    change("add_to_list", list="allow", identity=ALICE)
    assert store.refresh().allowed == {ALICE}
    change("remove_from_list", list="allow", identity=ALICE)
    assert store.refresh().allowed == frozenset()


def test_an_identity_is_on_one_list_only(change: Change) -> None:
    for name in ("allow", "exclude", "exclude"):
        change("add_to_list", list=name, identity=ALICE)
    snapshot = store.refresh()
    assert not snapshot.allowed
    assert snapshot.excluded == {ALICE}
    assert ListEntry.objects.count() == 1


def test_lists_are_kept_with_who_put_them_there_and_why(change: Change) -> None:
    change("add_to_list", list="allow", identity=ALICE, actor="user:9 bob", reason="beta tester")
    entry, event = ListEntry.objects.get(), RolloutEvent.objects.get()
    assert (entry.actor, entry.reason) == ("user:9 bob", "beta tester")
    assert (event.verb, event.evidence) == ("allow add", {"identity": "user:1"})


def test_lists_can_be_changed_while_the_rollout_is_latched(change: Change) -> None:
    change("roll_back")
    assert change("add_to_list", list="exclude", identity=ALICE).latched


def test_what_is_not_on_a_list_can_not_be_taken_off_it(change: Change) -> None:
    change("add_to_list", list="allow", identity=ALICE)
    with pytest.raises(Refused, match="user:1 is not on the exclude list"):
        change("remove_from_list", list="exclude", identity=ALICE)


@pytest.mark.parametrize("identifier", ["x" * 401, "a\0b", "a\udcff"])
def test_an_id_that_can_not_be_stored_is_refused(change: Change, identifier: str) -> None:
    with pytest.raises(Refused, match="An id on a list"):
        change("add_to_list", list="allow", identity=Identity("client", identifier))


def test_an_unchanged_version_reads_one_row_alone(
    change: Change, django_assert_num_queries: Callable[..., object]
) -> None:
    change("add_to_list", list="allow", identity=ALICE)
    store.refresh()
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        assert store.refresh().allowed == {ALICE}
