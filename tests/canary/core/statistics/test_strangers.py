"""People whom nobody vouches for: a few networks of them decide nothing, and take nobody's place."""

from collections.abc import Iterator

import pytest

from canary.core.statistics import Evidence, Observed, units
from canary.core.statistics.networks import PLACES
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


def made_up(names: int, networks: int, *, stage: int = 1) -> Iterator[Observed]:
    """Served well by whatever version."""
    for n in range(names):
        for metric in ("seen", "settled"):
            unknown = {"is_authenticated": False, "network": f"{n % networks}"}
            yield seen(metric, f"{stage} {n}", 1 + (n % 10 == 0), stage=stage, **unknown)


def accounts() -> Iterator[Observed]:
    """v2 fails every fifth of its users, v1 nobody."""
    for n in range(1_500):
        api_version = 1 + (n % 10 == 0)
        yield seen("seen", f"account {n}", api_version)
        yield seen("error" if n % 50 == 0 else "settled", f"account {n}", api_version)


def test_made_up_names_take_no_place_of_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "MAX_UNITS", 3_000)
    strangers = [row for row in made_up(4_000, 4_000) if row.metric == "seen"]
    alone, crowded = evidence_of(accounts()), evidence_of([*strangers, *accounts()])
    assert alone.comparison.is_alarm
    assert crowded.log_e()["error"] == alone.log_e()["error"]
    assert crowded.certificate.counts == alone.certificate.counts == [[1_350, 0], [120, 30]]


def test_a_network_takes_a_hundred_places_in_a_stage_however_many_names_it_makes_up() -> None:
    evidence = evidence_of(made_up(2_000, 3))
    assert len(evidence.units) == 3 * PLACES == 300
    for row in made_up(2_000, 3, stage=2):
        evidence.take(row)
    assert len(evidence.units) == 6 * PLACES
    assert evidence_of(made_up(60, 3)).certificate.counts == evidence.certificate.counts == [[3, 0], [3, 0]]


def test_made_up_names_that_are_served_well_hide_nobody_who_is_not() -> None:
    failing = [seen("error", n, 2, is_authenticated=False, network=f"{n}") for n in range(4)]
    evidence = evidence_of([*made_up(14_000, 7), *failing])
    assert evidence.comparison.is_alarm
    assert evidence.certificate.counts[1] == [7, 4]


def test_who_has_voted_and_taken_a_place_is_known_after_a_restart() -> None:
    rows = [row for pair in zip(dear_requests(30, 2), made_up(1_000, 2), strict=False) for row in pair]
    whole = evidence_of(rows)
    again = evidence_of(rows[: len(rows) // 2])
    for row in rows[len(rows) // 2 :]:
        again = Evidence.load(again.dump()) if row.unit == "1" else again
        again.take(row)
    assert again.dump() == whole.dump()
