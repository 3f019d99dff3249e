"""The names that parametrized tests get for their cases."""

import datetime
from dataclasses import dataclass
from typing import Any

import pytest

from tests.case_ids import case_id


@dataclass
class Limit:
    count: int
    per_s: int = 60


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("short", None),
        (7, None),
        ("x" * 101, "x" * 60),
        ({"name": "a", "tags": ["b", 1]}, "name=a tags=b 1"),
        ({"name": "\ud800\n"}, r"name=\ud800\n"),
        ({3, 2}, "2 3"),
        ([], "empty"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (Limit(3), "count=3"),
        (len, "len"),
        (lambda: 1, None),
        ([object()], "..."),
    ],
)
def test_a_case_is_named_by_its_value(value: Any, name: str | None) -> None:
    assert case_id(value) == name


@pytest.mark.parametrize("value", [{"name": "a"}])
def test_the_name_stands_in_the_report(value: Any, request: pytest.FixtureRequest) -> None:
    assert request.node.name == "test_the_name_stands_in_the_report[name=a]"
