"""What a route is called where no mapping is declared, and where nothing was resolved."""

from collections.abc import Callable

import pytest

from canary.core.values import Decision, Identity, Snapshot
from canary.recording.recorder import Seen
from canary.recording.route_names import UNKNOWN, name_of
from canary.recording.tally import Tally
from canary.requests.queries import Counted
from tests.canary.seeing import ARMS


def test_without_a_mapping_a_path_that_both_urlconfs_have_is_common(rollout: Callable[..., None]) -> None:
    rollout(0, **ARMS)
    for version in (1, 2):
        assert name_of(version, "GET", "api/things/<str:id>") == ("GET /things/{id}", "GET /things/{id}", True)
    assert not name_of(2, "GET", "api/of-v2-alone").is_common
    assert name_of(2, "GET", "<path:rest>") == name_of(2, "GET", None) == UNKNOWN


@pytest.mark.parametrize(
    ("path", "route"),
    [("/api/posts/some-slug", "GET /posts/{uuid}"), ("/api/tags", "GET /tags"), ("/api/nowhere", "(unknown)")],
)
def test_what_finds_no_place_beside_requests_that_hang_is_named_by_its_path(path: str, route: str) -> None:
    """The reason of a rollback said that most of the errors were on an unknown route."""
    counted, decision = Tally(), Decision(2, "bucket", Identity("client", "c"))
    request = ("GET", None, path, 503, decision, Snapshot(1, 5_000, "salt", stage=1), Counted(0))
    counted.take(Seen(0, 1_000, *request, "", None, None, "", "", "192.0.2.1", "curl"), 1_764_000_000.0)
    assert [key.route for key in counted.batch.cells] == [route]
