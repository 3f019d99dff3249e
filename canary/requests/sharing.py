"""The candidate's places by client: one that floods leaves some of them to others.

`canary/requests/in_flight.py` alone uses it. Without it, places go to the first who ask.
"""

from typing import Final

from django.http import HttpRequest

from canary.conf import canary_conf
from canary.requests.identity import network_of

SHARE: Final = 3
"""A client may hold so many places for each place that stays free: alone, three quarters of all."""
SHARED_FROM: Final = 10
"""Fewer places go to the first who ask: a front end that makes all calls from one address needs each of them."""

type Holders = tuple[object, ...]


def holders_of(request: HttpRequest) -> Holders:
    """Return who holds a request's place: its network, and the client in it. Empty when the address is unknown.

    A client is known by its credential. All requests of a network without one are one client. No view has verified the
    credential yet, so its name counts within its network only: nobody can use up the places of somebody else.
    """
    address = request.META.get("REMOTE_ADDR")
    if not address:
        return ()
    network = network_of(address)
    return network, (network, canary_conf().identify(request))


class Shares:
    """How many places each network and each client holds. Not thread-safe: the register's lock guards it."""

    def __init__(self) -> None:
        self._held: dict[object, int] = {}

    def take(self, holders: Holders, taken: int, places: int) -> bool:
        """Take one of the places for them; False, and nothing, if none is left for them.

        The mean of what the network and the client hold decides. So a flood in a network leaves places to the network's
        other clients, and a network of many clients leaves places to other networks.
        """
        if taken >= places or not holders:
            return taken < places
        network, client = holders
        of_network, of_client = self._held.get(network, 0), self._held.get(client, 0)
        if places >= SHARED_FROM and (of_network + of_client) / 2 > SHARE * (places - taken - 1):
            return False
        self._held[network], self._held[client] = of_network + 1, of_client + 1
        return True

    def give_back(self, holders: Holders) -> None:
        """Free the place that they took."""
        for holder in holders:
            left = self._held.pop(holder) - 1  # a client without places is not kept in memory
            if left:
                self._held[holder] = left
