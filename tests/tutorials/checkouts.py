"""Fresh checkouts in which `make run` runs, and pieces of shell that a reader pastes into them."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.servers import ROOT, STOP_TIMEOUT_S, Server, await_answer, clean_environment, spawn
from tests.tutorials.sessions import Step, matches

STEP_TIMEOUT_S = 300
HEED_CTRL_C: Final = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Run a program as a terminal does. Shells have what they start in the background ignore Ctrl-C."""


MANAGE: Final = 'manage.py() { .venv/bin/python manage.py "$@"; }\n'


class Checkout(NamedTuple):
    folder: Path
    ports: Mapping[int, int]
    """The ports that a page names, with the free ones that are taken in their place; 8000 is the site's."""

    @property
    def port(self) -> int:
        return self.ports[8000]

    def with_free_ports(self, text: str) -> str:
        for named, free in self.ports.items():
            text = text.replace(f":{named}", f":{free}")
        return text

    def run(self, script: str, *, cwd: Path | None = None, env: Mapping[str, str] = {}) -> tuple[int, str]:
        """Run a piece of shell as a reader would, and return its status and all that it printed.

        As the pages say, `manage.py` stands for `.venv/bin/python manage.py`.
        """
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{MANAGE}{self.with_free_ports(script)}"],
            cwd=cwd or self.folder,
            env=clean_environment({"CURL_HOME": str(self.folder), **env}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_TIMEOUT_S,
            check=False,
        )
        return done.returncode, done.stdout

    def follow(self, step: Step, *, cwd: Path | None = None, env: Mapping[str, str] = {}) -> None:
        """Run a step of a page, and compare what it prints with what the page promises."""
        status, output = self.run(step.script, cwd=cwd, env=env)
        shown = f"{step.page}:{step.line}: {step.script}\n{output}"
        if step.output is None:
            assert (status != 0) == step.is_refused, shown
        else:
            assert matches(step.output, output), f"{shown}\nis not:\n{step.output}"


@contextlib.contextmanager
def running_checkout(folder: Path, ports: Mapping[int, int], env: Mapping[str, str]) -> Iterator[Checkout]:
    """A copy of the tree in which `make run` runs. It has to end by Ctrl-C without a complaint."""
    checkout = Checkout(folder, ports)
    _copy_tree(folder)
    log, command = folder / "log", [sys.executable, "-c", HEED_CTRL_C, "make", "run", f"PORT={checkout.port}"]
    server = Server(spawn(command, log=log, cwd=folder, env=clean_environment(env)), checkout.port, log)
    try:
        await_answer(server)
        yield checkout
    finally:
        os.killpg(server.process.pid, signal.SIGINT)  # as Ctrl-C does
        assert server.process.wait(STOP_TIMEOUT_S) == -signal.SIGINT  # so does make
    assert "Traceback" not in server.log


def _copy_tree(folder: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, tracked.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    # As in a terminal; and an answer that the page doesn't show has to be a success.
    (folder / ".curlrc").write_text("no-progress-meter\nfail-with-body\n")
    (folder / ".venv").symlink_to(Path(sys.prefix))
