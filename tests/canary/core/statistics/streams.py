"""Short streams of observations, in a notation that tests can be read in."""

from collections.abc import Iterable
from typing import Any

from canary.core.statistics import Evidence, Observed

WEIGHT_BP = 1_000


def seen(metric: str, unit: object, api_version: int, **changes: Any) -> Observed:
    """At 10 % in stage 1, of an authenticated unit, unless said otherwise."""
    values = {"stage": 1, "weight_bp": WEIGHT_BP, "route": "GET /posts", **changes}
    return Observed(unit=str(unit), api_version=api_version, metric=metric, **values)


def evidence_of(observations: Iterable[Observed]) -> Evidence:
    evidence = Evidence.fresh("a test")
    for observed in observations:
        evidence.take(observed)
    return evidence
