"""People whom nobody vouches for: a few networks of them decide nothing."""

from collections.abc import Iterator

import pytest

from canary.core.statistics import Evidence, Observed
from tests.canary.core.statistics.streams import evidence_of, seen


def dear_requests(voters: int, stages: int = 4, *, is_authenticated: bool = False) -> Iterator[Observed]:
    """A request on which v2 is the slower one each time, as often as they like, in every stage of a plan."""
    for stage in range(1, stages + 1):
        for n in range(500):
            who = f"{n % voters}"
            row = seen("pair_time", who, 2, stage=stage, value=1.3, is_authenticated=is_authenticated)
            yield row._replace(network=f"network {who}")


@pytest.mark.parametrize("networks", [1, 5, 11])
def test_a_few_networks_make_no_route_slow_by_a_request_of_their_choice(networks: int) -> None:
    evidence = evidence_of(dear_requests(networks))
    assert not evidence.comparison.is_alarm
    assert evidence.pairs.routes["GET /posts"].test.votes == networks


def test_twelve_networks_do_and_so_do_five_accounts() -> None:
    assert evidence_of(dear_requests(12, 1)).comparison.is_alarm
    assert evidence_of(dear_requests(5, 1, is_authenticated=True)).comparison.is_alarm


@pytest.mark.parametrize(("networks", "is_alarm"), [(10, False), (11, True)])
def test_on_however_many_routes_ten_networks_do_not(networks: int, is_alarm: bool) -> None:
    rows = (row._replace(route=f"GET /r{n}") for n in range(30) for row in dear_requests(networks, 1))
    evidence = evidence_of(rows)
    assert len(evidence.pairs.routes) == 30
    assert evidence.comparison.is_alarm == is_alarm


def test_a_network_that_found_v2_quick_votes_again_in_the_next_stage() -> None:
    quick = [row._replace(api_version=1) for row in dear_requests(40, 3)]
    late = [row._replace(stage=4) for row in dear_requests(40, 1)]
    evidence = evidence_of([*quick, *late])
    test = evidence.pairs.routes["GET /posts"].test
    assert (test.votes, test.against) == (160, 40)
    assert evidence.comparison.is_alarm


def test_who_has_voted_is_known_after_a_restart() -> None:
    rows = [*dear_requests(30, 2)]
    half = evidence_of(rows[:700])
    again = Evidence.load(half.dump())
    for row in rows[700:]:
        half.take(row)
        again.take(row)
    assert again.dump() == half.dump()
    assert again.pairs.routes["GET /posts"].test.votes == 30
