"""Breakers about failed answers: total failure, the declared limit, and harm that v2 does to both versions."""

from collections.abc import Sequence
from typing import Any, Final

from canary.core.breakers.answers import (
    MINUTE_S,
    Count,
    Minute,
    Share,
    Span,
    by_unit,
    failed_over_by_unit,
    mean_share,
    mean_without_highest,
    share_of,
)
from canary.core.breakers.limits import Limits
from canary.core.judgements import Stage, Trip
from canary.core.shares import lower_limit, upper_limit
from canary.core.values import CANDIDATE, STABLE
from canary.core.wording import duration, share, users

WINDOW_S: Final = 300
FURTHEST_S: Final = 1_800
"""How far back total failure looks for the answers it needs, for few clients send few requests."""
LEAST_ANSWERS: Final = 10
ALIKE: Final = 0.5
"""v1 fails like v2 when it fails at least half as much: a rollback would not end an outage of both."""
QUARTER_S: Final = 900
LEAST_FAILING: Final = 3
ERROR: Final = 0.001
"""The chance that a lower limit is too high. It is looked at again and again while its window moves on."""
STABLE_ERROR: Final = 0.05
ONSET_S: Final = 120
"""Harm by v2's load begins with the load. An outage that begins by chance seldom does so this soon after a step."""
LEAST_BEFORE: Final = 10
ALONE_S: Final = 45
"""So long into a stage nothing is concluded from one user alone: the others haven't had the time to come."""
_ROUNDING: Final = 1e-9


def total_failure(minutes: Sequence[Minute], stage: Stage, limits: Limits, now: float) -> Trip | None:
    """Trip when v2 fails nearly everybody who uses it, by as few as ten answers."""
    span, of_v2 = _latest_answers(minutes, now)
    if len(of_v2) == 1 and now - stage.started_at < ALONE_S:
        return None
    failed, of_v1 = mean_share(of_v2), mean_share(by_unit(minutes, span, (STABLE,)))
    if sum(count.answers for count in of_v2.values()) < LEAST_ANSWERS or failed < limits.total_failure - _ROUNDING:
        return None
    if of_v1 >= ALIKE * failed or _fails_on_v1_too(minutes, span):
        return None
    answers, failures = (sum(column) for column in zip(*of_v2.values(), strict=True))
    sentence = (
        f"v2 fails totally: in the last {duration(now - span.start_s)} {failures} of {answers} answers to "
        f"{users(len(of_v2))} failed, {share(failed)} with every user counted alike, on v1 {share(of_v1)} "
        f"(rule: {100 * limits.total_failure:g} % or more of at least {LEAST_ANSWERS} answers, and v1 fails less than "
        "half as much)"
    )
    numbers = {"answers": answers, "failures": failures, "units": len(of_v2), "share": failed, "share_v1": of_v1}
    return Trip("total_failure", sentence, numbers)


def _latest_answers(minutes: Sequence[Minute], now: float) -> tuple[Span, dict[str, Count]]:
    """Return the answers to the users of v2 in the last window; of a longer time where these are too few."""
    present = by_unit(minutes, Span(now - WINDOW_S), (CANDIDATE,))
    for length_s in range(WINDOW_S, FURTHEST_S + 1, WINDOW_S):
        span = Span(now - length_s)
        found = {unit: count for unit, count in by_unit(minutes, span, (CANDIDATE,)).items() if unit in present}
        if sum(count.answers for count in found.values()) >= LEAST_ANSWERS:
            break
    return span, found


def declared_limit(
    minutes: Sequence[Minute], before: Sequence[Minute], stage: Stage, limits: Limits, now: float
) -> Trip | None:
    """Trip when more of v2's users have a failed answer than was declared, and than have one on v1.

    `before` is of the quarter of an hour before the stage began: v1's share where nobody is on v1 any more.
    """
    span = Span(now - QUARTER_S)
    of_v2, of_v1 = share_of(minutes, span, CANDIDATE), share_of(minutes, span, STABLE)
    low = lower_limit(of_v2.failing, of_v2.units, ERROR)
    if of_v2.failing < LEAST_FAILING or low <= limits.max_errors or _fails_on_v1_too(minutes, span):
        return None
    if not stage.has_control:
        of_v1 = share_of(before, Span(0), STABLE)
    if low <= (upper_limit(of_v1.failing, of_v1.units, STABLE_ERROR) if of_v1.units else 0.0):
        return None
    rule = "and above v1's upper 95 % limit" if stage.has_control else "and above v1's upper 95 % limit before the step"
    sentence = (
        f"more of v2's users fail than the declared {share(limits.max_errors)}: in the last 15 min {_of(of_v2)} "
        f"had a failed answer, {share(low)} at least, on v1 {_of(of_v1)} "
        f"(rule: the lower {100 * (1 - ERROR):g} % limit is above the declared one {rule})"
    )
    return Trip("declared_limit", sentence, {"low": low, "limit": limits.max_errors, **_numbers(of_v2, of_v1)})


