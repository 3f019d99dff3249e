"""Images for a machine without an image registry: by the compose file's names, made of Debian's packages and PyPI's wheels.

The project's own Dockerfile is built unchanged on the stand-in for its base image. That one brings the wheels and Debian
packages which the Dockerfile installs, because a build in the engine's network namespace reaches nothing.
"""

import hashlib
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from scripts.staging_compose.errors import PlayError
from scripts.staging_compose.shell import run

SOURCES: Final = Path(__file__).parent / "standins"
CACHE: Final = Path(os.environ.get("STANDINS_CACHE") or Path.home() / ".cache/tandem-standins")
KINDS: Final = ("python", "grafana", "locust", "postgres", "redis", "nginx", "adminer", "prometheus")
# apt asks a proxy that refuses at once, and goes on with the lists and packages that are in the image.
OFFLINE_APT: Final = 'Acquire::Retries "0"; Acquire::http::Proxy "http://127.0.0.1:9"; Dir::Cache::archives "/debs";'
SLIM: Final = (
    *("--mode=root", "--quiet", "--variant=minbase", "--format=tar", "--aptopt=Acquire::Languages none"),
    *("--aptopt=APT::Install-Recommends false", "--dpkgopt=force-unsafe-io"),
    *(
        f"--dpkgopt=path-exclude={path}"
        for path in (
            *("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"),
            *("/usr/lib/postgresql/*/lib/bitcode/*", "/usr/lib/*/libLLVM*"),
        )
    ),
)
PYTHON: Final = (
    "--include=python3,python3-venv,busybox",
    "--skip=cleanup/apt",
    '--customize-hook=chroot "$1" sh -c "mkdir -p /debs/partial && apt-get -qq -y --download-only -o Dir::Cache::archives=/debs'
    ' --no-install-recommends install postgresql-client"',
    f"--customize-hook=echo '{OFFLINE_APT}' >\"$1/etc/apt/apt.conf.d/99offline\"",
    '--customize-hook=rm -f "$1"/var/cache/apt/*.bin "$1"/var/cache/apt/archives/*.deb',
)
# PostgreSQL 15 is Debian 12's. Adminer and Prometheus come without the web server and the JavaScript they depend on.
SERVICES: Final = (
    "--include=postgresql-15,redis-server,nginx-light,php-cli,php-pgsql,busybox",
    '--customize-hook=chroot "$1" sh -c "cd /tmp && apt-get -qq download adminer prometheus'
    " && for deb in *.deb; do dpkg -x \\$deb /tmp/x; done && mv /tmp/x/usr/share/adminer /opt/"
    ' && mv /tmp/x/usr/bin/prometheus /usr/bin/ && rm -rf /tmp/* /var/lib/apt/lists /var/cache/apt/*"',
)


def prepare(root: Path) -> None:
    """Fetch what the stand-ins are made of, into the cache; only this needs a network."""
    CACHE.mkdir(parents=True, exist_ok=True)
    mirror = "" if _python_tar().exists() and _services_tar().exists() else _mirror()
    with ThreadPoolExecutor() as pool:
        jobs = [
            pool.submit(_cached, _python_tar(), lambda at: _bootstrap(at, mirror, PYTHON, "trixie")),
            pool.submit(_cached, _services_tar(), lambda at: _bootstrap(at, mirror, SERVICES, "trixie", "bookworm")),
            pool.submit(
                _cached,
                _wheels(root),
                lambda at: _download(at, "--require-hashes", "-r", str(root / "requirements.txt")),
            ),
            pool.submit(_cached, _locust_wheels(root), lambda at: _download(at, f"locust=={_locust_version(root)}")),
        ]
        for job in jobs:
            job.result()


def build(root: Path, names: Sequence[str], folder: Path) -> None:
    """Build an image for each of the names. Raise PlayError for a name without a stand-in."""
    with ThreadPoolExecutor() as pool:
        tars = {"standin/python:1": _python_tar(), "standin/services:1": _services_tar()}
        list(pool.map(lambda name: run(["docker", "import", tars[name], name]), tars))
    context = folder / "standins"
    shutil.copytree(SOURCES, context)
    for wheels, name in ((_wheels(root), "wheels"), (_locust_wheels(root), "locust-wheels")):
        shutil.copytree(wheels, context / name)
    lines = ["services:"]
    for name in names:
        kind = next((kind for kind in KINDS if kind in name), None)
        if kind is None:
            raise PlayError(f"There is no stand-in for the image {name}.")
        lines.append(f'  {kind}: {{build: {{context: ., target: {kind}}}, image: "{name}"}}')
    (context / "compose.yml").write_text("\n".join(lines))
    run(["docker", "compose", "--project-name", "standins", "--file", context / "compose.yml", "build"])
    shutil.rmtree(context)


def _cached(target: Path, make: Callable[[Path], object]) -> None:
    """Make the target unless it is there; one of an earlier recipe goes."""
    if target.exists():
        return
    new = target.with_name(f"new-{target.name}")
    shutil.rmtree(new, ignore_errors=True)
    new.unlink(missing_ok=True)
    make(new)
    for old in CACHE.glob(f"{target.name.rpartition('-')[0]}-*"):
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    new.rename(target)


def _bootstrap(target: Path, mirror: str, recipe: Sequence[str], *suites: str) -> None:
    run(["mmdebstrap", *SLIM, *recipe, suites[0], target, *(f"deb {mirror} {suite} main" for suite in suites)])


def _download(target: Path, *what: str) -> None:
    """Wheels for the stand-in's Python, which is Debian 13's."""
    machine = platform.machine()
    platforms = [f"manylinux_2_28_{machine}", f"manylinux_2_17_{machine}", f"manylinux2014_{machine}", "any"]
    run(
        [
            *(sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--dest", target),
            *("--only-binary", ":all:", "--python-version", "3.13", "--implementation", "cp"),
            *(word for abi in ("cp313", "abi3", "none") for word in ("--abi", abi)),
            *(word for each in platforms for word in ("--platform", each)),
            *what,
        ]
    )


def _mirror() -> str:
    """The Debian mirror that this machine uses."""
    listing = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    for command in (listing, ["apt-get", "update", "-qq"], listing):  # an image of Debian often comes without lists
        for line in run(command).splitlines():
            if line.startswith("http") and "security" not in line:
                return line
    raise PlayError("apt-get names no Debian mirror that is reached by HTTP.")


def _python_tar() -> Path:
    return CACHE / f"python-{_hash(*SLIM, *PYTHON)}"


def _services_tar() -> Path:
    return CACHE / f"services-{_hash(*SLIM, *SERVICES)}"


def _wheels(root: Path) -> Path:
    return CACHE / f"wheels-{_hash((root / 'requirements.txt').read_text())}"


def _locust_wheels(root: Path) -> Path:
    return CACHE / f"locust-{_hash(_locust_version(root))}"


def _locust_version(root: Path) -> str:
    [version] = re.findall(r"locustio/locust:(\S+)", (root / "docker-compose.staging.yml").read_text())
    return str(version)


def _hash(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
