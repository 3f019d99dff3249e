"""A project that has the canary from its wheel and nothing of this repository: environments, copies of the shop."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
SHOP: Final = ROOT / "examples" / "shop"
PACKAGE: Final = ROOT / "packaging" / "canary"
PIP: Final = ("-m", "pip", "--disable-pip-version-check", "-q")
PIPS_S: Final = 600
PG_VARIABLES: Final = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
}
"""Of libpq, by the words of a connection string."""


def build_wheel(folder: Path) -> Path:
    run(sys.executable, *PIP, "wheel", "--no-deps", "-w", folder, PACKAGE, timeout_s=PIPS_S)
    (wheel,) = folder.glob("*.whl")
    return wheel


def pinned(name: str) -> str:
    """Return this repository's pin, as pip takes it."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return next(line.partition(" ")[0] for line in lines if line.startswith(f"{name}=="))


def new_environment(folder: Path, *packages: str | Path) -> Path:
    """Return the interpreter of a new environment with these packages alone."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run(python, *PIP, "install", *packages, timeout_s=PIPS_S)
    return python


@dataclass(frozen=True)
class Project:
    folder: Path
    python: Path
    variables: dict[str, str]

    def manage(self, *words: str, is_refused: bool = False) -> str:
        """Return what `manage.py` prints on both streams; a failure fails the test unless it `is_refused`."""
        return run(self.python, "manage.py", *words, folder=self.folder, env=self.variables, is_refused=is_refused)


def copy_of_shop(folder: Path, python: Path, **variables: str) -> Project:
    left_out = shutil.ignore_patterns("db.sqlite3*", "demo.log", "__pycache__", "break-v2")
    shutil.copytree(SHOP, folder, ignore=left_out)
    return Project(folder, python, variables)


def outside(variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the variables of this repository, such as DJANGO_SETTINGS_MODULE."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "SSL_CERT_FILE") if name in os.environ}
    return {**kept, "PYTHONWARNINGS": "default", **variables}


def run(
    *words: str | Path,
    folder: Path | None = None,
    env: dict[str, str] | None = None,
    is_refused: bool = False,
    timeout_s: int = 60,
) -> str:
    done = subprocess.run(
        [*map(str, words)],
        cwd=folder or ROOT,
        env=outside(env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert (done.returncode != 0) == is_refused, done.stdout
    return done.stdout