def _fails_on_v1_too(minutes: Sequence[Minute], span: Span) -> bool:
    """Return whether v1, asked for the reads that v2 failed, fails them as well: an outage shows so at 100 %, too.

    Only where the reads speak for what fails: half of the users with a failed answer were answered by v1 instead. One
    user among others does not show an outage: a single read that is broken on both versions would hide v2's harm.
    """
    of_v2, again = by_unit(minutes, span, (CANDIDATE,)), failed_over_by_unit(minutes, span)
    failing = sum(count.failures > 0 for count in of_v2.values())
    return bool(again) and 2 * len(again) >= failing and mean_without_highest(again) >= ALIKE * mean_share(of_v2)


def shared_harm(
    minutes: Sequence[Minute], before: Sequence[Minute], stage: Stage, limits: Limits, now: float
) -> Trip | None:
    """Trip when both versions fail since the step, and did not before it: v2 harms v1 by its load.

    Judged by the first quarter of an hour of a stage. The harm must be there from the first two minutes on.
    """
    start_s = stage.started_at - stage.started_at % MINUTE_S
    if not stage.has_control or not start_s + QUARTER_S <= now < start_s + 2 * QUARTER_S:
        return None
    quarter = Span(start_s, start_s + QUARTER_S)
    of_v2, of_v1 = share_of(minutes, quarter, CANDIDATE), share_of(minutes, quarter, STABLE)
    lows = [lower_limit(found.failing, found.units, ERROR) for found in (of_v2, of_v1)]
    if min(lows) <= limits.max_errors or min(of_v2.failing, of_v1.failing) < LEAST_FAILING:
        return None
    windows = (Span(start_s + begin_s, start_s + begin_s + WINDOW_S) for begin_s in range(0, QUARTER_S, WINDOW_S))
    if any(share_of(minutes, window).value <= limits.max_errors for window in windows):
        return None
    if not _begins_with(start_s, minutes, limits):
        return None
    earlier, *latest = (share_of(before, Span(stage.started_at - ago_s)) for ago_s in (QUARTER_S, WINDOW_S, MINUTE_S))
    if earlier.units < LEAST_BEFORE or max(found.value for found in (earlier, *latest)) > limits.max_errors:
        return None
    sentence = (
        f"both versions have failed since the step: in its first 15 min {_of(of_v2)} on v2 and {_of(of_v1)} on v1 had "
        f"a failed answer, in the 15 min before it {_of(earlier)} (rule: both lower {100 * (1 - ERROR):g} % limits are "
        f"above the declared {share(limits.max_errors)}, from the first two minutes on, and it was less before)"
    )
    numbers = {"limit": limits.max_errors, "units_before": earlier.units, "failing_before": earlier.failing}
    return Trip("shared_harm", sentence, numbers | {"low": min(lows)} | _numbers(of_v2, of_v1))


def _begins_with(start_s: float, minutes: Sequence[Minute], limits: Limits) -> bool:
    """Return whether the first two minutes fail more than the limit, and hardly less than the next two."""
    first, second = (
        share_of(minutes, Span(begin_s, begin_s + ONSET_S)).value for begin_s in (start_s, start_s + ONSET_S)
    )
    return first > limits.max_errors and first >= ALIKE * second


def _of(found: Share) -> str:
    return f"{found.failing} of {users(found.units)} ({share(found.value)})"


def _numbers(of_v2: Share, of_v1: Share) -> dict[str, Any]:
    return {
        "units": of_v2.units,
        "failing": of_v2.failing,
        "units_v1": of_v1.units,
        "failing_v1": of_v1.failing,
    }
