"""Made-up releases of identical versions whose owners have many keys, each key with a bucket of its own."""

import random
from collections.abc import Sequence
from typing import Final, NamedTuple

from canary.core.statistics import Evidence, Observed

STAGES_BP: Final = (1_000, 5_000, 9_000)
REQUESTS: Final = 6
"""Of an owner in a stage."""


class Owner(NamedTuple):
    name: str
    buckets: tuple[int, ...]
    """Of its keys."""
    failing: float
    """The share of its requests that fail, on either version."""
    slowness: float


def draw_owners(rng: random.Random, size: int, most: Sequence[int], failing: float) -> list[Owner]:
    """In turn they have at most so many keys as `most` says; a fifth of them fail often, the others by `failing`."""
    return [
        Owner(
            f"owner {number}",
            tuple(rng.randrange(10_000) for _ in range(rng.randint(1, most[number % len(most)]))),
            0.3 if number % 5 == 0 else failing,
            rng.gauss(3.0, 0.5),
        )
        for number in range(size)
    ]


def observations_of(rng: random.Random, owners: list[Owner]) -> list[Observed]:
    """As recorders write them: each key once a stage and metric. The requests of a stage come in any order."""
    found = []
    for stage, weight_bp in enumerate(STAGES_BP):
        requests = [owner for owner in owners for _ in range(REQUESTS)]
        rng.shuffle(requests)
        noted = set()
        for owner in requests:
            key = rng.randrange(len(owner.buckets))
            on_v2 = owner.buckets[key] < weight_bp
            latency = owner.slowness + rng.gauss(0.0, 0.3)
            for metric in ("seen", "error" if rng.random() < owner.failing else "latency"):
                if (owner.name, key, metric) not in noted:
                    noted.add((owner.name, key, metric))
                    seen = Observed(stage, weight_bp, owner.name, 1 + on_v2, metric, "GET /posts", latency)
                    found.append(seen._replace(identity=f"{owner.name} key {key}"))
    return found


def draw_release(seed: str, size: int = 150, most: Sequence[int] = (1, 5, 50), failing: float = 0.01) -> list[Observed]:
    rng = random.Random(seed)
    return observations_of(rng, draw_owners(rng, size, most, failing))


def is_alarm(observations: list[Observed]) -> bool:
    """Looked at after every observation, as the peak does."""
    evidence = Evidence.fresh("a test")
    for observed in observations:
        evidence.take(observed)
    return evidence.comparison.is_alarm or evidence.sample_ratio.is_broken
