"""What two versions left of the same rows, compared: drawn values stand for each other, all else is equal."""

import datetime
import uuid
from typing import Any

import pytest

from canary.shadow.writes.effects import Table, compare_effects

ORDER = Table("order", ("id",), {"item_id": "item"})
ITEM = Table("item", ("id",), {})
TABLES = {"order": ORDER, "item": ITEM}
OLD_ITEM = {"id": 1, "name": "tea", "at": "2026-01-01"}
DAY = datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC)


def state(*rows: tuple[str, dict[str, Any]]) -> Any:
    return {table: {(row["id"],): row for name, row in rows if name == table} for table in TABLES}


def found(old: Any, new: Any, again: Any = None, before: Any = None) -> set[tuple[str, str]]:
    start = before or state(("item", OLD_ITEM))
    return {one.group for one in compare_effects(TABLES, start, old, new, again or old)}


def order(pk: Any, item: Any, note: Any = "x", **more: Any) -> tuple[str, dict[str, Any]]:
    return "order", {"id": pk, "item_id": item, "note": note, **more}


def item(pk: Any, name: Any, at: Any = "2026-01-01") -> tuple[str, dict[str, Any]]:
    return "item", {"id": pk, "name": name, "at": at}


def uuids(*numbers: int) -> list[uuid.UUID]:
    return [uuid.UUID(int=number) for number in numbers]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (state(order(7, 1)), state(order(7, 1)), set()),
        (state(order(7, 1)), state(order(7, 1, "y")), {("order.note", "value")}),
        (state(order(7, 1)), state(order(7, 1, None)), {("order.note", "missing")}),
        (state(order(7, 1, None)), state(order(7, 1)), {("order.note", "added")}),
        (state(order(7, 1, 1)), state(order(7, 1, "1")), {("order.note", "type")}),
        (state(order(7, 1, '{"a": true}')), state(order(7, 1, '{"a": 1}')), {("order.note.a", "type")}),
        (state(order(7, 1)), state(), {("order", "missing")}),
        (state(), state(order(7, 1)), {("order", "added")}),
        (state(item(1, "tea")), state(), {("item", "missing")}),
        (state(order(7, 1)), state(order(7, 2)), {("order.item_id", "value")}),
    ],
)
def test_rows_and_columns_are_compared(old: Any, new: Any, expected: set[tuple[str, str]]) -> None:
    assert found(old, new) == expected


def test_numbers_of_new_rows_may_be_swapped_if_all_that_refers_to_them_is() -> None:
    old = state(item(2, "a"), item(3, "b"), order(7, 2, "of a"))
    assert found(old, state(item(3, "a"), item(2, "b"), order(7, 3, "of a"))) == set()
    assert found(old, state(item(3, "a"), item(2, "b"), order(7, 2, "of a"))) == {("order.item_id", "value")}


def test_new_rows_are_paired_by_what_they_hold_exactly_before_its_form() -> None:
    """Their own numbers and those of other new rows have no part in it."""
    items = state(item(2, "a 1"), item(3, "a 2"))
    assert found(items, state(item(3, "a 1"), item(2, "a 2"))) == set()
    old = state(item(2, "a"), item(3, "b"), order(7, 2, "n 1"), order(8, 3, "n 2"))
    assert found(old, state(item(3, "a"), item(2, "b"), order(8, 3, "n 1"), order(7, 2, "n 2"))) == set()


def test_new_rows_of_drawn_values_are_paired_by_their_form() -> None:
    old, again = (state(order(7, 1, f"A {n}1", more="x"), order(8, 1, f"B {n}2", more="x")) for n in (1, 2))
    assert found(old, state(order(7, 1, "B 33", more="x"), order(8, 1, "A 44", more="x")), again) == set()


def test_new_rows_that_hold_the_same_are_paired_in_their_order() -> None:
    both = state(item(2, "a"), item(3, "a"), order(7, 2, "x"), order(8, 3, "y"))
    assert found(both, both) == set()


def test_a_number_stands_for_another_in_keys_alone() -> None:
    assert found(state(item(2, "a"), order(7, 1, 2)), state(item(3, "a"), order(7, 1, 3))) == {("order.note", "value")}


def test_an_id_may_be_written_with_and_without_dashes() -> None:
    a, b, c, d = (uuid.UUID(int=number + 0xA0 << 100) for number in range(4))
    old, again, new, other = (
        state(item(one.hex, "n"), order(7, one.hex, f'{{"id": "{spelled}"}}'))
        for one, spelled in ((a, str(a)), (b, str(b)), (c, c.hex.upper()), (c, str(d)))
    )
    assert found(old, new, again) == set()
    assert found(old, other, again) == {("order.note.id", "value")}


def test_drawn_ids_stand_for_each_other_everywhere() -> None:
    a, b, c, d, e, f = uuids(1, 2, 3, 4, 5, 6)
    old, again = (
        state(item(a, "n"), order(b, a, f'{{"id": "{a}"}}')),
        state(item(c, "n"), order(d, c, f'{{"id": "{c}"}}')),
    )
    assert found(old, state(item(e, "n"), order(f, e, f'{{"id": "{e}"}}')), again) == set()
    assert found(old, state(item(e, "n"), order(f, e, f'{{"id": "{f}"}}')), again) == {("order.note.id", "value")}
    assert found(old, state(item(e, "n"), order(f, None, f'{{"id": "{e}"}}')), again) == {("order.item_id", "missing")}


def test_times_may_differ_where_those_of_v1_do() -> None:
    first, second, third = (DAY + datetime.timedelta(seconds=n) for n in range(3))
    assert found(state(item(2, "n", first)), state(item(2, "n", second)), state(item(2, "n", third))) == set()
    assert found(state(item(2, "n", first)), state(item(2, "n", second))) == {("item.at", "value")}
    assert found(state(item(2, "n", first)), state(item(2, "n", None)), state(item(2, "n", third))) == {
        ("item.at", "missing")
    }


def test_a_drawn_value_that_v2_leaves_as_it_was_is_lost() -> None:
    before, first, second = (DAY + datetime.timedelta(days=n) for n in range(3))
    old, new, again = (state(item(1, "tea", at)) for at in (first, before, second))
    assert found(old, new, again, state(item(1, "tea", before))) == {("item.at", "value")}


def test_a_drawn_text_has_the_form_of_v1s() -> None:
    old, again = state(order(7, 1, "code 123")), state(order(7, 1, "code 456"))
    assert found(old, state(order(7, 1, "code 9")), again) == set()
    assert found(old, state(order(7, 1, "none")), again) == {("order.note", "value")}
    assert found(old, state(order(7, 1, "")), again) == {("order.note", "value")}
    words = state(order(7, 1, "abc")), state(order(7, 1, "")), state(order(7, 1, "xyz"))
    assert found(*words) == {("order.note", "value")}


def test_a_list_of_another_length_differs() -> None:
    assert found(state(order(7, 1, "[1, 2]")), state(order(7, 1, "[1]"))) == {("order.note", "length")}


def test_rows_that_v1_leaves_now_and_then_say_nothing() -> None:
    assert found(state(order(7, 1)), state(), state()) == set()


def test_rows_that_have_most_in_common_are_compared() -> None:
    old = state(order(7, 1, "a", more=1), order(8, 1, "b", more=2))
    new = state(order(7, 1, "b", more=3), order(8, 1, "a", more=1))
    assert found(old, new) == {("order.more", "value")}
