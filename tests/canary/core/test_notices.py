"""Notices: which change is one, its words, and when the same is not told again."""

from typing import Any

import pytest

from canary.core.notices import Change, is_repeated, notice_of

HOUR_S = 3_600.0


def change(verb: str, before: int = 1_000, after: int = 1_000, at: float = 0.0, **more: Any) -> Change:
    rows: dict[str, Any] = {"before": {"weight_bp": before}, "after": {"weight_bp": after, **more.pop("row", {})}}
    return Change(7, at, verb, "controller", "Because.", **rows, **more)


@pytest.mark.parametrize(
    ("told", "title", "level"),
    [
        (change("set", 1_000, 5_000), "v2 10 % → 50 %: step taken. Nothing to do.", "success"),
        (change("set", 5_000, 1_000), "v2 50 % → 10 %: share lowered. Nothing to do.", "success"),
        (change("rollback", 5_000, 0), "v2 50 % → 0 %: rolled back. Repair v2, then run `canary ack`.", "failure"),
        (change("hold"), "v2 at 10 %: held. Read the reason, then repair v2 or wait.", "warning"),
        (
            change("unguarded"),
            "v2 at 10 %: no controller. Start one: `manage.py run_canary_controller`.",
            "failure",
        ),
        (
            change("request", row={"request": {"weight_bp": 2_500}}),
            "v2 at 10 %: 25 % is requested. Somebody else runs `canary approve` or `canary reject`.",
            "warning",
        ),
        (
            change("request", row={"request": {"verb": "lifecycle sunset", "weight_bp": 1_000}}),
            "v2 at 10 %: the sunset of v1 is requested. Somebody else runs `canary lifecycle sunset` or `canary reject`.",
            "warning",
        ),
        (
            change("request", 0, 0, row={"request": {"verb": "crossover start", "weight_bp": 0}}),
            "v2 at 0 %: a crossover is requested. Somebody else runs `canary approve` or `canary reject`.",
            "warning",
        ),
        (
            change("crossover start", 0, 0, row={"crossover": {"verdict": None}}),
            "v2 at 0 %: a crossover begins. Nothing to do: it ends by itself.",
            "info",
        ),
        (
            change("crossover end", 0, 0, row={"crossover": {"verdict": "pass"}}),
            "v2 at 0 %: the crossover found no harm. Start a plan: `canary start`.",
            "info",
        ),
        (
            change("crossover end", 0, 0, row={"crossover": {"verdict": "no_data"}}),
            "v2 at 0 %: the crossover saw too little. Name other consumers, or give it longer periods.",
            "info",
        ),
        (
            change("crossover stop", 0, 0, row={"crossover": {"verdict": "stopped"}}),
            "v2 at 0 %: the crossover was stopped. Nothing to do.",
            "info",
        ),
        (change("guarded"), "v2 at 10 %: a controller runs again. Nothing to do.", "success"),
        (
            change("lifecycle sunset", row={"lifecycle": {"state": "SUNSET"}}),
            "v2 at 10 %: v1 is sunset. Nothing to do.",
            "info",
        ),
    ],
)
def test_a_notice_begins_with_the_number_and_the_next_action(told: Change, title: str, level: str) -> None:
    notice = notice_of(told, "https://cms.example/admin/canary/")
    assert (notice.title, notice.level) == (title, level)
    assert notice.body.splitlines() == [
        "Because.",
        f"{told.verb} by controller, revision 7.",
        "https://cms.example/admin/canary/",
    ]
    assert notice_of(told, "").body.count("\n") == 1


def test_changes_that_move_nobody_are_no_notice() -> None:
    assert [change(verb).kind for verb in ("pause", "ack", "allow add", "build")] == [None] * 4


def test_the_same_is_told_again_only_after_the_quiet_time() -> None:
    events = [change("hold", at=n * 0.4 * HOUR_S) for n in range(8)]
    told = [not is_repeated(one, events[:n], HOUR_S) for n, one in enumerate(events)]
    assert told == [True, False, False, True, False, False, True, False]


def test_a_step_that_a_rollback_has_undone_is_told_again() -> None:
    step, again = change("set", 0, 9_000), change("set", 0, 9_000, at=600.0)
    between = [change("rollback", 9_000, 0, at=200.0), change("ack", 0, 0, at=400.0)]
    assert not is_repeated(again, [step, *between], HOUR_S)


def test_a_hold_is_told_again_once_the_weight_has_changed_meanwhile() -> None:
    held, again = change("hold"), change("hold", at=600.0)
    assert is_repeated(again, [held, change("pause", at=300.0)], HOUR_S)
    assert not is_repeated(again, [held, change("set", 1_000, 0, at=200.0), change("set", 0, 1_000, at=300.0)], HOUR_S)


def test_another_cause_and_a_rollback_are_told_at_once() -> None:
    first = change("hold", evidence={"reason": "gate"})
    assert is_repeated(change("hold", evidence={"reason": "gate"}), [first], HOUR_S)
    assert not is_repeated(change("hold", evidence={"reason": "finding"}), [first], HOUR_S)
    assert not is_repeated(change("hold", 5_000, 5_000, evidence={"reason": "gate"}), [first], HOUR_S)
    assert not is_repeated(change("rollback", 5_000, 0), [change("rollback", 5_000, 0)], HOUR_S)
