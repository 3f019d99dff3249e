"""The client and the clocks that all measurements use."""

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.measuring.client import UnexpectedAnswer, measure, request
from tests.measuring.processes import family_cpu_s

SERVICE_S = 0.01


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    one_at_a_time = threading.Lock()
    numbers = itertools.count()

    def do_GET(self) -> None:
        with self.one_at_a_time:
            time.sleep(SERVICE_S)
            is_refused = self.path == "/busy" and next(self.numbers) % 2 == 0
        status = 500 if self.path == "/broken" else 503 if is_refused else 200
        body = b"{}" if status >= 500 else b"{}" * 40_000  # more than one piece of what a socket delivers
        self.send_response(status)
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
    load = measure(port, iter([request("GET", "/")] * 7), connections=2, seconds=30)
    assert len(load.latencies_ms) == 7
    assert load.latencies_ms[0] >= SERVICE_S * 1_000


def test_a_patient_client_comes_again_and_counts_from_the_first_time(port: int) -> None:
    load = measure(port, iter([request("GET", "/busy")] * 5), connections=1, seconds=30, retry_after_s=SERVICE_S)
    assert load.refused == 5
    assert len(load.latencies_ms) == 5
    assert load.latencies_ms[0] >= 2 * SERVICE_S * 1_000


@pytest.mark.slow
def test_an_answer_that_is_no_success_ends_the_measurement(port: int) -> None:
    with pytest.raises(UnexpectedAnswer, match="500"):
        measure(port, [request("GET", "/broken")], connections=2, seconds=1, retry_after_s=SERVICE_S)


def test_the_database_is_counted_with_its_processes_that_have_ended() -> None:
    burn = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\n"
    inner = burn.format(0.3)
    outer = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {inner!r}])\n{burn.format(0.2)}"
    with subprocess.Popen(
        [sys.executable, "-c", outer + "print('done', flush=True)\ninput()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        spent_s = family_cpu_s(process.pid)
        process.kill()
    assert 0.48 <= spent_s < 2  # what both burnt, in hundredths, and their own starts
