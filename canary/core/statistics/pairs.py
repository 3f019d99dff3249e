"""Is v2 worse on the same request? Sign tests on pairs: both versions answered it from one snapshot.

A vote of a pair is against v2 or not. While v2 is no worse, the chance of a vote against it is at most a half, given
all earlier votes: a coin draws the order, and versions that are alike could have changed names. So a bet on votes
against v2 gains nothing on average, at every look (coins: Shafer 2021, doi:10.1111/rssa.12647; pairs: McNemar 1947;
unknown onset: arXiv:2203.03532). ADR 33 has the proofs.
"""

import math
from collections import deque
from hashlib import blake2b
from typing import Any, Final

from canary.core.statistics.bets import log_mean_exp, log_weighted

LEANINGS: Final = (0.6, 0.75, 0.9, 0.97)
"""The chances of a vote against v2 that are bet on. Each has a quarter of the capital."""
AMONG: Final = 5
"""So many votes in a row on a route come from different users, so that nobody makes a route slow alone."""
MAX_ROUTES: Final = 200
MAX_VOTERS: Final = 100_000


class SignTest:
    """Evidence from votes that are rare while nothing is wrong: each of them shifts the capital of all bets."""

    def __init__(self) -> None:
        self.against = self.others = 0

    @property
    def log_e(self) -> float:
        return log_mean_exp([self.against * math.log(2 * q) + self.others * math.log(2 * (1 - q)) for q in LEANINGS])

    def take(self, is_against: bool) -> None:
        self.against += is_against
        self.others += not is_against


class LateSignTest:
    """The same for harm that may begin late: another bet is laid before every vote, from a part of the capital.

    Before vote t the part is 1 / (t (t + 1)). So 1 / (t + 1) is left for later, and all parts sum to 1. Good votes
    before the onset ruin the bets that were laid by then, and not the later ones.
    """

    def __init__(self) -> None:
        self.votes = self.against = 0
        self.logs = [-math.inf] * len(LEANINGS)
        """The logarithms of the capital of the bets on each leaning, of all beginnings together."""

    @property
    def log_e(self) -> float:
        return log_weighted([(1 / len(LEANINGS), log) for log in self.logs] + [(1.0, -math.log1p(self.votes))])

    def take(self, is_against: bool) -> None:
        self.votes += 1
        self.against += is_against
        laid = -math.log(self.votes) - math.log1p(self.votes)
        self.logs = [
            _log_sum(log, laid) + math.log(2 * q if is_against else 2 * (1 - q))
            for log, q in zip(self.logs, LEANINGS, strict=True)
        ]


class RouteTimes:
    """The votes of one route on "v2 takes longer than v1 by more than is tolerated"."""

    def __init__(self) -> None:
        self.test = LateSignTest()
        self.voters: deque[int] = deque(maxlen=AMONG - 1)

    def take(self, voter: int, is_against: bool) -> None:
        self.voters.append(voter)
        self.test.take(is_against)


class Turns:
    """Who has voted: each voter may once in a stage, or once in the release."""

    def __init__(self) -> None:
        self._in_release: dict[int, None] = {}
        self._in_stage: dict[int, None] = {}

    def begin(self) -> None:
        self._in_stage.clear()

    def take(self, voter: int, *, is_last: bool) -> bool:
        """Return whether the voter still had a vote, and use it up, for the whole release if it `is_last`.

        When no more voters fit, neither votes against v2 nor others do: the rest must not lean to one side.
        """
        is_full = len(self._in_release) + len(self._in_stage) >= MAX_VOTERS
        if is_full or voter in self._in_release or voter in self._in_stage:
            return False
        (self._in_release if is_last else self._in_stage)[voter] = None
        return True

    def dump(self) -> list[list[int]]:
        return [[*self._in_release], [*self._in_stage]]

    @classmethod
    def load(cls, tree: list[list[int]]) -> "Turns":
        turns = cls()
        turns._in_release, turns._in_stage = map(dict.fromkeys, tree)
        return turns


class PairTests:
    """The evidence of a release's pairs. It is of requests and not of arms, so that it goes on from stage to stage."""

    def __init__(self) -> None:
        self.errors = SignTest()
        self.routes: dict[str, RouteTimes] = {}
        """In the order of their first votes, by which their parts of the capital are fixed."""
        self._users, self._networks, self._timed = Turns(), Turns(), Turns()
        """Who has voted on errors, of users and of networks of unknown people, and which of these networks on times."""

    def begin(self) -> None:
        """Begin a new stage: a network of unknown people has a vote again."""
        self._networks.begin()
        self._timed.begin()

    def take_error(self, voter: int, is_trusted: bool, is_against: bool) -> None:
        """Take an error of one version alone. A user has one vote, a network of unknown people one in a stage."""
        turns = self._users if is_trusted else self._networks
        if turns.take(voter, is_last=is_trusted):
            self.errors.take(is_against)

    def take_time(self, route: str, voter: int, is_trusted: bool, is_against: bool) -> None:
        """Take a vote on time. A network of unknown people has one a route and stage; one against v2 is its last.

        Anybody can choose a request on which v2 takes longer, and repeat it.
        """
        times = self.routes.get(route)
        if times is None:
            if len(self.routes) >= MAX_ROUTES:
                return
            times = self.routes[route] = RouteTimes()
        if voter in times.voters:
            return
        if is_trusted or self._timed.take(_number_of(route, voter), is_last=is_against):
            times.take(voter, is_against)

    @property
    def log_e_of_times(self) -> float:
        """Return the evidence of all routes. The k-th one has 1 / (k (k + 1)) of the capital; the rest lies idle."""
        parts = [(1 / (k * (k + 1)), times.test.log_e) for k, times in enumerate(self.routes.values(), start=1)]
        return log_weighted([*parts, (1 / (len(self.routes) + 1), 0.0)])

    def dump(self) -> dict[str, Any]:
        return {
            "errors": [self.errors.against, self.errors.others],
            "users": self._users.dump(),
            "networks": self._networks.dump(),
            "timed": self._timed.dump(),
            "routes": [
                [route, times.test.votes, times.test.against, _finite(times.test.logs), [*times.voters]]
                for route, times in self.routes.items()
            ],
        }

    @classmethod
    def load(cls, tree: dict[str, Any]) -> "PairTests":
        tests = cls()
        tests.errors.against, tests.errors.others = tree["errors"]
        tests._users, tests._networks, tests._timed = (
            Turns.load(tree[name]) for name in ("users", "networks", "timed")
        )
        for route, votes, against, logs, voters in tree["routes"]:
            times = tests.routes[route] = RouteTimes()
            times.test.votes, times.test.against = votes, against
            times.test.logs = logs or [-math.inf] * len(LEANINGS)
            times.voters.extend(voters)
        return tests


def _number_of(route: str, voter: int) -> int:
    return int.from_bytes(blake2b(f"{voter} {route}".encode(), digest_size=8).digest())


def _log_sum(one: float, other: float) -> float:
    """Return the logarithm of the sum of two numbers whose logarithms are given; the first may be minus infinity."""
    low, high = sorted((one, other))
    return high + math.log1p(math.exp(low - high))


def _finite(logs: list[float]) -> list[float]:
    """Leave out the logarithms of tests without a vote, because JSON has no infinity."""
    return logs if math.isfinite(logs[0]) else []
