"""What happens once in thousands of releases: the same users, of whom no more is drawn than when each fails first.

Each failing request of a Poisson process is one of a thinner Poisson process, so that the first one comes after an
exponential time, and the others needn't be drawn. Latency is left out: its evidence stays 1, which a faster v2 has less of.
"""

import random

from canary.core.statistics import Evidence
from canary.core.statistics.observed import Observed
from tests.simulation.population import ROUTES, STAGE_MIN, STAGES_BP, Truth, User, draw_users


def rolled_back(truth: Truth, runs: int, seed: str, *, size: int = 2_000) -> int:
    """How many of the releases, looked at after every event, are rolled back."""
    return sum(_is_rolled_back(random.Random(f"{seed} {number}"), truth, size) for number in range(runs))


def _is_rolled_back(rng: random.Random, truth: Truth, size: int) -> bool:
    seen = [pair for user in draw_users(rng, size) for pair in _first_failures(rng, truth, user)]
    evidence = Evidence.fresh()
    for _, observed in sorted(seen, key=lambda pair: pair[0]):
        evidence.take(observed)
    return evidence.comparison.is_alarm


def _first_failures(rng: random.Random, truth: Truth, user: User) -> list[tuple[float, Observed]]:
    found = []
    for stage, weight_bp in enumerate(STAGES_BP):
        on_v2 = user.bucket < weight_bp
        for metric, chance, ratio in (
            ("error", user.failing, truth.errors),
            ("refusal", user.refused, truth.refusals),
        ):
            rate = user.rate * min(1.0, chance * (ratio if on_v2 else 1.0))
            after = rng.expovariate(rate) if rate > 1e-9 else STAGE_MIN
            if after < STAGE_MIN:
                seen = Observed(stage, weight_bp, user.unit, 1 + on_v2, metric, ROUTES[0])
                found.append((stage * STAGE_MIN + after, seen))
    return found
