"""Who listens where: the compose file's ports, moved by 10,000 where somebody else has them already."""

import socket
from collections.abc import Mapping
from typing import Final

from scripts.staging_local.errors import StagingError

HOST: Final = "127.0.0.1"
# The compose file publishes none of the web processes; here they have to be somewhere.
USUAL: Final[Mapping[str, int]] = {
    "nginx": 8000,
    "web-1": 8001,
    "web-2": 8002,
    "postgres": 5432,
    "redis": 6379,
    "prometheus": 9090,
}
MOVED_BY: Final = 10_000


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose_ports(usual: Mapping[str, int] = USUAL) -> tuple[dict[str, int], list[str]]:
    """A port for each name, and a sentence for each that isn't the usual one."""
    ports, moved = {}, []
    for name, port in usual.items():
        ports[name] = port if is_free(port) else port + MOVED_BY
        if ports[name] == port:
            continue
        if not is_free(ports[name]):
            raise StagingError(f"{name} needs port {port} or {ports[name]}, and both are taken.")
        moved.append(f"Port {port} is taken: {name} is on {ports[name]}.")
    return ports, moved
