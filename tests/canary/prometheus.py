"""A real Prometheus that reads a page of metrics, which a test sets."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import pytest

from tests.canary.serving import Service, serving
from tests.servers import END_NOW, HOST, clean_environment, free_port, spawn, stop_process

# A scrape that a busy machine makes late leaves a gap, which `last_over_time` looks past.
CONFIGURATION: Final = """\
global: {{scrape_interval: 500ms}}
scrape_configs:
  - job_name: shop
    static_configs: [{{targets: ["{target}"]}}]
"""
READ_WITHIN_S: Final = 60


class Prometheus(NamedTuple):
    url: str
    page: Service

    def publish(self, metrics: bytes, query: str, value: str) -> None:
        """Show these metrics, and wait until the query has this value."""
        self.page.answer = (200, metrics)
        ends_at = time.monotonic() + READ_WITHIN_S
        while time.monotonic() < ends_at:
            if self._value(query) == value:
                return
            time.sleep(0.05)
        raise AssertionError("Prometheus has not read the page")

    def _value(self, query: str) -> str | None:
        try:
            answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, trust_env=False)
            return str(answer.json()["data"]["result"][0]["value"][1])
        except (httpx.HTTPError, ValueError, LookupError):
            return None


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[Prometheus]:
    """Start one on a page of its own. Without the program: skipped aloud, or failed in CI."""
    program = shutil.which("prometheus")
    if program is None:
        sentence = "prometheus is not installed (REQUIRE_SERVICES=1 makes that a failure)"
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(sentence)
        pytest.skip(sentence)
    configuration, port = folder / "prometheus.yml", free_port()
    with serving() as page:
        configuration.write_text(CONFIGURATION.format(target=page.url.removeprefix("http://")))
        command = [program, f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'data'}"]
        command += [f"--web.listen-address={HOST}:{port}"]
        process = spawn(command, log=folder / "log", cwd=folder, env=clean_environment({}))
        try:
            yield Prometheus(f"http://{HOST}:{port}", page)
        finally:
            stop_process(process, END_NOW)
