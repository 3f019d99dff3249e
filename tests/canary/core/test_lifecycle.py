"""The life of v1 as values: transitions, guards, exact borders of windows, and the formats of the headers."""

import json

import pytest

from canary.core.headers import deprecation_value, link_value, sunset_value
from canary.core.lifecycle import (
    ACTIVE,
    BROWNOUT,
    DAY_S,
    DEPRECATED,
    DEPRECATED_DAYS,
    FULL_DAYS,
    HOUR_S,
    NOTICE_DAYS,
    QUIET_DAYS,
    SUNSET,
    Facts,
    Life,
    LifeError,
    Unmet,
    add_brownout,
    deprecate,
    dump_life,
    end_brownout,
    in_brownout,
    is_stable_gone,
    life_from,
    refuse_rollback,
    restore,
    sunset,
    unmet_for_brownout,
    unmet_for_deprecation,
    unmet_for_sunset,
)
from tests.canary.headers import parse_http_date, parse_links, parse_structured_date

NOW = 1_796_083_200  # 2026-12-01T00:00:00Z
END = 1_811_808_000  # 2027-06-01T00:00:00Z
DEPRECATED_LIFE = Life(DEPRECATED, NOW, END)


def codes(unmet: list[Unmet]) -> list[str]:
    return [one.code for one in unmet]


def in_window(start: int = NOW + 100, end: int = NOW + 200) -> Life:
    return add_brownout(DEPRECATED_LIFE, (start, end), NOW)


def test_an_empty_row_is_active_and_every_life_survives_its_json() -> None:
    assert life_from({}) == Life()
    lives = (Life(), DEPRECATED_LIFE, in_window(), sunset(in_window(), END))
    assert [life_from(json.loads(json.dumps(dump_life(life)))) for life in lives] == list(lives)


@pytest.mark.parametrize(
    "stored",
    [
        {"state": "asleep"},
        {"state": "deprecated"},
        {"state": "deprecated", "deprecated_at": 5, "sunset_at": 4},
        {"state": "brownout", "deprecated_at": 5, "sunset_at": 9, "brownouts": [[4, 6]]},
        {"state": "brownout", "deprecated_at": 5, "sunset_at": 9, "brownouts": [[6, 10]]},
        {"state": "brownout", "deprecated_at": 5, "sunset_at": 9, "brownouts": [[7, 8], [5, 6]]},
        {"state": "deprecated", "deprecated_at": 5, "sunset_at": 9, "brownouts": [[6, 7]]},
        {"state": "sunset", "deprecated_at": 5, "sunset_at": 9},
        {"state": "sunset", "deprecated_at": 5, "sunset_at": 9, "sunset_done_at": 8},
        {"state": "active", "deprecated_at": 5},
        {"state": "sunset", "deprecated_at": 5, "sunset_done_at": 9},
        {"state": "deprecated", "deprecated_at": 5, "sunset_at": 9, "kept_sunset_at": 9},
    ],
    ids=str,
)
def test_a_life_that_can_not_be_is_refused(stored: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="can't be"):
        life_from(stored)


def test_a_window_holds_its_first_second_and_not_its_last() -> None:
    life = in_window(NOW + 100, NOW + 200)
    moments = (NOW + 99.999, NOW + 100, NOW + 199.999, NOW + 200)
    assert [in_brownout(life, at) for at in moments] == [False, True, True, False]
    assert not is_stable_gone(life)


def test_windows_that_touch_leave_no_gap_and_others_do() -> None:
    life = add_brownout(in_window(NOW + 100, NOW + 200), (NOW + 200, NOW + 300), NOW)
    life = add_brownout(life, (NOW + 400, NOW + 500), NOW)
    assert [in_brownout(life, NOW + at) for at in (200, 299, 300, 399, 400, 500)] == [
        True,
        True,
        False,
        False,
        True,
        False,
    ]


def test_ending_a_window_cuts_it_off_at_once_and_leaves_those_ahead() -> None:
    life = add_brownout(in_window(), (NOW + 1_000, NOW + 1_200), NOW)
    ended = end_brownout(life, NOW + 150.7)
    assert ended.brownouts == ((NOW + 100, NOW + 150), (NOW + 1_000, NOW + 1_200))
    assert not in_brownout(ended, NOW + 150.7)
    assert end_brownout(life, NOW + 150.7, is_all=True).brownouts == ((NOW + 100, NOW + 150),)
    assert end_brownout(life, NOW + 100.2).brownouts == ((NOW + 1_000, NOW + 1_200),)
    assert end_brownout(life, NOW, is_all=True).brownouts == ()


