"""What a route is called where no mapping is declared."""

from collections.abc import Callable

from canary.recording.route_names import UNKNOWN, name_of
from tests.canary.seeing import ARMS


def test_without_a_mapping_a_path_that_both_urlconfs_have_is_common(rollout: Callable[..., None]) -> None:
    rollout(0, **ARMS)
    for version in (1, 2):
        assert name_of(version, "GET", "api/things/<str:id>") == ("GET /things/{id}", "GET /things/{id}", True)
    assert not name_of(2, "GET", "api/of-v2-alone").is_common
    assert name_of(2, "GET", "<path:rest>") == name_of(2, "GET", None) == UNKNOWN
