"""Which fault hits what and when: a pure function of the seed, so that a run can be repeated."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

CLOCKS: Final = ("web-1", "web-2", "worker", "controller")
KILLED: Final = (
    *("web-1", "worker", "postgres", "controller", "web-1 child", "web-2"),
    *("worker-2", "postgres backend", "web-2 child"),
)
KILL: Final = "kill"
FULL_LENGTH_S: Final = 180.0
"""A run of this length has time for faults that last as long as they should."""
FIRST_AT_S, QUIET_END_S = 3.0, 6.0
KILL_EVERY_S: Final = (3.0, 9.0)
PAUSE_S: Final = (2.0, 4.0)
SHORT_PAUSE_S: Final = (0.5, 1.5)


@dataclass(frozen=True)
class Kind:
    """`lasts_s` is in a run of full length, `short_s` in a short one; `takes_s` what beginning and ending it take."""

    name: str
    lane: str
    """Faults of one lane come one after the other."""
    targets: tuple[str, ...]
    lasts_s: float
    short_s: float
    takes_s: float = 1.0
    shields: frozenset[str] = field(default_factory=frozenset)
    """What is not killed meanwhile."""


KINDS: Final = (
    Kind("disk-database", "stores", ("postgres",), 8, 4),
    Kind("disk-media", "stores", ("media",), 6, 3),
    Kind("disk-backup", "backups", ("backups",), 0, 0, takes_s=60),
    Kind("failover", "stores", ("postgres",), 5, 2, takes_s=6, shields=frozenset({"postgres", "postgres backend"})),
    Kind("redis-empty", "stores", ("redis",), 6, 3),
    Kind("clock-ahead", "processes", CLOCKS, 8, 4),
    Kind("clock-behind", "processes", CLOCKS, 8, 4),
    Kind("idle", "processes", ("nginx", "web-1"), 10, 4, takes_s=2),
    Kind("stop", "stops", ("worker-2",), 30, 12, takes_s=15, shields=frozenset({"worker-2"})),
)
NAMES: Final = (KILL, *(kind.name for kind in KINDS))


@dataclass(frozen=True, order=True)
class Planned:
    at_s: float
    lane: str
    fault: str
    target: str
    lasts_s: float

    @property
    def part(self) -> str:
        """The part of the site that it has in hand: a process may be killed while its disk is full or its clock wrong."""
        name = self.target.partition(" ")[0]
        return f"{self.fault} {name}" if self.fault.startswith(("disk-", "clock-", "idle")) else name

    def __str__(self) -> str:
        lasts = f" for {self.lasts_s:g} s" if self.lasts_s else ""
        return f"{self.at_s:6.1f} s  {self.fault} {self.target}{lasts}"


def plan(seed: int, duration_s: float, names: Sequence[str] = NAMES) -> list[Planned]:
    """What happens within `duration_s`, in its order. The same arguments give the same plan in every process."""
    kinds = [kind for kind in KINDS if kind.name in names]
    planned: list[Planned] = []
    for lane in dict.fromkeys(kind.lane for kind in kinds):
        rng = random.Random(f"{seed} {lane}")
        planned += _lane([kind for kind in kinds if kind.lane == lane], duration_s, rng)
    kills = _kills(planned, kinds, duration_s, random.Random(f"{seed} {KILL}")) if KILL in names else ()
    return sorted([*planned, *kills])


def _lane(kinds: list[Kind], duration_s: float, rng: random.Random) -> Iterator[Planned]:
    is_full = duration_s >= FULL_LENGTH_S
    pause_s = PAUSE_S if is_full else SHORT_PAUSE_S
    at_s = FIRST_AT_S + rng.uniform(*pause_s)
    for kind, target in _dealt(kinds, rng):
        lasts_s = kind.lasts_s if is_full else kind.short_s
        if at_s + lasts_s + QUIET_END_S > duration_s:
            return
        yield Planned(round(at_s, 1), kind.lane, kind.name, target, lasts_s)
        at_s += lasts_s + kind.takes_s + rng.uniform(*pause_s)


def _dealt(kinds: list[Kind], rng: random.Random) -> Iterator[tuple[Kind, str]]:
    """Without end: each kind once, then the other targets of each, and all over again."""
    while True:
        first = [(kind, rng.choice(kind.targets)) for kind in kinds]
        rest = [(kind, target) for kind in kinds for target in kind.targets if (kind, target) not in first]
        rng.shuffle(first)
        rng.shuffle(rest)
        yield from (*first, *rest)


def _kills(others: list[Planned], kinds: list[Kind], duration_s: float, rng: random.Random) -> Iterator[Planned]:
    """At random moments without a pause: those that no fault shields come again while the others wait for their turn."""
    at_s, waiting = FIRST_AT_S, list(KILLED)
    while (at_s := at_s + rng.uniform(*KILL_EVERY_S)) + QUIET_END_S < duration_s:
        shielded = _shielded(others, kinds, at_s)
        if shielded.issuperset(waiting):
            waiting += [name for name in rng.sample(KILLED, len(KILLED)) if name not in waiting]
        target = next(name for name in waiting if name not in shielded)
        waiting.remove(target)
        yield Planned(round(at_s, 1), KILL, KILL, target, 0)


def _shielded(others: list[Planned], kinds: list[Kind], at_s: float) -> set[str]:
    by_name = {kind.name: kind for kind in kinds}
    found: set[str] = set()
    for one in others:
        kind = by_name[one.fault]
        if one.at_s - 1 <= at_s <= one.at_s + one.lasts_s + kind.takes_s:
            found |= kind.shields
    return found
