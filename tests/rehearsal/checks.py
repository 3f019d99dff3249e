"""What has to be true of every round, whatever was wrong with v2 in it."""

import math
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.rehearsal.load import Answer, Load
from tests.rehearsal.site import RehearsalError, Site
from tests.stalls import stalled_s

SERVED_WITHIN_S = 2.0
Z_95 = 1.96
ERRORS_MAX = 5.0
"""Of a look chosen by chance fewer than one in a million is further off. That at which the evidence is reached is chosen for
being high: so five, where 1.96 are usual. With a tenth of 50 users on v2, 2.7 times was seen (1.8 to 4 by the usual bounds)."""


@dataclass(frozen=True)
class Span:
    """A ramp: from its start to the change that ends it, in unix seconds."""

    began_at: float
    ended_at: float

    def __contains__(self, moment: float) -> bool:
        return self.began_at <= moment < self.ended_at


def check(is_so: object, sentence: str) -> None:
    """Raises RehearsalError with the sentence, which says what should be."""
    if not is_so:
        raise RehearsalError(f"This should be so: {sentence}.")


def check_sentence(sentence: str, *parts: str) -> None:
    for part in parts:
        check(part in sentence, f"{part!r} stands in {sentence!r}")


def check_is_among(real: float, effect: Mapping[str, float]) -> None:
    """The real ratio lies within ERRORS_MAX standard errors of the estimated one, whose bounds are those of 95 %."""
    ratio, wider = effect["ratio"], ERRORS_MAX / Z_95
    low, high = (ratio * (effect[bound] / ratio) ** wider for bound in ("low", "high"))
    check(low < real < high, f"{ratio:.2f} times is an estimate of {real:g} times ({low:.2f} to {high:.2f})")


def check_rolled_back(status: dict[str, Any]) -> None:
    check(status["weight_bp"] == 0 and status["latched"] and status["plan"] is None, "v2 has 0 %, latched, no plan")


def check_chain(site: Site) -> int:
    """How many events there are."""
    chain = site.canary("history", "--verify")["chain"]
    check(chain["is_whole"], "the event log is whole")
    return int(chain["events"])


def check_nobody_goes_back(answers: Iterable[Answer], span: Span, failing: float = 0.0) -> tuple[int, int]:
    """How many users there were in the ramp, and how many of them came to v2.

    `failing` is the share of v2's answers that are planted to fail: v1 answers such reads in its place.
    """
    latest: dict[int, int] = defaultdict(int)
    later = back = 0
    for answer in within(answers, span):
        known = latest[answer.user]
        later, back = later + (known == 2), back + (answer.version < known)
        latest[answer.user] = max(known, answer.version)
    expected = failing * later
    check(
        back <= expected + ERRORS_MAX * math.sqrt(expected),
        f"users stay on v2, and {back} of {later} answers were v1's",
    )
    return len(latest), sum(version == 2 for version in latest.values())


def check_answered_by(version: int, answers: Iterable[Answer], span: Span) -> int:
    """From SERVED_WITHIN_S after the change on everybody gets this version; how many requests that were."""
    late = [answer for answer in within(answers, span) if passed_s(span.began_at, answer.asked_at) > SERVED_WITHIN_S]
    check(late, "somebody asks after a change")
    check({answer.version for answer in late} == {version}, f"v{version} answers all {len(late)} requests")
    return len(late)


def passed_s(since: float, until: float) -> float:
    """Between these unix seconds, without what the machine stood still."""
    return until - since - stalled_s(since, until)


def check_load(load: Load, is_planted: Callable[[Answer], bool]) -> None:
    """Every request was answered, and well, unless its failure was planted."""
    for answer in (*load.unanswered, *load.answers):
        check(is_good(answer) or is_planted(answer), f"{answer} is a success")


def is_good(answer: Answer) -> bool:
    return answer.status in (200, 201)


def share_good(load: Load, users: Container[int], span: Span) -> float:
    """Of what these users asked in the span."""
    asked = [one for one in (*load.unanswered, *load.answers) if one.user in users and one.asked_at in span]
    check(asked, "somebody asks")
    return sum(is_good(one) for one in asked) / len(asked)


def within(answers: Iterable[Answer], span: Span) -> list[Answer]:
    return [one for one in answers if one.asked_at > span.began_at and one.answered_at < span.ended_at]


def overlaps(answer: Answer, span: Span) -> bool:
    return answer.answered_at > span.began_at and answer.asked_at < span.ended_at
