"""What a route is called, and whether the other version has it too."""

from typing import Any

import pytest

from api_v1.successors import ROUTES
from canary.recording.route_names import name_of

ALONE = [
    *((1, row["method"], row["path"]) for row in ROUTES if row["call"] is None),
    *((2, "GET", "/webhooks"), (2, "DELETE", "/tags/{slug_or_id}"), (2, "POST", "/posts/{id}/actions/archive")),
]


def template(api_version: int, path: str) -> str:
    """As a URLconf has it: places in angle brackets."""
    return f"api/v{api_version}{path}".replace("{", "<str:").replace("}", ">")


@pytest.mark.parametrize("row", [row for row in ROUTES if row["call"]], ids=lambda row: f"{row['method']}{row['path']}")
def test_a_call_of_v1_and_its_successor_have_one_name_and_are_common(row: Any) -> None:
    of_v1 = name_of(1, row["method"], template(1, row["path"]))
    of_v2 = name_of(2, row["call"]["method"], template(2, row["call"]["path"]))
    assert (of_v1.shared, of_v1.is_common, of_v2.is_common) == (of_v2.shared, True, True)


@pytest.mark.parametrize(("api_version", "method", "path"), ALONE)
def test_what_one_version_has_alone_is_not_common(api_version: int, method: str, path: str) -> None:
    assert not name_of(api_version, method, template(api_version, path)).is_common
