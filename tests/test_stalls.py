"""The fair clock: as fast as any while nothing stands still, and not a moment further while something does."""

import os
import signal
import subprocess
import sys
import time

from tests.servers import ROOT
from tests.stalls import fair_time, let_pass

STOPPED_S = 2.0
TELL = """
import sys, time
from tests.stalls import fair_time, stalled_s
began, fair, at = time.monotonic(), fair_time(), time.time()
print(flush=True)
sys.stdin.readline()
print(time.monotonic() - began, fair_time() - fair, stalled_s(at, time.time()))
"""


def test_what_a_process_was_stopped_for_is_not_counted() -> None:
    command = [sys.executable, "-c", TELL]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(STOPPED_S)
        os.kill(process.pid, signal.SIGCONT)
        told, _ = process.communicate("\n", timeout=60)
    passed_s, fair_s, stalled_s = map(float, told.split())
    assert passed_s >= STOPPED_S
    assert passed_s - fair_s >= STOPPED_S - 0.1
    assert stalled_s >= STOPPED_S - 0.1


def test_the_clock_never_goes_faster_than_the_monotonic_one_and_always_on() -> None:
    seen: list[float] = []
    began, fair = time.monotonic(), fair_time()
    while len(seen) < 1_000:
        seen.append(fair_time())
    let_pass(fair + 0.2)
    assert seen == sorted(seen)
    assert 0.2 <= fair_time() - fair <= (time.monotonic() - began) * 1.001
