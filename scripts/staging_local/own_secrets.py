"""The secrets of staging: made once, in a file that its owner alone may read, under the compose file's names."""

import os
import secrets
from pathlib import Path
from typing import Final

NAMES: Final = ("POSTGRES_PASSWORD", "SECRET_KEY", "METRICS_TOKEN", "GRAFANA_PASSWORD", "ADMIN_PASSWORD")

BYTES: Final = 48
"""64 characters: Django calls a SECRET_KEY of fewer than 50 insecure."""


def load_or_make_secrets(path: Path) -> dict[str, str]:
    """`docker compose --env-file` reads the same file."""
    known = dict(line.split("=", 1) for line in path.read_text().splitlines()) if path.exists() else {}
    wanted = {name: known.get(name) or secrets.token_urlsafe(BYTES) for name in NAMES}
    if wanted != known:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(f"{name}={value}\n" for name, value in wanted.items())
    return wanted
