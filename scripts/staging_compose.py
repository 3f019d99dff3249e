"""Staging by Docker Compose, brought up with everybody on v2, asked through its proxy, taken back to v1, and removed."""

import http.client
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

COMPOSE: Final = ("docker", "compose", "-f", "docker-compose.staging.yml")
# What can be asked from outside; Grafana and Adminer have nothing to do with the way of a request.
SERVICES: Final = ("nginx", "controller", "worker", "prometheus")
HOST, PORT = "127.0.0.1", 8000
CLIENTS: Final = 50


def main() -> int:
    names = ("POSTGRES_PASSWORD", "SECRET_KEY", "METRICS_TOKEN", "GRAFANA_PASSWORD")
    env = {**os.environ, **{name: secrets.token_hex(32) for name in names}}
    try:
        for percentage, version in (("100", "2"), ("0", "1")):
            _compose(
                "up", "--build", "--detach", "--wait", *SERVICES, env=env | {"API_V2_TRAFFIC_PERCENTAGE": percentage}
            )
            answers = {_ask(f"compose-{number}") for number in range(CLIENTS)}
            if answers != {(200, version)}:
                sys.stderr.write(
                    f"At {percentage} % {CLIENTS} clients got {sorted(answers)}, not 200 by v{version} alone.\n"
                )
                _compose("logs", "--tail", "50", env=env)
                return 1
            print(f"At {percentage} % all of {CLIENTS} clients are answered by v{version}.", flush=True)
    finally:
        _compose("down", "--volumes", "--remove-orphans", env=env)
    return 0


def _compose(*words: str, env: Mapping[str, str]) -> None:
    subprocess.run([*COMPOSE, *words], env=env, check=True)


def _ask(client: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(HOST, PORT, timeout=10)
    try:
        connection.request("GET", "/api/posts", headers={"X-Client-Id": client})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("API-Version", "")
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
