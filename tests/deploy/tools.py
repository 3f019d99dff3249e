"""Run the deployment files' own tools, and read the compose file that several rules compare with."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).resolve().parent.parent.parent
COMPOSE: Final = ROOT / "docker-compose.staging.yml"
STAGING: Final[dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())
SERVICES: Final[dict[str, dict[str, Any]]] = STAGING["services"]
PATH: Final = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"])


def run(*command: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Skipped aloud where the tool is missing, unless REQUIRE_SERVICES=1 makes that a failure."""
    program = shutil.which(str(command[0]), path=PATH)
    if program is None:
        sentence = f"{command[0]} is not installed (Debian: prometheus, docker-compose, nginx, kubectl; or make test)"
        if os.environ.get("REQUIRE_SERVICES", "").lower() in ("1", "true"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    return subprocess.run(
        [program, *map(str, command[1:])],
        cwd=ROOT,
        env={"PATH": PATH, "HOME": os.environ.get("HOME", "/"), **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
