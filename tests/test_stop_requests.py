"""Processes that work until they are told to stop: whenever the signal comes, they hear of it."""

import subprocess
import sys

import pytest

from tests.servers import ROOT

# A signal at each place of the code that waits for one: at every opcode of every function there, one after the other.
AT_EVERY_PLACE = """
import importlib, signal, sys

stop_requests = importlib.import_module(sys.argv[1]).stop_requests


def is_heard_at(place):
    wait, seen = stop_requests(), 0

    def trace(frame, event, _):
        nonlocal seen
        frame.f_trace_opcodes = True
        if event == "opcode":
            seen += 1
            if seen == place:
                signal.raise_signal(signal.SIGTERM)
        return trace

    sys.settrace(trace)
    said = wait(0.001)
    sys.settrace(None)
    if seen < place:
        assert not said
        return False
    assert said or wait(0), place  # what came when the wait was over is heard by the next
    assert wait(0), place
    return True


place = 1
while is_heard_at(place):
    place += 1
print(place - 1)
"""


@pytest.mark.parametrize("module", ["cms.management.interruption", "canary.management.interruption"])
def test_a_signal_is_heard_at_every_place_of_the_wait(module: str) -> None:
    command = [sys.executable, "-c", AT_EVERY_PLACE, module]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10


@pytest.mark.parametrize("module", ["cms.management.interruption", "canary.management.interruption"])
def test_a_second_signal_ends_the_process(module: str) -> None:
    code = f"import signal; from {module} import stop_requests; stop_requests(); [signal.raise_signal(2) for _ in '12']"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert done.returncode == -2, done.stderr
