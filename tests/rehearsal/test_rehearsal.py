"""The rehearsal that `make canary-demo` shows."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.databases import copied_database
from tests.rehearsal.running import rehearse
from tests.rehearsal.telling import Teller
from tests.session import ENGINES
from tests.stalls import fair_time


@pytest.mark.slow
def test_outages_and_faults_are_found_by_themselves_and_a_healthy_v2_goes_all_the_way(
    template_of: Callable[[str], str], tmp_path: Path
) -> None:
    redis_url = ENGINES.redis_url_for(os.environ.get("PYTEST_XDIST_WORKER", "master"))
    if redis_url is None:
        pytest.skip("no Redis was found (REQUIRE_SERVICES=1 makes that a failure)")
    teller, began_at = Teller(), fair_time()
    with copied_database(template_of("postgresql"), tmp_path) as url:
        rehearse(url, redis_url, tmp_path, teller)
    assert fair_time() - began_at < 900  # some 4 minutes, on a machine that does nothing else
