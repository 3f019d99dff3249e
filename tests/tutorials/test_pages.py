"""Every shell block of the front page and the tutorials is run in a fresh checkout, in order; outputs are compared."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.servers import ROOT, STOP_TIMEOUT_S, Server, await_answer, clean_environment, free_port, spawn
from tests.tutorials.sessions import Step, matches, steps_of

PAGES = ["README.md", "docs/tutorials/moving-a-client.md", "docs/tutorials/first-rollout.md"]
STEP_TIMEOUT_S = 300
NOT_HERE = ("make run", "export DATABASE_URL=", ".venv/bin/python manage.py import_content export.xml")
"""How blocks begin that are not run: they start servers, or need files of the reader's own."""
PRESSED = """
json() { curl -sf "http://127.0.0.1:8000/api/v2/$1" -H 'Content-Type: application/json' "${@:2}"; }
member() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }
TOKEN=$(json auth/token -d '{"email": "editor@example.com", "password": "tandem-demo-2026"}' | member access_token)
SENT='{"title": "My first post", "content": "Hello, *reader*."}'
ID=$(json posts -H "Authorization: Bearer $TOKEN" -d "$SENT" | member id)
json "posts/$ID/actions/publish" -H "Authorization: Bearer $TOKEN" -d '{}'
"""
"""In place of the buttons that the front page has its reader press, which tests/browser plays."""


class Checkout(NamedTuple):
    folder: Path
    port: int

    def run(self, script: str) -> tuple[int, str]:
        """Run a piece of shell as a reader would, and return its status and all that it printed."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script.replace(":8000", f":{self.port}")],
            cwd=self.folder,
            env=clean_environment({"CURL_HOME": str(self.folder)}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_TIMEOUT_S,
            check=False,
        )
        return done.returncode, done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A copy of the tree in which `make run` runs. It has to end by Ctrl-C without a complaint."""
    folder, port = tmp_path_factory.mktemp("checkout"), free_port()
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, tracked.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".curlrc").write_text("no-progress-meter")  # as in a terminal
    (folder / ".venv").symlink_to(Path(sys.prefix))
    log, command = folder / "log", ["make", "run", f"PORT={port}"]
    server = Server(spawn(command, log=log, cwd=folder, env=clean_environment({})), port, log)
    try:
        await_answer(server)
        yield Checkout(folder, port)
    finally:
        os.killpg(server.process.pid, signal.SIGINT)  # as Ctrl-C does
        assert server.process.wait(STOP_TIMEOUT_S) == -signal.SIGINT  # so does make
    assert "Traceback" not in server.log


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_says_happens(checkout: Checkout, page: str) -> None:
    steps = list(steps_of(ROOT / page))
    assert steps
    if page == "README.md":
        status, output = checkout.run(PRESSED)
        assert status == 0, output
    for step in steps:
        if not step.script.startswith(NOT_HERE):
            _follow(checkout, step)


def _follow(checkout: Checkout, step: Step) -> None:
    status, output = checkout.run(step.script)
    shown = f"{step.page}:{step.line}: {step.script}\n{output}"
    if step.output is None:
        assert (status != 0) == step.is_refused, shown
    else:
        assert matches(step.output, output), f"{shown}\nis not:\n{step.output}"
