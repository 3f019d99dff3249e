"""What the figures were measured on: hardware and versions, no names of hosts, people or folders."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

from tests.engines import Engines


def description(engines: Engines) -> dict[str, str]:
    return {
        "CPU": _first(r"^model name\s*: (.*)$", "/proc/cpuinfo") or platform.machine(),
        "Cores": f"{os.cpu_count()}",
        "Memory": f"{int(_first(r'^MemTotal: *([0-9]+)', '/proc/meminfo') or 0) / 1024 / 1024:.1f} GiB",
        "Kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Python": platform.python_version(),
        "Django": version("django"),
        "DRF": version("djangorestframework"),
        "gunicorn": f"{version('gunicorn')} (gthread, 4 threads)",
        "PostgreSQL": _number(engines.postgres_version),
        "Redis": engines.redis_version or "",
    }


def _first(pattern: str, path: str) -> str:
    found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    return found[1].strip() if found else ""


def _number(text: str | None) -> str:
    found = re.search(r"\d+(\.\d+)*", text or "")
    return found[0] if found else ""
