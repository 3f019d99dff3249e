"""Made-up people: who they count as, which side they are on, how often they ask, and for what."""

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple


class Route(NamedTuple):
    name: str
    is_read: bool
    log_ms: float
    """The mean natural logarithm of the milliseconds that it takes."""
    is_on_v2: bool = True


ROUTES: Final = (
    Route("GET /posts", True, 3.0),
    Route("GET /posts/{}", True, 2.5),
    Route("POST /comments", False, 3.5),
    Route("GET /tags", True, 2.0),
    Route("POST /tags", False, 2.5),
)
SHARES: Final = (0.5, 0.3, 0.1, 0.05, 0.05)
"""Of the requests of everybody who has no route of their own."""
RARE_READ, RARE_WRITE = ROUTES[3], ROUTES[4]
V1_ONLY: Final = Route("GET /feed", True, 2.5, is_on_v2=False)


class Person(NamedTuple):
    unit: str
    identity: str
    """Whose bucket decides: the unit itself, or one of its keys."""
    bucket: int
    rate: float
    """Requests a minute."""
    failing: float
    refused: float
    slowness: float
    network: str
    counts_alone: bool = True
    route: Route | None = None
    """The only one that this person asks for."""
    fails_on_v2: float | None = None
    """Of an attacker, who decides how many of the own requests fail there."""

    @property
    def voter(self) -> str:
        return self.unit if self.counts_alone else self.network


def draw_people(
    rng: random.Random, size: int, rate: float, *, shape: float = 0.5, failing: float = 0.005, odd: float = 0.05
) -> list[Person]:
    """Activity is Gamma(`shape`), `rate` a minute on average. A share `failing` of the requests fail: with a small
    `odd` they are those of few people. A share of 1 % is refused, by either version.
    """
    return [
        Person(
            unit := _name(rng),
            unit,
            rng.randrange(10_000),
            rng.gammavariate(shape, rate / shape),
            rng.betavariate(odd, odd * (1 / failing - 1)) if failing else 0.0,
            rng.betavariate(0.1, 9.9),
            rng.gauss(0.0, 0.3),
            _name(rng),
        )
        for _ in range(size)
    ]


def draw_clients(rng: random.Random, size: int, rate: float) -> list[Person]:
    """Programs that ask steadily; while they are served well, nothing of theirs fails."""
    return [Person(unit := _name(rng), unit, rng.randrange(10_000), rate, 0, 0, 0, _name(rng)) for _ in range(size)]


def draw_pollers(rng: random.Random, size: int) -> list[Person]:
    """Programs that ask for a route that v2 lacks."""
    return [client._replace(route=V1_ONLY) for client in draw_clients(rng, size, 2.0)]


def draw_keys(rng: random.Random, size: int, rate: float) -> list[Person]:
    """The keys of one account that is a day old, all from one network."""
    owner, network = _name(rng), _name(rng)
    return [
        client._replace(unit=owner, network=network, counts_alone=False) for client in draw_clients(rng, size, rate)
    ]


def draw_strangers(rng: random.Random, networks: int, rate: float) -> list[Person]:
    """Forty callers without a login from each of some networks."""
    return [
        client._replace(network=network, counts_alone=False)
        for network in [_name(rng) for _ in range(networks)]
        for client in draw_clients(rng, 40, rate)
    ]


class Crowd:
    """Everybody's requests together: each person's are a Poisson process."""

    def __init__(self, people: Sequence[Person]) -> None:
        self._people = people
        self._sums = [*accumulate(person.rate for person in people)]
        self._shares = [*accumulate(SHARES)]

    def requests(self, rng: random.Random, begin_s: float, end_s: float) -> Iterator[tuple[float, Person, Route]]:
        """In the order of time."""
        times, at_s, rate = [], begin_s, self._sums[-1] / 60
        while (at_s := at_s + rng.expovariate(rate)) < end_s:
            times.append(at_s)
        people = rng.choices(self._people, cum_weights=self._sums, k=len(times))
        routes = rng.choices(ROUTES, cum_weights=self._shares, k=len(times))
        for at_s, person, route in zip(times, people, routes, strict=True):
            yield at_s, person, person.route or route


def _name(rng: random.Random) -> str:
    return f"{rng.getrandbits(128):032x}"
