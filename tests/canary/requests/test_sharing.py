"""How clients share the candidate's places: one alone gets nearly all, and one that floods leaves some to others."""

from collections import Counter

import pytest
from django.test import RequestFactory

from canary.requests.sharing import Shares, holders_of


class Bulkhead:
    """So many places, of which clients take as many as they are given."""

    def __init__(self, places: int) -> None:
        self.places, self.shares, self.taken = places, Shares(), Counter[tuple[str, str]]()

    def ask(self, network: str, client: str = "") -> bool:
        is_given = self.shares.take((network, (network, client)), self.taken.total(), self.places)
        self.taken[network, client] += is_given
        return is_given

    def flood(self, network: str, client: str = "") -> int:
        while self.ask(network, client):
            pass
        return self.taken[network, client]


@pytest.mark.parametrize(
    ("places", "alone"),
    [(1, 1), (4, 4), (7, 7), (9, 9), (10, 7), (16, 12), (32, 24), (63, 47), (1_000, 750)],
)
def test_one_client_alone_gets_three_quarters_or_all_of_fewer_than_ten(places: int, alone: int) -> None:
    assert Bulkhead(places).flood("a") == alone


@pytest.mark.parametrize("places", range(10, 100))
def test_another_network_gets_a_place_whoever_floods(places: int) -> None:
    by_one, by_many = Bulkhead(places), Bulkhead(places)
    by_one.flood("a", "author")
    for number in range(2 * places):
        by_many.flood("a", f"account {number}")
    assert by_one.ask("b")
    assert by_many.ask("b")


@pytest.mark.parametrize("places", range(10, 100))
def test_another_client_of_the_flooding_network_gets_a_place(places: int) -> None:
    bulkhead = Bulkhead(places)
    bulkhead.flood("a", "author")
    assert bulkhead.ask("a", "editor")


def test_two_networks_that_flood_get_the_same_and_leave_places_to_a_third() -> None:
    bulkhead = Bulkhead(32)
    while bulkhead.ask("a") | bulkhead.ask("b"):
        pass
    assert sorted(bulkhead.taken.values()) == [13, 14]
    assert bulkhead.ask("c")


def test_whoever_gives_its_places_back_gets_them_again_and_is_forgotten_meanwhile() -> None:
    bulkhead = Bulkhead(16)
    assert bulkhead.flood("a") == 12
    for _ in range(12):
        bulkhead.shares.give_back(("a", ("a", "")))
    bulkhead.taken.clear()
    assert bulkhead.shares._held == {}
    assert bulkhead.flood("a") == 12


def test_clients_of_an_unknown_address_share_all_places() -> None:
    shares = Shares()
    assert [shares.take((), taken, 4) for taken in range(5)] == [True, True, True, True, False]
    assert holders_of(RequestFactory().get("/", REMOTE_ADDR="")) == ()


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("192.0.2.1", "::ffff:192.0.2.9", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
    ],
)
def test_a_network_is_what_evidence_takes_for_one(one: str, other: str, *, is_same: bool) -> None:
    holders = [holders_of(RequestFactory().get("/", REMOTE_ADDR=address)) for address in (one, other)]
    assert (holders[0] == holders[1]) == is_same


def test_a_name_that_nobody_has_verified_counts_within_its_network_only() -> None:
    """Otherwise a made-up key would take the places of the true one."""
    key = {"x-api-key": f"tdm_{'a' * 16}_{'b' * 40}"}
    plain, one, other = (
        holders_of(RequestFactory().get("/", REMOTE_ADDR=address, headers=headers))
        for address, headers in (("192.0.2.1", {}), ("192.0.2.1", key), ("198.51.100.1", key))
    )
    assert (plain[0] == one[0], plain[1] == one[1]) == (True, False)
    assert {*one}.isdisjoint(other)


def test_a_client_id_that_anybody_can_make_up_is_no_client_of_its_own() -> None:
    one, other = (holders_of(RequestFactory().get("/", headers={"x-client-id": name})) for name in ("c1", "c2"))
    assert one == other
