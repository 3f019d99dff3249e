"""What is measured of which server, what is wanted of it, and how rounds are held against that. Knows nothing of servers."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

WORKLOAD: Final = "workload"
SIGNED: Final = ", with a token"
ANONYMOUS: Final = ("detail", "list", "tags")
NARROWED: Final = ("include", "tag", "date", "second")
PEERS: Final = ("drf", "ninja")
_WARM_AND_COLD: Final = ("v2 warm", "v2 cold", "v1", *PEERS)
ROWS: Final[Mapping[str, tuple[str, ...]]] = {
    # What is asked, and of which sides: v2 answers anonymous reads from memory when it is warm, never when it is cold.
    WORKLOAD: ("v2", *PEERS),
    "detail": (*_WARM_AND_COLD, "empty"),
    "list": _WARM_AND_COLD,
    "tags": _WARM_AND_COLD,
    "numbered list": ("drf",),
    "numbered tags": ("drf",),
    **dict.fromkeys(NARROWED, ("v2 cold", *PEERS)),
    "comments": ("v2 cold", "v1", *PEERS),
    **{f"{name}{SIGNED}": ("v2", *PEERS) for name in ("detail", "list", "include")},
    "search": ("v2 warm", "v2 cold", "v1", *PEERS),
    **dict.fromkeys(("comment", "create", "edit"), ("v2", *PEERS)),
}
LABELS: Final = {
    WORKLOAD: "**the workload**",
    "detail": "one post",
    "list": "list of 20 posts",
    "tags": "list of 100 tags",
    "numbered list": "list of 20 posts, counted",
    "numbered tags": "list of 100 tags, counted",
    "include": "list with authors and tags",
    "tag": "list by tag",
    "date": "list by date",
    "second": "second page",
    "comments": "comments of a post",
    "search": "search of a common word",
    "comment": "write a comment",
    "create": "create a post",
    "edit": "edit a post",
}
LOGINS_MAX: Final = 5
"""By what 24 logins at once may stretch the p50 of an anonymous read."""
LOGINS: Final = "p50 of a read beside 24 logins, to its quiet one"

type Place = tuple[str, str]
"""What is asked, and of which side."""


@dataclass(frozen=True)
class Measured:
    """What one side did in one round."""

    requests_per_s: float
    cpu_ms: float
    """Of the server's processes, user and system, a request."""
    database_ms: float
    """Of PostgreSQL's processes, a request."""
    p50_ms: float
    p99_ms: float
    refused: int = 0

    @property
    def whole_ms(self) -> float:
        return self.cpu_ms + self.database_ms


type Round = Mapping[Place, Measured]


@dataclass(frozen=True)
class Target:
    """How much more one side does than another: of requests a second, and of answers for the same processor time."""

    of: Place
    to: Place
    at_least: float | None = None


def _against_peers(row: str, side: str, drf: float | None = None, ninja: float | None = None) -> tuple[Target, ...]:
    return Target((row, side), (row, "drf"), drf), Target((row, side), (row, "ninja"), ninja)


TARGETS: Final = (
    *_against_peers(WORKLOAD, "v2", 3, 2),
    *(
        each
        for row, drf in zip(ANONYMOUS, (12, 20, 12), strict=True)
        for each in _against_peers(row, "v2 warm", drf, 6)
    ),
    *(each for row in (*ANONYMOUS, *NARROWED) for each in _against_peers(row, "v2 cold", 3, 1.5)),
    *(each for row in ("detail", "list", "include") for each in _against_peers(f"{row}{SIGNED}", "v2", 3, 1.5)),
    *(each for side in ("v2 warm", "v2 cold") for each in _against_peers("search", side, 2)),
    *_against_peers("comments", "v2 cold"),
    *(each for row in ("create", "edit") for each in _against_peers(row, "v2", 0.8)),
    *_against_peers("comment", "v2"),
    Target(("detail", "v2 warm"), ("detail", "empty"), 0.6),
    Target(("detail", "v1"), ("detail", "drf"), 1.2),
    Target(("list", "v1"), ("numbered list", "drf"), 1.2),
    Target(("tags", "v1"), ("numbered tags", "drf"), 1.2),
    Target(("search", "v1"), ("search", "drf"), 1.2),
    Target(("comments", "v1"), ("comments", "drf"), 1.2),
)


def spread(figures: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(figures), "least": min(figures), "greatest": max(figures)}


def judged(rounds: Sequence[Round], stretches: Sequence[float] = ()) -> list[dict[str, Any]]:
    """Each target that the rounds say something of. A ratio is taken inside its round, and both medians keep the bound."""
    found = []
    for target in TARGETS:
        if target.of in rounds[0] and target.to in rounds[0]:
            pairs = [(each[target.of], each[target.to]) for each in rounds]
            rates = spread([one.requests_per_s / other.requests_per_s for one, other in pairs])
            costs = spread([other.whole_ms / one.whole_ms for one, other in pairs])
            is_met = target.at_least is None or min(rates["median"], costs["median"]) >= target.at_least
            place = {"row": target.of[0], "side": target.of[1], "peer": target.to[1]}
            found.append(place | {"wanted": target.at_least, "rate": rates, "cost": costs, "met": is_met})
    if stretches:
        seen = spread(stretches)
        is_met = seen["median"] <= LOGINS_MAX
        found.append({"row": LOGINS, "side": "v2", "peer": "", "at_most": LOGINS_MAX, "rate": seen, "met": is_met})
    return found


def rows_of(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """The medians of each side."""
    figures: dict[str, Callable[[Measured], float]] = {
        "requests_per_s": lambda one: one.requests_per_s,
        "cpu_ms": lambda one: one.cpu_ms,
        "database_ms": lambda one: one.database_ms,
        "p50_ms": lambda one: one.p50_ms,
        "p99_ms": lambda one: one.p99_ms,
    }
    return [
        {"row": row, "side": side}
        | {name: statistics.median(figure(each[row, side]) for each in rounds) for name, figure in figures.items()}
        for row, side in rounds[0]
    ]
