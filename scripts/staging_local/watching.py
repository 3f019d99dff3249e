"""Prometheus with the compose file's rules, where it is installed."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from scripts.staging_local.ports import HOST
from tests.servers import ROOT

CONFIGURATION: Final = ROOT / "deploy/prometheus/prometheus.yml"


def prometheus_command(folder: Path, ports: Mapping[str, int], token: str) -> list[str] | None:
    """None where it isn't installed."""
    program = shutil.which("prometheus")
    if program is None:
        return None
    folder.mkdir(exist_ok=True)
    token_file = folder / "metrics_token"
    token_file.touch(mode=0o600)
    token_file.write_text(token)
    text = CONFIGURATION.read_text().replace("/run/secrets/metrics_token", str(token_file))
    text = text.replace("alerts.yml", str(CONFIGURATION.with_name("alerts.yml")))
    path = folder / "prometheus.yml"
    path.write_text(re.sub(r"(web-\d+):8000", lambda found: f"{HOST}:{ports[found[1]]}", text))
    return [
        program,
        f"--config.file={path}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=1d",
        f"--web.listen-address={HOST}:{ports['prometheus']}",
    ]
