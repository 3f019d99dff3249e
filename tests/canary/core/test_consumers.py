"""The end of v1 for single consumers as values: extensions, own brownouts, and that nobody else notices them."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.consumers import (
    EXTENSIONS_MAX,
    OWN_BROWNOUTS_MAX,
    add_own_brownout,
    count_as_told,
    end_brownouts,
    end_extension,
    end_for,
    extend,
    has_own_rules,
    is_extended,
    is_shortened,
    running_own,
    spare_untold,
    unmet_for_own_brownout,
)
from canary.core.lifecycle import (
    BROWNOUT,
    DAY_S,
    DEPRECATED,
    HOUR_S,
    NOTICE_DAYS,
    REMOVED,
    Facts,
    Life,
    LifeError,
    OwnWindow,
    deprecate,
    dump_life,
    iso,
    life_from,
    restore,
    sunset,
    unmet_for_brownout,
    unmet_for_sunset,
)
from canary.core.routing import EXTENSION, choose, choose_pinned
from canary.core.values import Decision, Identity, Snapshot, parse_identity

NOW = 1_796_083_200  # 2026-12-01T00:00:00Z
END = NOW + 90 * DAY_S
IOS, ANNA = "key:ios1", "user:42"
LIFE = Life(DEPRECATED, NOW, END)
OVER = sunset(LIFE, END)
SALT = "api-v2:2026-12"


def snapshot(life: Life, weight_bp: int = 10_000, **more: Any) -> Snapshot:
    return Snapshot(1, weight_bp, SALT, life=life, **more)


def pinned(life: Life, name: str | None, now: float, *, is_proven: bool = True, **more: Any) -> str:
    identity = parse_identity(name) if name else None
    answer = choose_pinned(1, snapshot(life, **more), now, identity, is_proven=is_proven)
    return answer.reason if isinstance(answer, Decision) else answer.code


def refused(code: str) -> Any:
    return pytest.raises(LifeError, check=lambda error: error.code == code)


def test_an_extended_consumer_is_answered_until_its_date_and_nobody_else_is() -> None:
    life = sunset(extend(LIFE, IOS, END + DAY_S, NOW), END)
    assert [pinned(life, IOS, END + at) for at in (0, DAY_S - 0.001, DAY_S)] == [EXTENSION, EXTENSION, "api-v1-gone"]
    assert {pinned(life, name, END) for name in (ANNA, "key:ios", "client:ios1", None)} == {"api-v1-gone"}
    assert (end_for(life, IOS), end_for(life, ANNA)) == (END + DAY_S, END)


def test_a_name_that_no_credential_proves_gains_nothing_by_an_extension() -> None:
    life = sunset(extend(LIFE, IOS, END + DAY_S, NOW), END)
    assert pinned(life, IOS, END, is_proven=False) == "api-v1-gone"
    forged = replace(life, extensions={"client:app": None, "anon:1": None})
    assert {pinned(forged, name, END) for name in forged.extensions} == {"api-v1-gone"}


@pytest.mark.parametrize("name", ["client:app", "anon:ab"])
def test_an_extension_for_a_name_that_anybody_can_send_is_refused(name: str) -> None:
    with refused("unproven-consumer"):
        extend(LIFE, name, END + 1, NOW)


@pytest.mark.parametrize(
    ("life", "until", "code"),
    [
        (Life(), END, "not-deprecated"),
        (Life(REMOVED), END, "not-deprecated"),
        (LIFE, END, "extension-too-early"),
        (replace(LIFE, sunset_at=None), NOW, "extension-too-early"),
        (sunset(LIFE, NOW), NOW, "extension-too-early"),
    ],
)
def test_an_extension_that_would_say_nothing_is_refused(life: Life, until: int, code: str) -> None:
    with refused(code):
        extend(life, IOS, until, NOW)


def test_extensions_are_bounded_and_those_that_are_over_make_room() -> None:
    full = replace(LIFE, extensions={f"user:{number}": END + 5 for number in range(EXTENSIONS_MAX)})
    assert len(extend(full, "user:0", END + 9, NOW).extensions) == EXTENSIONS_MAX
    with refused("too-many-extensions"):
        extend(full, IOS, END + 9, NOW)
    with refused("too-many-extensions"):
        spare_untold(sunset(full, END), [IOS], END)
    assert extend(sunset(full, END), IOS, END + 9, END + 5).extensions == {IOS: END + 9}


def test_an_extension_ends_by_one_call_and_only_once() -> None:
    life = extend(LIFE, IOS, END + 9, NOW)
    assert end_extension(life, IOS) == LIFE
    with refused("not-extended"):
        end_extension(LIFE, IOS)


@pytest.mark.parametrize(
    ("before", "after", "is_so"),
    [
        ({}, {IOS: 5}, False),
        ({IOS: 5}, {IOS: 6}, False),
        ({IOS: 5}, {IOS: 4}, True),
        ({IOS: 5}, {}, True),
        ({IOS: None}, {IOS: 5}, True),
        ({IOS: 5}, {IOS: None}, False),
        ({IOS: None}, {}, True),
    ],
)
def test_what_takes_v1_earlier_from_a_consumer_is_known(before: Any, after: Any, is_so: bool) -> None:
    assert is_shortened(replace(LIFE, extensions=before), replace(LIFE, extensions=after), IOS) is is_so


def test_those_whom_nobody_told_are_spared_until_the_notice_days_after_they_are() -> None:
    life = spare_untold(extend(sunset(LIFE, END), ANNA, END + DAY_S, END), [IOS, ANNA, "client:app"], END)
    assert life.extensions == {IOS: None, ANNA: END + DAY_S}
    assert (end_for(life, IOS), is_extended(life, IOS, END + 999 * DAY_S)) == (None, True)
    told = count_as_told(life, [IOS, ANNA, "key:other"], END + 5.5)
    assert told.extensions == {IOS: END + 5 + NOTICE_DAYS * DAY_S, ANNA: END + DAY_S}
    assert count_as_told(told, [IOS], END + 99) == told


def test_a_window_of_one_consumer_switches_v1_off_for_it_alone() -> None:
    life = add_own_brownout(LIFE, "client:app", (NOW + 10, NOW + 20), NOW)
    assert life.state == DEPRECATED
    at = [NOW + 9.9, NOW + 10, NOW + 19.9, NOW + 20]
    assert [pinned(life, "client:app", one) for one in at] == ["pinned", "api-v1-brownout", "api-v1-brownout", "pinned"]
    assert [has_own_rules(life, one) for one in at] == [False, True, True, False]
    assert {pinned(life, name, NOW + 10) for name in (ANNA, "client:ap", None)} == {"pinned"}
    assert pinned(life, "client:app", NOW + 10, latched=True) == "pinned"
    entrance = choose(Identity("client", "app"), None, snapshot(life, 0), NOW + 10)
    assert entrance == Decision(2, "lifecycle_brownout", Identity("client", "app"))


def test_an_extended_consumer_can_have_a_window_after_the_sunset() -> None:
    life = extend(sunset(LIFE, END), IOS, END + DAY_S, END)
    life = add_own_brownout(life, IOS, (END + 10, END + 20), END)
    assert [pinned(life, IOS, END + at) for at in (9, 10, 20)] == [EXTENSION, "api-v1-brownout", EXTENSION]
    with refused("window-too-late"):
        add_own_brownout(life, IOS, (END + 30, END + DAY_S + 1), END)
    with refused("not-deprecated"):
        add_own_brownout(life, ANNA, (END + 30, END + 40), END)


@pytest.mark.parametrize(
    ("life", "name", "window", "code"),
    [
        (LIFE, "anon:ab", (NOW + 1, NOW + 2), "nameless-consumer"),
        (Life(), IOS, (NOW + 1, NOW + 2), "not-deprecated"),
        (replace(LIFE, sunset_at=None), IOS, (NOW + 1, NOW + 2), "no-sunset-date"),
        (LIFE, IOS, (NOW - 5, NOW), "window-empty"),
        (LIFE, IOS, (END - 5, END + 1), "window-too-late"),
        (add_own_brownout(LIFE, IOS, (NOW + 5, NOW + 9), NOW), IOS, (NOW + 8, NOW + 12), "window-order"),
    ],
)
def test_a_window_that_can_not_be_is_refused(life: Life, name: str, window: tuple[int, int], code: str) -> None:
    with refused(code):
        add_own_brownout(life, name, window, NOW)


def test_windows_of_single_consumers_are_bounded_and_those_that_are_over_make_room() -> None:
    life = LIFE
    for number in range(OWN_BROWNOUTS_MAX):
        life = add_own_brownout(life, f"user:{number}", (NOW + 1, NOW + 2), NOW)
    with refused("too-many-brownouts"):
        add_own_brownout(life, IOS, (NOW + 3, NOW + 4), NOW)
    assert len(add_own_brownout(life, IOS, (NOW + 3, NOW + 4), NOW + 2).own_brownouts) == 1


def test_one_call_ends_all_that_runs_or_what_one_consumer_has() -> None:
    life = add_own_brownout(LIFE, IOS, (NOW, NOW + 100), NOW)
    life = add_own_brownout(life, ANNA, (NOW, NOW + 100), NOW)
    life = add_own_brownout(life, IOS, (NOW + 200, NOW + 300), NOW)
    at = NOW + 50
    one = end_brownouts(life, at, consumer=IOS)
    assert one.own_brownouts == (OwnWindow(IOS, NOW, at), OwnWindow(ANNA, NOW, NOW + 100), life.own_brownouts[2])
    every = end_brownouts(life, at)
    assert (running_own(every, IOS, at), running_own(every, ANNA, at)) == (None, None)
    assert every.own_brownouts[2] == life.own_brownouts[2]
    assert end_brownouts(life, at, is_all=True, consumer=IOS).own_brownouts == one.own_brownouts[:2]
    with refused("no-brownout"):
        end_brownouts(every, at)
    with refused("no-brownout"):
        end_brownouts(every, at, consumer="user:9")
    with pytest.raises(
        LifeError, match=f"of {IOS} is running. The next one begins at {iso(NOW + 200)}; `--all` takes it"
    ):
        end_brownouts(every, at, consumer=IOS)
    both = replace(every, state=BROWNOUT, brownouts=((NOW, NOW + 100),), own_brownouts=life.own_brownouts)
    ended = end_brownouts(both, at)
    assert (ended.brownouts, running_own(ended, IOS, at)) == (((NOW, at),), None)


def test_a_window_of_one_consumer_has_guards_but_no_ladder() -> None:
    late = (NOW + 40 * DAY_S, NOW + 40 * DAY_S + HOUR_S)
    assert unmet_for_own_brownout(LIFE, IOS, late, Facts(), NOW) == []
    untold = unmet_for_own_brownout(LIFE, IOS, late, Facts(untold=(IOS,)), NOW)
    assert [one.code for one in untold] == ["notified"]
    assert unmet_for_own_brownout(LIFE, IOS, late, Facts(untold=(ANNA,)), NOW) == []
    hasty = unmet_for_own_brownout(LIFE, IOS, (NOW, NOW + 49 * HOUR_S), Facts(), NOW)
    assert [one.code for one in hasty] == ["deprecated-days", "notice", "ladder"]


def test_a_brownout_for_all_names_few_of_those_that_were_never_notified() -> None:
    many = Facts(unnotified=tuple(f"user:{number}" for number in range(23)))
    late = NOW + 40 * DAY_S
    [unmet] = unmet_for_brownout(LIFE, (late, late + HOUR_S), many, NOW)
    assert unmet.sentence.endswith(", user:19 and 3 more; run `lifecycle notify`.")


def test_a_sunset_names_the_untold_and_waits_for_windows_of_those_whom_it_reaches() -> None:
    held = replace(LIFE, state=BROWNOUT, brownouts=((NOW, NOW + HOUR_S),))
    many = Facts(untold=tuple(f"user:{number}" for number in range(23)))
    [unmet] = unmet_for_sunset(held, many, END)
    assert (unmet.code, unmet.sentence) == (
        "notified",
        f"Not notified yet: {', '.join(f'user:{number}' for number in range(20))} and 3 more; run `lifecycle notify`.",
    )
    windows = replace(held, own_brownouts=(OwnWindow(IOS, END - 5, END + 5),))
    assert [one.code for one in unmet_for_sunset(windows, Facts(), END)] == ["brownouts-ahead"]
    assert unmet_for_sunset(replace(windows, extensions={IOS: END + 9}), Facts(), END) == []


def test_the_date_of_the_sunset_stays_behind_windows_of_those_whom_it_reaches() -> None:
    life = add_own_brownout(LIFE, IOS, (END - 9, END), NOW)
    with refused("sunset-too-early"):
        deprecate(life, END - 1, NOW)
    assert deprecate(extend(life, IOS, END + 9, NOW), END - 1, NOW).sunset_at == END - 1


def test_restoring_keeps_dated_extensions_and_windows_ahead_and_spares_nobody_any_more() -> None:
    life = extend(add_own_brownout(LIFE, IOS, (END - 9, END), NOW), ANNA, END + 9, NOW)
    gone = spare_untold(sunset(life, NOW + 5), ["user:1"], NOW + 5)
    assert restore(gone, NOW + 6) == life
    late = restore(gone, END + 1)
    assert (late.sunset_at, late.own_brownouts, late.extensions) == (None, (), {ANNA: END + 9})
    assert restore(restore(gone, NOW + 6), NOW + 7) == Life()


NAMES = st.sampled_from([IOS, ANNA, "client:app", "user:7"])
OFFSETS = st.integers(-5, 40)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Any life with rules for single consumers, made by the transitions alone."""
    life = sunset(LIFE, NOW) if draw(st.booleans()) else LIFE
    for name, at, length in draw(st.lists(st.tuples(NAMES, OFFSETS, st.integers(1, 20)), max_size=6)):
        until = NOW + at + draw(st.sampled_from([0, 90 * DAY_S]))
        step: Callable[[Life], Life] = draw(
            st.sampled_from(
                [
                    partial(extend, consumer=name, until=until, now=NOW),
                    partial(add_own_brownout, consumer=name, window=(NOW + at, NOW + at + length), now=NOW),
                    partial(end_extension, consumer=name),
                    partial(spare_untold, untold=[name], now=NOW),
                    partial(end_brownouts, now=NOW + at),
                ]
            )
        )
        try:
            life = step(life)
        except LifeError:
            continue
    return life