def test_what_is_not_running_can_not_be_ended() -> None:
    with pytest.raises(LifeError, match=r"No brownout is running\. The next one begins at 2026-12-01T00:01:40Z"):
        end_brownout(in_window(), NOW)
    for is_all in (False, True):
        with pytest.raises(LifeError, match="No brownout is running"):
            end_brownout(in_window(), NOW + 200, is_all=is_all)


@pytest.mark.parametrize(
    ("window", "code"),
    [
        ((NOW + 300, NOW + 300), "window-empty"),
        ((NOW - 50, NOW), "window-empty"),
        ((NOW + 150, NOW + 400), "window-order"),
        ((NOW + 50, NOW + 90), "window-order"),
        ((END - 10, END + 1), "window-too-late"),
    ],
    ids=str,
)
def test_windows_come_one_after_the_other_and_before_the_sunset(window: tuple[int, int], code: str) -> None:
    with pytest.raises(LifeError) as refused:
        add_brownout(in_window(), window, NOW)
    assert refused.value.code == code


def test_a_window_that_has_begun_begins_now() -> None:
    assert add_brownout(DEPRECATED_LIFE, (NOW - 50, NOW + 60), NOW + 0.5).brownouts == ((NOW, NOW + 60),)


def test_no_state_is_skipped() -> None:
    for step in (lambda: add_brownout(Life(), (NOW, NOW + 1), NOW), lambda: sunset(Life(), NOW)):
        with pytest.raises(LifeError) as refused:
            step()
        assert refused.value.code == "not-deprecated"


def test_a_sunset_ahead_is_moved_to_now_with_its_windows() -> None:
    life = add_brownout(in_window(), (NOW + 1_000, NOW + 1_200), NOW)
    kept = {"kept_sunset_at": END, "kept_brownouts": ((NOW + 1_000, NOW + 1_200),)}
    assert sunset(life, NOW + 150.5) == Life(
        SUNSET, NOW, NOW + 150, ((NOW + 100, NOW + 150),), sunset_done_at=NOW + 150, **kept
    )


def test_restoring_goes_one_state_back_and_v1_answers_each_time() -> None:
    gone = sunset(in_window(), NOW + 300)
    restored = restore(gone, NOW + 400)
    assert (restored.state, restored.sunset_done_at) == (BROWNOUT, None)
    assert not in_brownout(restored, NOW + 400)
    assert restore(in_window(), NOW) == DEPRECATED_LIFE
    assert restore(DEPRECATED_LIFE, NOW) == Life()
    with pytest.raises(LifeError, match="nothing to restore"):
        restore(Life(), NOW)


def test_restoring_after_an_early_sunset_announces_again_what_lies_ahead() -> None:
    life = add_brownout(in_window(), (NOW + 300, NOW + 400), NOW)
    assert restore(sunset(DEPRECATED_LIFE, NOW + 50), NOW + 60) == DEPRECATED_LIFE
    assert restore(sunset(life, NOW + 50), NOW + 60) == life
    gone = life_from(json.loads(json.dumps(dump_life(sunset(life, NOW + 150)))))  # in the middle of the first window
    assert restore(gone, NOW + 160) == Life(BROWNOUT, NOW, END, ((NOW + 100, NOW + 150), (NOW + 300, NOW + 400)))
    late = restore(gone, NOW + 350)  # in the middle of the second, which v1 would be silent in
    assert late == Life(BROWNOUT, NOW, END, ((NOW + 100, NOW + 150),))
    assert not in_brownout(late, NOW + 350)


@pytest.mark.parametrize(("sunset_at", "restored_at"), [(END, END + 5), (END - 5, END), (END - 5, END + 5)], ids=str)
def test_a_date_that_is_over_is_not_announced_again_and_has_to_be_asked_for_anew(
    sunset_at: int, restored_at: int
) -> None:
    back = restore(sunset(in_window(), sunset_at), restored_at)
    assert (back.state, back.deprecated_at, back.sunset_at) == (BROWNOUT, NOW, None)
    for refused in (lambda: sunset(back, restored_at), lambda: add_brownout(back, (END + 9, END + 10), restored_at)):
        with pytest.raises(LifeError, match=r"`deprecate --sunset DATE` announces another") as error:
            refused()
        assert error.value.code == "no-sunset-date"
    again = deprecate(back, restored_at + DAY_S, restored_at)
    assert again == Life(BROWNOUT, NOW, restored_at + DAY_S, in_window().brownouts)


