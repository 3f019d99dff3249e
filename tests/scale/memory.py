"""`make memory`: whether one worker's memory stays where it is, however many requests it has answered.

A mix as the site sees it: reads of both versions, also by people who signed in, searches, and some writes. The first
fifth fills caches and pools; over the rest a straight line is laid through the samples, and its rise is what counts.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from statistics import linear_regression
from typing import Any, Final

from tests.measuring.client import UnexpectedAnswer, measure
from tests.measuring.processes import memory_mb
from tests.measuring.site import SiteError, running_engines, site_env
from tests.scale.asking import Endpoint, endpoints_of, sign_in
from tests.scale.databases import fill
from tests.servers import HEAP, ROOT, Server, serve

RESULT: Final = ROOT / "build/scale/memory.json"
POSTS: Final = 2_000
CONNECTIONS: Final = 4
SAMPLES: Final = 400
CACHE_MB: Final = "1"
"""So little that it is full soon: each write empties it, every 170 requests, and between two it takes 1 to 2 MB. Of more it
would be the longest time without a write that decides how much was ever in use, and such records end only after hours."""
WARM_SHARE: Final = 0.2
GROWTH_MAX_MB: Final = 3.0
"""Over the last 80 %: below what one sample differs from the next, since the interpreter takes memory by the MiB."""
TOKEN_GOOD_FOR_S: Final = 60
"""After which there is a new one, so that passwords are hashed now and then."""
# Of a hundred requests.
MIX: Final = {
    "v2 post get": 30, "v2 list, first page": 14, "v2 tag page, common": 6, "v2 comments of a post": 6, "v2 tags": 4,
    "v2 author page": 3, "v2 feed": 2, "v2 search, rare word": 2, "v2 suggest": 2,
    "v1 post get": 16, "v1 list, first page": 8, "v1 tags": 3, "v1 search, common word": 1,
    "v2 create": 0.4, "v2 publish": 0.2,
}  # fmt: skip


def growth_mb(samples: list[tuple[int, float]]) -> float:
    """What the straight line through the last 80 % of the requests rises by from their beginning to their end."""
    last = samples[-1][0]
    late = [(answered, size) for answered, size in samples if answered >= last * WARM_SHARE]
    slope, _ = linear_regression(*zip(*late, strict=True))
    return slope * (late[-1][0] - late[0][0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, metavar="N", help="to be answered (1000000)")
    wanted: int = parser.parse_args().requests
    try:
        with running_engines() as engines, site_env(engines) as env:
            fill(env, POSTS, is_new=True)
            with serve({**env, "PUBLIC_CACHE_MB": CACHE_MB, **HEAP}, threads=CONNECTIONS) as server:
                started = time.monotonic()
                samples = answer(server, env["DATABASE_URL"], wanted)
                seconds = time.monotonic() - started
    except (SiteError, UnexpectedAnswer) as error:
        sys.exit(str(error))
    return report(samples, seconds)


def report(samples: list[tuple[int, float]], seconds: float) -> int:
    grown = growth_mb(samples)
    warm = next(size for answered, size in samples if answered >= samples[-1][0] * WARM_SHARE)
    found: dict[str, Any] = {
        "requests": samples[-1][0],
        "seconds": seconds,
        "growth_mb": grown,
        "bound_mb": GROWTH_MAX_MB,
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps({**found, "samples": samples}))
    print(
        f"{samples[-1][0]:,} requests in {seconds:.0f} s: {samples[0][1]:.1f} MB at first, {warm:.1f} MB after a fifth,"
        f" {samples[-1][1]:.1f} MB at the end; over the last 80 % it grew by {grown:+.2f} MB"
        f" (at most {GROWTH_MAX_MB:g}): {'flat' if grown <= GROWTH_MAX_MB else 'GROWING'}"
    )
    return 0 if grown <= GROWTH_MAX_MB else 1


def answer(server: Server, database_url: str, wanted: int) -> list[tuple[int, float]]:
    """Have so many requests answered over a few connections; return samples of the worker's memory."""
    mix = Mix(server, database_url, wanted)
    measure(server.port, iter(mix), connections=CONNECTIONS, seconds=24 * 3_600)
    mix.look(wanted)
    return mix.samples


@dataclass
class Mix:
    """What is asked next; every tenth read that anyone may do is an author's."""

    server: Server
    database_url: str
    wanted: int
    samples: list[tuple[int, float]] = field(default_factory=list)

    def __iter__(self) -> Iterator[bytes]:
        rng, step = random.Random(1), max(1, self.wanted // SAMPLES)
        until, token, by_name = 0.0, "", dict[str, Endpoint]()
        for number in range(self.wanted):
            if time.monotonic() > until:
                token, until = sign_in(self.server.base_url), time.monotonic() + TOKEN_GOOD_FOR_S
                by_name = by_name or {
                    each.name: each for each in endpoints_of(self.server.base_url, self.database_url, token)
                }
            if number % step == 0:
                self.look(number)
            [name] = rng.choices([*MIX], [*MIX.values()])
            call = next(by_name[name].requests)
            yield (replace(call, token=token) if call.token or number % 10 == 0 else call).prepared

    def look(self, answered: int) -> None:
        [worker] = self.server.workers
        self.samples.append((answered, memory_mb(worker)))
        if len(self.samples) % (SAMPLES // 20) == 0:
            print(f"{answered:>9,} answered: {self.samples[-1][1]:.1f} MB", flush=True)


if __name__ == "__main__":
    sys.exit(main())
