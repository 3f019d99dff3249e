"""What becomes of the measurements: figures held against targets, the JSON, the page, the document; and the client itself."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.bench import run
from tests.bench.docs import DOCUMENT, filled
from tests.bench.load import Load, UnexpectedAnswer, measure, measure_paced, request
from tests.bench.report import html
from tests.bench.targets import ENDPOINTS, TARGETS, Measured, Round, judged, ratios, side_of
from tests.servers import ROOT

SERVICE_S = 0.01
ROW = {"server", "endpoint", "cache", "requests_per_s", "cpu_ms", "p50_ms", "p95_ms", "p99_ms", "sql", "errors"}


def measured(requests_per_s: float, p99: float = 2.0, is_paced: bool = False) -> Measured:
    load = Load([1.0] * 90 + [p99] * 10, 100 / requests_per_s)
    return Measured(load, cpu_ms=1.5, unloaded=load, paced=load if is_paced else None)


def a_round(slower_by: float = 1.0) -> Round:
    """As a run measures it: v2 warm answers 900 a second, cold 600, v1 and plain DRF 100."""
    found: dict[tuple[str, str], Measured] = {("post_get", "empty"): measured(1_000 / slower_by)}
    for endpoint in ENDPOINTS:
        for server, cache, rate in (
            ("v1", "none", 100),
            ("v2", "warm", 900),
            ("v2", "cold", 600),
            ("drf", "none", 100),
        ):
            side = side_of(server, cache, endpoint)
            found.setdefault((endpoint, side), measured(rate / slower_by, is_paced=" " in side))
    return found


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    statements = {("post_get", "v1"): 3.0}
    return run._report([a_round(), a_round(slower_by=2), a_round()], statements, canary_us=9.0) | {
        "memory_mb": {"v1": 90.0, "v2 warm": 95.0},
        "create_costs_ms": {name: {"whole": 5.0, "revision": 0.4} for name in ("v1", "v2", "drf")},
        "canary_us": {"entrance": 9.0, "pinned": 5.0},
        "machine": {"CPU": "a <fast> one", "PostgreSQL": "15.20", "DRF": "3.18"},
        "run": {"posts": 10_000, "rounds": 3, "seconds": 1.5, "took_s": 600},
    }


# -- targets ----------------------------------------------------------------------------------------------------------


def test_a_ratio_is_taken_inside_its_round() -> None:
    """Twice as slow a machine changes every rate and no ratio."""
    found = ratios([a_round(), a_round(slower_by=5)])
    assert found["post_get v2 warm/v1"] == {"median": 9, "min": 9, "max": 9, "target": 3, "bound": ">=", "ok": True}


def test_every_target_is_judged_by_a_whole_round() -> None:
    found = ratios([a_round()], canary_us=15.1)
    assert set(found) == {target.name for target in TARGETS} | {"canary µs a request"}
    assert {name for name, each in found.items() if not each["ok"]} == {
        "post_get v2 warm/v1 p50",
        "post_list v2 warm/v1 p50",
        "tag_list v2 warm/v1 p50",
        "post_list v2 warm/drf",
        "canary µs a request",
    }


@pytest.mark.parametrize(("figures", "is_kept"), [([2, 9, 3], True), ([2, 2.9, 9], False)], ids=["kept", "missed"])
def test_the_median_decides(figures: list[float], is_kept: bool) -> None:
    assert judged(figures, at_least=3)["ok"] is is_kept


def test_the_bounds_are_those_that_were_promised() -> None:
    bounds = {target.name: target.at_least or target.at_most for target in TARGETS}
    promised = {"post_get v2 warm/empty": 0.6, "post_list v2 warm/drf": 15, "post_list v2 cold/drf": 3.5}
    promised |= {"create v2/drf": 2.5, "register v2 p50 ms": 50, "search v2 cold p99/p50 at 80 %": 10}
    assert {name: bounds[name] for name in promised} == promised
    assert all(bounds[f"{endpoint} v1/drf"] == 1 for endpoint in ENDPOINTS)


# -- what is written --------------------------------------------------------------------------------------------------


def test_the_rows_have_the_fields_that_others_read(report: dict[str, Any]) -> None:
    rows = json.loads(json.dumps(report))["rows"]
    assert all(set(row) == ROW for row in rows)
    caches = {(row["server"], row["endpoint"]): row["cache"] for row in rows if row["cache"] == "none"}
    assert ("v2", "create") in caches
    assert ("v2", "post_get") not in caches
    assert next(row for row in rows if row["server"] == "v1")["sql"] == 3.0


def test_the_page_needs_nothing_else_and_shows_every_verdict(report: dict[str, Any]) -> None:
    page = html(report)
    assert not re.search(r"\b(src|href)=|url\(|@import|https?:", page)
    assert page.count("<svg") == page.count("</svg>") > 20
    assert "a &lt;fast&gt; one" in page
    assert page.count("<td class=MISSED>") == sum(not each["ok"] for each in report["ratios"].values())


def test_the_document_takes_a_run_and_a_second_one(report: dict[str, Any]) -> None:
    document = DOCUMENT.read_text()
    once = filled(document, report)
    assert "| one post | v1 | 100 |" in once
    assert "| post_get v2 warm/v1 | 9.00 | ≥ 3 | ok |" in once
    assert filled(once, report) == once
    assert {"PostgreSQL", "DRF", "p99"} <= set(re.findall(r"\w+", document))
    with pytest.raises(ValueError, match="markers"):
        filled(document.replace("<!-- bench:rows -->", ""), report)


# -- the client -------------------------------------------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    one_at_a_time = threading.Lock()

    def do_GET(self) -> None:
        with self.one_at_a_time:
            time.sleep(SERVICE_S)
        is_broken = self.path == "/broken"
        body = b"{}" if is_broken else b"{}" * 40_000  # more than one piece of what a socket delivers
        self.send_response(500 if is_broken else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_every_request_of_a_list_that_ends_is_answered_and_timed(port: int) -> None:
    load = measure(port, iter([request("/")] * 7), connections=2, seconds=30)
    assert len(load.latencies_ms) == 7
    assert load.latencies_ms[0] >= SERVICE_S * 1_000


def test_an_answer_that_is_no_success_ends_the_measurement(port: int) -> None:
    with pytest.raises(UnexpectedAnswer, match="500"):
        measure(port, [request("/broken")], connections=2, seconds=1)
    with pytest.raises(UnexpectedAnswer, match="500"):
        measure_paced(port, [request("/broken")], requests_per_s=50, seconds=1)


def test_a_server_that_falls_behind_is_seen_to_by_a_client_that_does_not_wait(port: int) -> None:
    """Twice what it can take: the last requests of the half second wait for as long again."""
    load = measure_paced(port, [request("/")], requests_per_s=2 / SERVICE_S, seconds=0.5)
    assert len(load.latencies_ms) > 50
    assert load.percentile_ms(99) > 150


def test_both_application_servers_answer_all_that_they_are_compared_by() -> None:
    words = ("--posts", "300", "--rounds", "1", "--seconds", "0.2")
    command = [sys.executable, "-m", "tests.bench.application_servers", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=1_800)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert [row[-6] for row in rows] == ["gunicorn", "granian"] * 3
    assert all(float(figure) > 0 for row in rows for figure in row[-5:])