@given(lives(), OFFSETS, st.integers(0, 10_000), st.sampled_from([None, "1", "2"]), st.booleans())
def test_the_others_notice_nothing(life: Life, at: int, weight_bp: int, requested: str | None, is_gone: bool) -> None:
    """Whoever has neither an extension nor a window is answered as if nobody had."""
    plain, other = replace(life, extensions={}, own_brownouts=()), Identity("user", "8")
    own, general = (snapshot(one, weight_bp, is_stable_enabled=not is_gone) for one in (life, plain))
    assert choose(other, requested, own, NOW + at) == choose(other, requested, general, NOW + at)
    assert choose_pinned(1, own, NOW + at, other) == choose_pinned(1, general, NOW + at)
    assert life_from(dump_life(life)) == life


@given(lives(), OFFSETS, NAMES, st.integers(0, 10_000))
def test_v1_answers_a_consumer_if_it_is_extended_or_v1_is_there_and_no_window_runs(
    life: Life, at: int, name: str, weight_bp: int
) -> None:
    now, identity = NOW + at, parse_identity(name)
    is_there = life.state == DEPRECATED or is_extended(life, name, now)
    is_answered = isinstance(choose_pinned(1, snapshot(life, weight_bp), now, identity), Decision)
    assert is_answered == (is_there and running_own(life, name, now) is None)
    asked = choose(identity, "1", snapshot(life, weight_bp), now)
    assert isinstance(asked, Decision) == is_answered
    entrance = choose(identity, None, snapshot(life, weight_bp), now)
    assert isinstance(entrance, Decision)
    assert is_answered or entrance.api_version == 2
    if life.state != DEPRECATED:  # nothing is split any more, so nothing is evidence
        assert entrance.reason in (EXTENSION, "lifecycle_v1_gone", "lifecycle_brownout")
