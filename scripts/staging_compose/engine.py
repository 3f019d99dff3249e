"""The Docker engine of the play: the machine's, or one of its own in a network namespace that nothing else reaches."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.staging_compose.errors import PlayError
from scripts.staging_compose.shell import run

PACKAGES: Final[Mapping[str, str]] = {
    "dockerd": "docker.io",
    "docker": "docker-cli",
    "mmdebstrap": "mmdebstrap",
    "iptables": "iptables",
    "ip": "iproute2",
    "setpriv": "util-linux",
}
PLUGIN: Final = Path("/usr/libexec/docker/cli-plugins/docker-compose")
START_LIMIT_S: Final = 60
STOP_LIMIT_S: Final = 60


@dataclass
class Engine:
    """`folder` holds everything of our own engine; None means the machine's engine."""

    folder: Path | None = None
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert self.folder is not None
        command = [
            *("setpriv", "--pdeathsig", "TERM", "dockerd"),
            *("--data-root", str(self.folder / "data"), "--exec-root", str(self.folder / "exec")),
            *("--pidfile", str(self.folder / "pid"), "--host", f"unix://{self.folder}/docker.sock"),
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_LIMIT_S
        while subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise PlayError(f"The engine does not start:\n{(self.folder / 'log').read_text()[-3_000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def restart(self) -> bool:
        """Whether it was restarted; the machine's engine is left alone unless RESTART_ENGINE says how."""
        if self.folder is not None:
            self.stop()
            self.start()
            return True
        command = os.environ.get("RESTART_ENGINE")
        if command:
            run(["sh", "-c", command])
        return bool(command)


@contextlib.contextmanager
def own_engine() -> Iterator[Engine]:
    """Enter a new network namespace for good, and start an engine in it; everything of it is gone afterwards."""
    os.unshare(os.CLONE_NEWNET)
    run(["ip", "link", "set", "lo", "up"])
    # Not below the checkout: a socket's path has 107 bytes at most. Not /tmp: it may be memory.
    folder = Path(tempfile.mkdtemp(prefix="tandem-engine-", dir="/var/tmp"))
    os.environ["DOCKER_HOST"] = f"unix://{folder}/docker.sock"
    engine = Engine(folder)
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()
        _unmount_below(folder)
        shutil.rmtree(folder)


def install_missing() -> None:
    """Install the engine, Compose and what makes root file systems. Raise PlayError where that needs somebody's help."""
    missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    missing += [] if PLUGIN.exists() else ["docker-compose"]
    if os.geteuid() != 0:
        raise PlayError(
            "Stand-ins need root: an engine and network namespace of their own. Or start Docker and log in."
        )
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise PlayError(f"These Debian packages are missing, and there is no apt-get: {', '.join(missing)}.")
    print(f"Installing {', '.join(missing)} ...", flush=True)
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run(["apt-get", "update", "-qq"])
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing])


def _unmount_below(folder: Path) -> None:
    """An engine that was killed leaves the file systems of its containers behind."""
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for place in sorted((place for place in mounted if place.startswith(f"{folder}/")), reverse=True):
        run(["umount", "--lazy", place])