def test_the_date_can_be_moved_but_not_before_what_is_planned() -> None:
    assert deprecate(in_window(), END + DAY_S, NOW + 50) == Life(BROWNOUT, NOW, END + DAY_S, in_window().brownouts)
    with pytest.raises(LifeError) as refused:
        deprecate(in_window(), NOW + 199, NOW + 50)
    assert refused.value.code == "sunset-too-early"
    with pytest.raises(LifeError, match="after this moment"):
        deprecate(Life(), NOW - 1, NOW)


def test_the_guards_of_a_deprecation_say_all_that_is_missing() -> None:
    full_since = NOW - FULL_DAYS * DAY_S
    assert codes(unmet_for_deprecation(Life(), Facts(), NOW)) == ["full-traffic", "certificate"]
    assert codes(unmet_for_deprecation(Life(), Facts(full_since + 1, is_safe=True), NOW)) == ["full-traffic"]
    assert codes(unmet_for_deprecation(Life(), Facts(full_since, is_safe=True, unmapped=("/x",)), NOW)) == ["parity"]
    assert unmet_for_deprecation(Life(), Facts(full_since, is_safe=True), NOW) == []
    assert unmet_for_deprecation(DEPRECATED_LIFE, Facts(), NOW) == []


def test_the_guards_of_a_brownout_hold_at_their_borders() -> None:
    due = NOW + DEPRECATED_DAYS * DAY_S
    announced = due - NOTICE_DAYS * DAY_S
    hour = (due, due + HOUR_S)
    assert unmet_for_brownout(DEPRECATED_LIFE, hour, Facts(), announced) == []
    assert codes(unmet_for_brownout(DEPRECATED_LIFE, hour, Facts(), announced + 0.1)) == ["notice"]
    early = (due - 1, due + HOUR_S - 1)
    assert codes(unmet_for_brownout(DEPRECATED_LIFE, early, Facts(unnotified=("key:a",)), NOW)) == [
        *("deprecated-days", "notified")
    ]


def test_windows_grow_by_the_ladder() -> None:
    life, start, fitting = DEPRECATED_LIFE, NOW + DEPRECATED_DAYS * DAY_S, []
    for longest, too_short in ((1, 0), (12, 1), (24, 12), (48, 24), (48, 47)):
        for hours in (longest + 1, too_short):
            if hours:
                window = (start, start + hours * HOUR_S)
                fitting.append("ladder" not in codes(unmet_for_brownout(life, window, Facts(), NOW)))
        window = (start, start + longest * HOUR_S)
        assert unmet_for_brownout(life, window, Facts(), NOW) == []
        life, start = add_brownout(life, window, NOW), start + 7 * DAY_S
    assert fitting == [False] * 8 + [True]  # after the longest, another one of any length


def test_the_guards_of_a_sunset_hold_at_their_borders() -> None:
    life = in_window()
    quiet = Facts(last_reached_at=END - QUIET_DAYS * DAY_S)
    assert unmet_for_sunset(life, quiet, END) == []
    assert unmet_for_sunset(life, Facts(), END) == []
    assert codes(unmet_for_sunset(life, quiet, END - 1)) == ["sunset-date", "quiet"]
    assert codes(unmet_for_sunset(DEPRECATED_LIFE, Facts(), END)) == ["brownouts"]
    assert codes(unmet_for_sunset(life, Facts(), NOW + 150)) == ["sunset-date", "brownouts-ahead"]


def test_a_rollback_is_refused_with_a_way_out_only_when_v1_is_gone() -> None:
    assert [refuse_rollback(life) for life in (Life(), DEPRECATED_LIFE, in_window())] == [None] * 3
    assert "restore" in str(refuse_rollback(sunset(in_window(), END)))
    assert "USE_LEGACY_API_V1" in str(refuse_rollback(Life(), is_stable_enabled=False))


@pytest.mark.parametrize("at", [0, 951_782_400, NOW, END, 4_102_444_799], ids=str)
def test_dates_are_read_back_by_strict_parsers(at: int) -> None:
    assert parse_structured_date(deprecation_value(at)) == at
    assert parse_http_date(sunset_value(at)) == at


def test_the_dates_are_those_of_the_standards() -> None:
    assert (deprecation_value(NOW), sunset_value(END)) == ("@1796083200", "Tue, 01 Jun 2027 00:00:00 GMT")


def test_a_link_is_read_back() -> None:
    value = f"{link_value('/a?b=c,d', 'deprecation', 'text/html')}, {link_value('/e', 'successor-version')}"
    assert parse_links(value) == {"deprecation": "/a?b=c,d", "successor-version": "/e"}


def test_active_is_the_beginning() -> None:
    assert Life().state == ACTIVE
