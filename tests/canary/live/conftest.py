"""One cluster a module, on a database of its own: what it shows is how processes agree, not what they answer."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.canary.live.cluster import DEAD_REDIS, UNLIMITED, Cluster
from tests.databases import copied_database, process_env
from tests.session import ENGINES


@pytest.fixture(params=["redis", "no_redis"])
def cluster(
    request: pytest.FixtureRequest, template_of: Callable[[str], str], tmp_path: os.PathLike[str]
) -> Iterator[Cluster]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "master")
    redis_url = (ENGINES.redis_url_for(worker) or "") if request.param == "redis" else DEAD_REDIS
    with copied_database(template_of("postgresql"), tmp_path) as url:  # type: ignore[arg-type]
        yield Cluster(process_env(url, REDIS_URL=redis_url, **UNLIMITED))
