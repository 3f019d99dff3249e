"""Made-up names whose version was looked up before: anybody can send those on v2 alone."""

from collections.abc import Iterator

import pytest

from canary.core.statistics import Observed
from canary.core.statistics.bets import LOG_THRESHOLD
from tests.canary.core.statistics.streams import evidence_of, seen


@pytest.mark.parametrize("metric", ["seen", "refusal", "latency"])
@pytest.mark.parametrize("who", [{"is_authenticated": False}, {"is_chosen": True}], ids=["made-up", "a key of many"])
def test_names_that_were_looked_up_before_tell_nothing_that_needs_a_side_by_chance(
    metric: str, who: dict[str, bool]
) -> None:
    """From 200 networks, all on v2, with dear requests or such as either version refuses: neither is a fault of v2."""
    users = [one for n in range(60) for one in of_user(n)]
    chosen = who | {"value": 9.0}
    names = (seen(metric, f"of {n}", 2, network=f"{n}", **chosen) for n in range(200))
    evidence = evidence_of([*users, *names])
    assert not evidence.comparison.is_alarm
    assert not evidence.sample_ratio.is_broken
    assert evidence.comparison.refusals.peak < LOG_THRESHOLD
    vouched = chosen | {"is_authenticated": True, "is_chosen": False}
    of_accounts = evidence_of([*users, *(seen(metric, f"of {n}", 2, **vouched) for n in range(200))])
    assert of_accounts.comparison.is_alarm == (metric == "latency")
    assert of_accounts.sample_ratio.is_broken == (metric == "seen")
    assert (of_accounts.comparison.refusals.peak >= LOG_THRESHOLD) == (metric == "refusal")


def test_a_key_that_its_owner_chose_counts_where_a_version_fails() -> None:
    evidence = evidence_of(seen("error", f"owner {n}", 2, identity=f"key {n}", is_chosen=True) for n in range(5))
    assert (evidence.comparison.errors.events, evidence.comparison.is_alarm) == (5, True)
    of_networks = evidence_of(
        seen("settled", f"owner {n}", 2, identity=f"key {n}", is_chosen=True, network="one address") for n in range(5)
    )
    assert sum(of_networks.certificate.counts[1]) == 5


def of_user(n: int) -> Iterator[Observed]:
    """One in ten of them is on v2, and there is no difference."""
    for metric in ("seen", "latency"):
        yield seen(metric, f"user {n}", 1 + (n % 10 == 0), value=1.0 + n / 1_000)
