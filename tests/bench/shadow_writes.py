"""`make bench-gate`, second part: do shadow writes hold up writers?

The shop of examples/ on PostgreSQL: one server samples all its writes, another none. A client sends each of them orders
in turn, one at a time. The figure is the mean latency of a window, slow answers included. It is judged as the gate judges
an endpoint (tests/bench/gate_statistics.py): measured twice more, with new processes, before it counts as slower.
"""

import contextlib
import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict

from canary.core.shadow_writes import FULL_BP
from tests.bench.gate_statistics import RELEVANT_ALONE, judge
from tests.engines import Engines
from tests.library.strangers import PG_VARIABLES, SHOP, Project
from tests.measuring.client import measure, request
from tests.measuring.site import ALIKE, OTHER_CORE, SERVER_CORE, pinned, running_engines
from tests.servers import ROOT, serve

SERIES: Final = 3
ROUNDS: Final = 8
WINDOW_S: Final = 3.0
SETTLE_S: Final = 6.0
"""Before a window: within it the sampler has ended the rest after a snapshot that nobody used, so that it takes turns."""
BUYERS: Final = 500
"""A write is compared on a copy of all orders of its buyer: with few buyers these would soon be too many to copy."""
SIGN_IN: Final = f"""
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore

for user in User.objects.bulk_create(User(username=f"buyer-{{n}}") for n in range({BUYERS})):
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    print("session", session.session_key)
"""
COUNT: Final = """
from canary.models import ShadowTotal
from django.db.models import Sum

for result, count in ShadowTotal.objects.values_list("result").annotate(Sum("count")):
    print("result", result, count)
"""
CSRF: Final = "a" * 32


def main() -> int:
    with pinned(OTHER_CORE), running_engines() as engines:
        shop = shop_on(engines)
        orders = itertools.cycle(orders_of(told(shop, SIGN_IN)))
        for number in range(SERIES):
            if number:
                print("once more, with new processes:")
            if not is_slower(shop, orders):
                break
        else:
            print("SLOWER by more than its noise: shadow writes hold up writers.")
            return 1
        results = dict(told(shop, COUNT))
    print("Shadow writes: " + ", ".join(f"{count} {result}" for result, count in sorted(results.items())) + ".")
    if int(results.get("equal", 0)) < ROUNDS:
        print("Too few writes were compared: the figure would mean nothing.", file=sys.stderr)
        return 1
    return 0


def shop_on(engines: Engines) -> Project:
    """Return the shop with its tables, and 30 products."""
    known = conninfo_to_dict(str(engines.database_url))
    variables = {
        **{variable: str(known[name]) for name, variable in PG_VARIABLES.items() if name in known},
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(SHOP))),
        "DJANGO_SETTINGS_MODULE": "tests.bench.shop_settings",
        "SHADOW_WRITES_SHARE_BP": "0",
    }
    shop = Project(SHOP, Path(sys.executable), variables)
    shop.manage("migrate", "-v0")
    shop.manage("seed")
    return shop


def told(shop: Project, script: str) -> list[list[str]]:
    """Return the words of each line that a script printed, without the first."""
    lines = shop.manage("shell", "-v0", "-c", script).splitlines()
    return [line.split()[1:] for line in lines if line.startswith(("session ", "result "))]


def orders_of(sessions: Sequence[Sequence[str]]) -> list[bytes]:
    body = {"product": 1, "quantity": 2}
    cookies = [f"sessionid={key}; csrftoken={CSRF}" for [key] in sessions]
    return [request("POST", "/api/v1/orders", body, {"Cookie": each, "X-CSRFToken": CSRF}) for each in cookies]


def is_slower(shop: Project, orders: Iterator[bytes]) -> bool:
    with contextlib.ExitStack() as stack:
        with pinned(SERVER_CORE):
            ports = {
                share: stack.enter_context(
                    serve({**shop.variables, **ALIKE, "SHADOW_WRITES_SHARE_BP": str(share)}, app="shop.wsgi", cwd=SHOP)
                ).port
                for share in (0, FULL_BP)
            }
        pairs = []
        for number in range(ROUNDS):
            turn = sorted(ports, reverse=bool(number % 2))
            found = {share: latency_ms(ports[share], orders) for share in turn}
            pairs.append((found[0], found[FULL_BP]))
    verdict = judge(pairs)
    none_ms, all_ms = (sorted(column)[ROUNDS // 2] for column in zip(*pairs, strict=True))
    is_fault = verdict.is_slower(RELEVANT_ALONE)
    bounds = f"{verdict.low:.2f} .. {verdict.high:.2f}"
    print(f"{'shop order, sampled':<24} {none_ms:>8.3f} {all_ms:>8.3f} {verdict.ratio:>6.3f}  {bounds}", flush=True)
    return is_fault


@contextlib.contextmanager
def serving(shop: Project, share_bp: int) -> Iterator[int]:
    """Run a process on the first core that samples such a share of writes; its port."""
    env = {**shop.variables, **ALIKE, "SHADOW_WRITES_SHARE_BP": str(share_bp)}
    with contextlib.ExitStack() as stack:
        with pinned(SERVER_CORE):
            server = stack.enter_context(serve(env, app="shop.wsgi", cwd=SHOP))
        yield server.port


def latency_ms(port: int, orders: Iterator[bytes]) -> float:
    """Return the mean over a window, after a time of the same load."""
    measure(port, orders, connections=1, seconds=SETTLE_S)
    found = measure(port, orders, connections=1, seconds=WINDOW_S).latencies_ms
    return sum(found) / len(found)


if __name__ == "__main__":
    sys.exit(main())
