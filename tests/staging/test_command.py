"""`make staging-local` as a person uses it: up, up again, a process that ended, and down with nothing left behind."""

import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from django.core.checks.security.base import SECRET_KEY_MIN_LENGTH

from scripts.staging_local.errors import StagingError
from scripts.staging_local.own_secrets import load_or_make_secrets
from scripts.staging_local.ports import MOVED_BY, choose_ports, is_free
from scripts.staging_local.processes import Deadline, Processes
from tests.servers import HOST, PORTS, ROOT, clean_environment, free_port
from tests.staging.conftest import need_nginx
from tests.staging.site import eventually
from tests.stalls import fair_time


@dataclass
class Command:
    folder: Path

    def __call__(self, verb: str) -> subprocess.CompletedProcess[str]:
        environment = clean_environment({"STAGING_FOLDER": str(self.folder)})
        command = [sys.executable, "-m", "scripts.staging_local", verb]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    def processes(self) -> set[int]:
        """All that have this folder on their command line or in their environment."""
        found = set()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(self.folder).encode() in text and int(entry.name) != os.getpid():
                found.add(int(entry.name))
        return found


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    need_nginx()
    with tempfile.TemporaryDirectory(prefix="tandem-staging-command-") as folder:
        Path(folder).chmod(0o711)
        command = Command(Path(folder) / "staging")
        yield command
        command("down")


def test_up_up_again_and_down(command: Command) -> None:
    began_at = fair_time()
    first = command("up")
    assert first.returncode == 0, first.stderr
    took_s = fair_time() - began_at
    urls = re.findall(r"http://\S+", first.stdout)
    assert {url: httpx.get(url, follow_redirects=True, timeout=30).status_code for url in urls} == dict.fromkeys(
        urls, 200
    )
    name, password = re.findall(r"Login +(\S+), password (\S+)", first.stdout)[0]
    body = {"email": f"{name}@example.org", "password": password}
    assert httpx.post(f"{urls[0]}api/v2/auth/token", json=body, timeout=30).status_code == 200

    again = command("up")
    assert (again.returncode, "running already" in again.stdout) == (0, True)
    pid = int((command.folder / "run/web-1.pid").read_text().split()[0])
    os.killpg(pid, 9)
    eventually(lambda: not Path(f"/proc/{pid}").exists(), "it has ended")
    in_part = command("up")
    assert (in_part.returncode, "web-1 has ended" in in_part.stderr) == (1, True)

    assert command("down").returncode == 0
    assert command.processes() == set()
    assert sorted(path.name for path in command.folder.iterdir()) == ["lock", "logs", "secrets.env"]
    assert [url for url in urls if not is_free(int(url.split(":")[2].split("/")[0]))] == []
    assert command("down").stdout == "Staging doesn't run.\n"
    assert took_s < 60  # some six seconds, on a machine that does nothing else


def test_a_verb_that_there_is_not_is_wrong_usage(command: Command) -> None:
    assert command("sideways").returncode == 2


def test_a_port_that_is_taken_is_moved_by_ten_thousand_and_said() -> None:
    # Below 22,768: ten thousand above that the kernel gives ports to any client.
    port = next(port for port in iter(free_port, None) if port < PORTS.stop - MOVED_BY)
    with socket.create_server((HOST, port)):
        usual = {"nginx": port, "redis": free_port()}
        ports, said = choose_ports(usual)
    assert ports == {"nginx": usual["nginx"] + 10_000, "redis": usual["redis"]}
    assert said == [f"Port {usual['nginx']} is taken: nginx is on {usual['nginx'] + 10_000}."]


def test_secrets_are_made_once_and_are_their_owners_alone(tmp_path: Path) -> None:
    first = load_or_make_secrets(tmp_path / "secrets.env")
    assert load_or_make_secrets(tmp_path / "secrets.env") == first
    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600
    assert len(first["SECRET_KEY"]) >= SECRET_KEY_MIN_LENGTH
    assert min(map(len, first.values())) >= 32
    assert len(set(first.values())) == len(first)


def test_a_number_that_belongs_to_another_process_by_now_is_left_alone(tmp_path: Path) -> None:
    processes = Processes(tmp_path, tmp_path)
    (tmp_path / "web-1.pid").write_text(f"{os.getpid()} 1\n")
    assert processes.pid("web-1") is None
    processes.stop("web-1")
    assert processes.names() == []


def test_the_number_of_one_that_ended_long_ago_is_left_alone_by_a_kill(tmp_path: Path) -> None:
    processes = Processes(tmp_path, tmp_path)
    processes.start("web-1", ["/bin/true"], cwd=tmp_path, env={})
    eventually(lambda: processes.pid("web-1") is None, "it has ended")
    stranger = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    (tmp_path / "web-1.pid").write_text(f"{stranger.pid} 1\n")
    processes.kill("web-1")
    processes.stop("web-1")
    assert stranger.communicate(b"alive", timeout=60)[0] == b"alive"


def test_what_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    processes = Processes(tmp_path, tmp_path)
    processes.start("web-1", ["/bin/sh", "-c", "echo no such luck; exit 3"], cwd=tmp_path, env={})
    with processes.starting("web-1", 20) as deadline, pytest.raises(StagingError, match="no such luck"):
        wait_in_vain(deadline)
    processes.stop("web-1")


def wait_in_vain(deadline: Deadline) -> None:
    while True:
        deadline.wait("it has to be ready")
