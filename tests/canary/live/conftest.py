"""Clusters on databases of their own: what they show is how processes agree, not what they answer."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.canary.live.cluster import DEAD_REDIS, UNLIMITED, Cluster
from tests.databases import copied_database, process_env
from tests.engines import Engines, _start_redis, find_redis
from tests.servers import Server, stop_process
from tests.session import ENGINES


def _shared_redis() -> str:
    return ENGINES.redis_url_for(os.environ.get("PYTEST_XDIST_WORKER", "master")) or DEAD_REDIS


@pytest.fixture
def cluster(template_of: Callable[[str], str], tmp_path: Path) -> Iterator[Cluster]:
    with copied_database(template_of("postgresql"), tmp_path) as url:
        yield Cluster(process_env(url, REDIS_URL=_shared_redis(), **UNLIMITED))


@pytest.fixture
def kill_redis(cluster: Cluster) -> Iterator[Callable[[], None]]:
    """With it the cluster has a Redis of its own, until this is called."""
    program = find_redis(os.environ)
    if program is None:
        pytest.skip("no Redis was found (REQUIRE_SERVICES=1 makes that a failure)")
    engines = Engines()
    cluster.env["REDIS_URL"] = _start_redis(engines, program)
    yield lambda: stop_process(engines.processes.pop(), signal.SIGKILL)
    engines.stop()


@pytest.fixture(scope="module")
def shared_cluster(template_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with copied_database(template_of("postgresql"), tmp_path_factory.mktemp("shared")) as url:
        yield Cluster(process_env(url, REDIS_URL=_shared_redis(), **UNLIMITED))


@pytest.fixture(scope="module")
def servers(shared_cluster: Cluster) -> Iterator[list[Server]]:
    """Two, for a module whose tests leave the rollout as they found it."""
    with shared_cluster.serving() as servers:
        yield servers
