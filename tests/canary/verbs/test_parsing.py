"""The words of the doors: what is taken, to the last basis point, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from canary.core.values import Identity
from canary.verbs import parsing


@pytest.mark.parametrize(
    ("text", "basis_points"),
    [("0", 0), ("12.5", 1_250), ("0.01", 1), ("29.29", 2_929), ("57.3", 5_730), ("100", 10_000), ("100.00", 10_000)],
)
def test_a_share_is_taken_to_the_last_basis_point(text: str, basis_points: int) -> None:
    assert parsing.parse_percent(text) == basis_points


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "+1",
        "100.01",
        "101",
        "1000",
        "12.345",
        "12.",
        ".5",
        "1e1",
        "1_0",
        "12,5",
        " 5",
        "5 %",
        "٥",
        "NaN",
        "inf",
    ],
)
def test_what_is_no_share_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="0 to 100 in plain digits with up to two decimals"):
        parsing.parse_percent(text)


def test_a_plan_rises() -> None:
    assert parsing.parse_plan("0.5, 10,50,100") == [50, 1_000, 5_000, 10_000]
    assert parsing.parse_plan("7") == [700]


@pytest.mark.parametrize("text", ["", ",", "10,", "0,10", "10,10", "50,10", "10,101", "10;50"])
def test_what_does_not_rise_is_no_plan(text: str) -> None:
    with pytest.raises(ValueError, match="use"):
        parsing.parse_plan(text)


@pytest.mark.parametrize(("text", "seconds"), [("0.5", 30), ("0", 0), ("10080", 604_800), ("0.0167", 1.002)])
def test_minutes_have_fractions(text: str, seconds: float) -> None:
    assert parsing.parse_minutes(text) == seconds


def test_limits_are_a_share_and_a_ratio() -> None:
    assert [parsing.parse_max_errors(text) for text in ("0.01", "2", "50")] == [1, 200, 5_000]
    assert [parsing.parse_slowdown(text) for text in ("1.2", "3", "100")] == [1.2, 3.0, 100.0]
    assert [parsing.parse_crashes(text) for text in ("0", "1000")] == [0, 1_000]
    assert [parsing.parse_refusals(text) for text in ("0.01", "100")] == [1, 10_000]
    assert [parsing.parse_total(text) for text in ("50", "100")] == [5_000, 10_000]


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parsing.parse_max_errors, "0"),
        (parsing.parse_max_errors, "50.01"),
        (parsing.parse_max_errors, "2 %"),
        (parsing.parse_slowdown, "1.19"),
        (parsing.parse_slowdown, "101"),
        (parsing.parse_slowdown, "x3"),
        (parsing.parse_crashes, "1001"),
        (parsing.parse_refusals, "0"),
        (parsing.parse_total, "49.99"),
        (parsing.parse_minutes, "-1"),
        (parsing.parse_minutes, "525601"),
        (parsing.parse_minutes, "1h"),
        (parsing.parse_text, ""),
        (parsing.parse_text, " \n"),
        (parsing.parse_text, "x" * 1_001),
        (parsing.parse_text, "nul\0"),
        (parsing.parse_text, "\udc80"),
        (parsing.parse_count, "-1"),
        (parsing.parse_count, "1.0"),
        (parsing.parse_count, "9" * 19),
        (parsing.parse_limit, "0"),
        (parsing.parse_limit, "1001"),
        (parsing.parse_listed_identity, "client:" + "x" * 401),
        (parsing.parse_listed_identity, "client:a\0"),
        (parsing.parse_listed_identity, "robot:1"),
        (parsing.parse_salt, ""),
        (parsing.parse_salt, "é" * 33),
    ],
    ids=lambda value: value.__name__ if callable(value) else ascii(value)[:12],
)
def test_every_other_word_has_its_limits_too(parse: Callable[[str], Any], text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(text)


def test_an_id_may_hold_colons_and_any_script() -> None:
    assert parsing.parse_listed_identity("client:a:ü:7") == Identity("client", "a:ü:7")
