"""The processes of `make run`: web server, worker and controller come together and go together."""

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.servers import ROOT, free_port

STAND_IN = """
import pathlib, signal, sys, time
pathlib.Path("started").open("a").write(sys.argv[1] + "\\n")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    time.sleep(0.05)
"""
WEB = """
import http.server, sys
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def test_a_worker_and_a_controller_start_beside_the_web_server_and_end_with_it(tmp_path: Path) -> None:
    (tmp_path / "manage.py").write_text(STAND_IN)
    port = free_port()
    command = [sys.executable, ROOT / "scripts" / "serving.py", str(port), sys.executable, "-c", WEB, str(port)]
    process = subprocess.Popen(command, cwd=tmp_path)
    try:
        deadline = time.monotonic() + 60
        started: list[str] = []
        while len(started) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
            file = tmp_path / "started"
            started = file.read_text().split() if file.exists() else []
        assert sorted(started) == ["run_canary_controller", "run_worker"]
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port))


def test_make_run_starts_them() -> None:
    assert re.search(r"exec .* -m scripts\.serving ", (ROOT / "scripts/run").read_text())
