"""nginx with the very files that the compose file mounts: only their addresses are replaced by those of this machine."""

import grp
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from scripts.staging_local.errors import StagingError
from scripts.staging_local.ports import HOST
from tests.servers import ROOT, Credentials

SITE: Final = ROOT / "deploy/nginx/staging.conf"
# All of 127/8 is this machine on Linux: with an address of its own the proxy is told from other clients of the machine.
ADDRESS: Final = "127.0.0.10" if sys.platform == "linux" else HOST
FOLDERS: Final = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")

MAIN: Final = """\
{user}
worker_processes 2;
pid {folder}/nginx.pid;
daemon off;
worker_rlimit_nofile 10000;
events {{ worker_connections 4096; }}
http {{
{temporary}
    proxy_bind {address};
    include {folder}/site.conf;
}}
"""


def find_nginx() -> str:
    """Debian keeps it where ordinary users don't look."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    if program:
        return program
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _install()
        return find_nginx()
    raise StagingError("nginx was not found. Debian and Ubuntu: sudo apt-get install nginx; macOS: brew install nginx")


def write_configuration(folder: Path, credentials: Credentials) -> Path:
    """The main file; `write_site` makes what it includes. nginx itself makes the folders for bodies, as its own user."""
    folder.mkdir(exist_ok=True)
    user = f"user {pwd.getpwuid(credentials['user']).pw_name} {_group(credentials)};" if credentials else ""
    temporary = "\n".join(f"    {name}_temp_path {folder}/{name};" for name in FOLDERS)
    path = folder / "nginx.conf"
    path.write_text(MAIN.format(user=user, folder=folder, temporary=temporary, address=ADDRESS))
    return path


def write_site(folder: Path, ports: Mapping[str, int], drained: Collection[str], log: Path) -> None:
    """Those who are drained get no new request."""

    def server(found: re.Match[str]) -> str:
        name, rest = found.groups()
        return f"server {HOST}:{ports[name]}{rest}{' down' if name in drained else ''};"

    text = re.sub(r"server (web-\d+):8000([^;]*);", server, SITE.read_text())
    text = text.replace("include conf.d/", f"include {SITE.parent}/")
    text = text.replace("listen 8000;", f"listen {HOST}:{ports['nginx']};")
    (folder / "site.conf").write_text(text.replace("access_log /dev/stdout ", f"access_log {log} "))


def workers_of(master: int) -> set[int]:
    """Its processes, those included that finish what an earlier configuration began."""
    listed = Path(f"/proc/{master}/task/{master}/children")
    if listed.exists():
        return {int(pid) for pid in listed.read_text().split()}
    told = subprocess.run(["pgrep", "-P", str(master)], capture_output=True, text=True, check=False)
    return {int(pid) for pid in told.stdout.split()}


def _group(credentials: Credentials) -> str:
    return grp.getgrgid(credentials["group"]).gr_name


def _install() -> None:
    print("Installing nginx ...", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "nginx"],
    ):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StagingError(f"nginx could not be installed: apt-get install nginx\n{done.stderr}")
    if Path("/run/systemd/system").exists():  # the package starts one of its own, on port 80
        subprocess.run(["systemctl", "disable", "--now", "nginx"], capture_output=True, check=False)
