"""`make scale`: the same questions to 1,000, 10,000, 100,000 and 1,000,000 posts, on PostgreSQL.

All sizes stand side by side and are asked by turns. Exit code 1 when a target is missed or a plan reads a large table as
a whole. The million takes some 12 GB of disk and, on a quiet machine, most of an hour to be made.
"""

import argparse
import json
import sys
import time
from typing import Any, Final

import httpx

from tests.measuring.client import UnexpectedAnswer
from tests.measuring.site import SiteError, postmaster_of, run, running_engines, site_env
from tests.scale.databases import databases, largest_tables_mb, size_mb
from tests.scale.measuring import SETTINGS, Site, measure, sites
from tests.scale.report import rows_of, table, targets_of, targets_table, write_files
from tests.servers import ROOT

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
FOLDER: Final = ROOT / "build/scale"
PLANNED_EACH: Final = 2
"""Requests of an endpoint: one that builds what is built once, and one whose plans are looked at."""
POSTGRES_SETTINGS: Final = {"shared_buffers": "4GB", "effective_cache_size": "12GB", "random_page_cost": "1.1"}
"""What docs/operations.md advises for a large site: nobody keeps a million posts in the 128 MB of a fresh installation."""


def main() -> int:
    options = _options()
    try:
        with running_engines(POSTGRES_SETTINGS) as engines, site_env(engines) as env:
            # The seed alone begins without Redis: nobody is told of what is written there.
            with databases(env["DATABASE_URL"], options.sizes, {**env, "REDIS_URL": ""}, _say) as urls:
                report = measured(urls, env, options, postmaster_of(engines))
            report |= {"postgresql": engines.postgres_version, "postgresql_settings": POSTGRES_SETTINGS}
    except (SiteError, UnexpectedAnswer, httpx.HTTPError) as error:
        sys.exit(str(error))
    write_files(report, FOLDER)
    print(table(report), targets_table(report), *report["plan_faults"], sep="\n")
    return 1 if report["plan_faults"] or not all(target["ok"] for target in report["targets"]) else 0


def measured(
    urls: dict[int, str], env: dict[str, str], options: argparse.Namespace, postmaster: int | None
) -> dict[str, Any]:
    with sites(urls, env, _say) as running:
        rows = rows_of(measure(running, options.rounds, options.seconds, postmaster, _say))
        return {
            "sizes": sorted(urls),
            "rows": rows,
            "targets": targets_of(rows),
            "plan_faults": [fault for site in running for fault in plan_faults(site, env)],
            "database_mb": {str(size): size_mb(url) for size, url in urls.items()},
            "tables_mb": largest_tables_mb(urls[max(urls)]),
            "memory_mb": {str(site.size): site.memory_mb() for site in running},
        }


def plan_faults(site: Site, env: dict[str, str]) -> list[str]:
    """Of the statements that each endpoint executes, in a process of the app on the same database."""
    asked = {}
    for endpoint in site.endpoints:
        calls = [next(endpoint.requests) for _ in range(PLANNED_EACH)]
        sent = ((call.method, call.path, call.body) for call in calls)
        asked[f"{site.size:,} posts, {endpoint.name}"] = [calls[0].token, *sent]
    code = f"from tests.scale.plans import print_faults; print_faults({json.dumps(asked)!r})"
    settings = {**env, **SETTINGS, "DATABASE_URL": site.database_url, "ACCESS_LOG": "false"}
    printed = run("shell", "-v0", "--no-imports", "-c", code, env=settings)
    faults: list[str] = json.loads(printed.splitlines()[-1])
    return faults


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[*SIZES], metavar="N", help="numbers of posts")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="rounds that count (7)")
    parser.add_argument("--seconds", type=float, default=0.5, metavar="S", help="of each endpoint, size, round (0.5)")
    return parser.parse_args()


def _say(sentence: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
