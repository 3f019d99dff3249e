"""`make bench-profile`: where the processor time of an answer goes, by package, for each endpoint of the bench.

One thread, no server: each request goes through the WSGI application with a profiler on, which makes functions that
call many others look dearer than they are. Shares are of the process alone. PostgreSQL's time is in `make bench`.
"""

import cProfile
import importlib
import io
import itertools
import json
import logging
import os
import pstats
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit
from wsgiref.util import setup_testing_defaults

from tests.bench.calls import Call, Samples, Side
from tests.bench.targets import LABELS, ROWS, SIGNED, WORKLOAD
from tests.measuring.site import COLD, PASSWORD, WRITER, running_engines, seed, site_env
from tests.measuring.tables import markdown
from tests.servers import ROOT

POSTS: Final = 2_000
ANSWERS: Final = 60
PACKAGES: Final = {
    "django/db/models/": "ORM",
    "django/db/": "driver",
    "psycopg": "driver",
    "django/": "Django",
    "rest_framework/": "REST framework",
    "redis/": "Redis client",
}
COLUMNS: Final = ("Django", "REST framework", "driver", "ORM", "api", "cms", "canary", "Redis client", "other")


def main() -> int:
    with running_engines() as engines, site_env(engines) as env:
        seed(env, POSTS)
        os.environ.update(env, DJANGO_SETTINGS_MODULE="cms.settings", **COLD)
        application: Any = importlib.import_module("django.core.wsgi").get_wsgi_application()  # no threads beside it
        logging.getLogger("tandem.access").setLevel(logging.ERROR)
        samples = Samples.of(env["DATABASE_URL"])
        credentials = {"email": WRITER, "password": PASSWORD}
        token = json.loads(_ask(application, Call("/api/v2/auth/token", credentials, method="POST")))["access_token"]
        second = json.loads(_ask(application, Call("/api/v2/posts")))["page"]["next"]
        sides = {"v2": Side("v2", samples, token, second), "v1": Side("v1", samples)}
        rows = [
            _profiled(application, sides[name], row)
            for row, measured in ROWS.items()
            for name in ("v2", "v1")
            if row != WORKLOAD and {name, f"{name} cold"} & {*measured}
        ]
        print(markdown([["", "side", "CPU of an answer", *COLUMNS], *rows], 2))
        sys.stdout.flush()
        os._exit(0)  # threads of the application still ask the engines, which end now


def _profiled(application: Any, side: Side, row: str) -> list[str]:
    calls = side.calls(row.removesuffix(SIGNED), is_signed=SIGNED in row)
    for call in itertools.islice(calls, 20):
        _ask(application, call)
    began = time.process_time()
    for call in itertools.islice(calls, ANSWERS):
        _ask(application, call)
    cpu_ms = (time.process_time() - began) * 1_000 / ANSWERS
    profile = cProfile.Profile(time.process_time)
    for call in itertools.islice(calls, ANSWERS):
        profile.enable()
        _ask(application, call)
        profile.disable()
    shares = _by_package(pstats.Stats(profile))
    whole = sum(shares.values())
    label = LABELS[row.removesuffix(SIGNED)] + (SIGNED if SIGNED in row else "")
    return [label, side.name, f"{cpu_ms:.2f} ms", *(f"{shares[name] / whole:.0%}" for name in COLUMNS)]


def _ask(application: Any, call: Call) -> bytes:
    at, body = urlsplit(call.path), b"" if call.body is None else json.dumps(call.body).encode()
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ |= {
        "REQUEST_METHOD": call.method,
        "PATH_INFO": unquote_to_bytes(at.path).decode("latin-1"),
        "QUERY_STRING": at.query,
    }
    environ |= {"HTTP_HOST": "127.0.0.1", "REMOTE_ADDR": "127.0.0.1", "wsgi.input": io.BytesIO(body)}
    environ |= {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))} if body else {}
    environ |= {"HTTP_AUTHORIZATION": f"Bearer {call.token}"} if call.token else {}
    answered: list[str] = []
    response = application(environ, lambda status, *_: answered.append(status))
    content = b"".join(response)
    response.close()
    if not answered[0].startswith("2"):
        raise SystemExit(f"{call.method} {call.path}: {answered[0]}\n{content[:500].decode()}")
    return content


def _by_package(stats: Any) -> Counter[str]:
    """Sum the time of each function by its package; a function written in C counts for those who call it."""
    found: Counter[str] = Counter()
    for (file, _, name), (_, _, own, _, callers) in stats.stats.items():
        if file == "~" and callers:
            for (caller, _, caller_name), (_, _, for_caller, _) in callers.items():
                found[_package(caller, caller_name)] += for_caller
        else:
            found[_package(file, name)] += own
    return found


def _package(file: str, name: str) -> str:
    _, installed, below = file.rpartition("/site-packages/")
    if installed:
        return next((package for path, package in PACKAGES.items() if below.startswith(path)), "other")
    if file == "~":
        return "driver" if "psycopg" in name else "other"
    if not Path(file).is_relative_to(ROOT):
        return "other"
    top = Path(file).relative_to(ROOT).parts[0]
    return "api" if top.startswith("api_") else top if top in COLUMNS else "other"


if __name__ == "__main__":
    sys.exit(main())
