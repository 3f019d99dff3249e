"""An account changed through both versions in any order: neither takes away what the other has written."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cms.models import User

BOTH = ("first_name", "last_name", "username")
ONLY_V2 = ("display_name", "bio")
TAKEN = "taken"
names = st.sampled_from(["Mia", "Ida", "Åsa"])
usernames = st.sampled_from(["mia", "ida", TAKEN])


def values_of(*fields: str) -> Any:
    some = {field: usernames if field == "username" else names for field in fields}
    return st.sets(st.sampled_from(fields), min_size=1).flatmap(
        lambda chosen: st.fixed_dictionaries({field: some[field] for field in sorted(chosen)})
    )


writes = st.one_of(
    st.tuples(st.just(1), values_of(*BOTH)),
    st.tuples(st.just(2), values_of(*BOTH, *ONLY_V2)),
)


@pytest.fixture
def user(make_user: Callable[..., User]) -> User:
    make_user(username="taken")
    return make_user(username="mia", email="mia@example.org", first_name="Mia", display_name="M.", bio="Writes.")


def write(client: Client, user: User, version: int, values: Mapping[str, str]) -> Any:
    if version == 1:
        return client.put(f"/api/v1/users/{user.pk}", dict(values), content_type="application/json")
    return client.patch("/api/v2/me", dict(values), content_type="application/json")


@settings(max_examples=15, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests=st.lists(writes, min_size=2, max_size=8))
def test_any_mixture_of_writes_leaves_the_last_value_of_each_field(
    user: User, client_of: Callable[[User], Client], requests: list[tuple[int, dict[str, str]]]
) -> None:
    user.save()  # as it was: hypothesis runs many examples in one test
    client = client_of(user)
    expected = {name: getattr(user, name) for name in (*BOTH, *ONLY_V2)}
    for version, values in requests:
        answer = write(client, user, version, values)
        is_refused = values.get("username") == TAKEN
        assert answer.status_code == (409 if is_refused else 200), answer.content
        if is_refused:
            assert ("success" in answer.json()) == (version == 1)
            assert answer.headers["Content-Type"].startswith(
                "application/" + ("json" if version == 1 else "problem+json")
            )
        else:
            expected |= values
        assert User.objects.values(*expected).get(pk=user.pk) == expected, (version, values)
