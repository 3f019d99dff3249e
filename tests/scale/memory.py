"""`make memory`: whether one worker's memory stays where it is, however many requests it has answered.

A mix as the site sees it: reads of both versions, also by people who signed in, searches, and some writes. The first
fifth fills caches and pools; over the rest a straight line is laid through the samples, and its rise is what counts.
"""

import argparse
import contextlib
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from statistics import linear_regression
from typing import Any, Final

from tests.engines import start_engines
from tests.scale.asking import Asked, Client, Endpoint, endpoints_of, sign_in
from tests.scale.databases import ScaleError, fill
from tests.scale.measuring import children_of, resident_mb
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
# Of a hundred requests.
MIX: Final = {
    "v2 post get": 30, "v2 list, first page": 14, "v2 tag page, common": 6, "v2 comments of a post": 6, "v2 tags": 4,
    "v2 author page": 3, "v2 feed": 2, "v2 search, rare word": 2, "v2 suggest": 2,
    "v1 post get": 16, "v1 list, first page": 8, "v1 tags": 3, "v1 search, common word": 1,
    "v2 create": 0.4, "v2 publish": 0.2,
}  # fmt: skip


@dataclass
class Watch:
    """Resident memory, by how many requests had been answered."""

    process: int
    samples: list[tuple[int, float]] = field(default_factory=list)

    def look(self, answered: int) -> None:
        self.samples.append((answered, resident_mb(self.process)))


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
    engines = start_engines()
    if engines.database_url is None or engines.redis_url is None:
        sys.exit(" ".join(engines.skipped))
    limits = {f"RATE_LIMIT_{name}": "1000000" for name in ("ANONYMOUS", "CREDENTIAL", "LOGIN", "REGISTER", "COMMENTS")}
    with tempfile.TemporaryDirectory(prefix="tandem-memory-") as media, contextlib.ExitStack() as stack:
        stack.callback(engines.stop)
        env = {"DATABASE_URL": engines.database_url, "REDIS_URL": engines.redis_url, "MEDIA_ROOT": media, **limits}
        env |= {"PUBLIC_CACHE_MB": CACHE_MB, **HEAP}
        env["SECRET_KEY"] = "only-for-measurements-0123456789-0123456789"
        fill(env, POSTS, is_new=True)
        server = stack.enter_context(serve(env, workers=1, threads=CONNECTIONS))
        started = time.monotonic()
        samples = answer(server, engines.database_url, wanted)
        seconds = time.monotonic() - started
    return tell(samples, seconds)


def tell(samples: list[tuple[int, float]], seconds: float) -> int:
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
    """Have so many requests answered over a few connections; the samples of the worker's memory."""
    identity = Identity(server.port)
    [worker] = children_of(server.process.pid)
    watch, mix = Watch(worker), Mix(endpoints_of(server.port, database_url, identity.token()))
    share = -(-wanted // CONNECTIONS)
    threads = [Asking(server.port, identity, mix, share) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    step = max(1, wanted // SAMPLES)
    while any(thread.is_alive() for thread in threads):
        answered = sum(thread.answered for thread in threads)
        if not watch.samples or answered >= watch.samples[-1][0] + step:
            watch.look(answered)
            if len(watch.samples) % (SAMPLES // 20) == 0:
                print(f"{answered:>9,} answered: {watch.samples[-1][1]:.1f} MB", flush=True)
        time.sleep(0.02)
    watch.look(sum(thread.answered for thread in threads))
    if errors := [thread.error for thread in threads if thread.error]:
        raise ScaleError(str(errors[0]))
    return watch.samples


class Identity:
    """An author's token, a new one each minute, so that passwords are hashed now and then."""

    GOOD_FOR_S: Final = 60

    def __init__(self, port: int) -> None:
        self._port, self._lock = port, threading.Lock()
        self._token, self._until = "", 0.0

    def token(self) -> str:
        with self._lock:
            if time.monotonic() > self._until:
                self._token, self._until = sign_in(self._port), time.monotonic() + self.GOOD_FOR_S
            return self._token


class Mix:
    """What is asked next, for all connections together: each endpoint's requests are one row."""

    def __init__(self, endpoints: list[Endpoint]) -> None:
        self._by_name = {endpoint.name: endpoint for endpoint in endpoints}
        self._rng, self._lock = random.Random(1), threading.Lock()

    def next(self) -> tuple[Asked, bool]:
        """A request, and whether it needs a token."""
        with self._lock:
            [name] = self._rng.choices([*MIX], [*MIX.values()])
            return next(self._by_name[name].requests), self._by_name[name].is_signed_in


class Asking(threading.Thread):
    """One connection for anonymous requests and one for those of an author, who also sends every tenth of the others."""

    def __init__(self, port: int, identity: Identity, mix: Mix, share: int) -> None:
        super().__init__(daemon=True)
        self._anonymous, self._author = Client(port), Client(port)
        self._identity, self._mix, self._share = identity, mix, share
        self.answered, self.error = 0, ""

    def run(self) -> None:
        try:
            while self.answered < self._share:
                asked, needs_token = self._mix.next()
                client = self._author if needs_token or self.answered % 10 == 0 else self._anonymous
                if client is self._author:
                    client.token = self._identity.token()
                client.ask(asked)
                self.answered += 1
        except (OSError, http.client.HTTPException, ScaleError) as error:
            self.error = repr(error)


if __name__ == "__main__":
    sys.exit(main())
