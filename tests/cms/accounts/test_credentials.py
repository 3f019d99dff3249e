"""Who a request's credential speaks for, as the canary asks: without a query, and never an error."""

from collections.abc import Callable

import pytest
from django.test import RequestFactory
from django.utils import timezone

from cms.accounts.credentials import identify
from cms.models import User
from cms.services.sessions import open_session
from cms.tokens.api_keys import make_raw_key, prefix_of

KEY = make_raw_key()


@pytest.mark.parametrize(
    ("headers", "identity"),
    [
        ({}, None),
        ({"x-api-key": KEY}, ("key", prefix_of(KEY))),
        ({"x-api-key": f" {KEY} "}, ("key", prefix_of(KEY))),
        ({"x-api-key": KEY, "authorization": "Bearer nonsense"}, ("key", prefix_of(KEY))),
        ({"x-api-key": KEY.upper()}, None),
        ({"x-api-key": ""}, None),
        ({"x-api-key": "caf\xe9"}, None),
        ({"authorization": "Bearer nonsense"}, None),
        ({"authorization": "Basic dTpw"}, None),
    ],
    ids=["nothing", "key", "spaces", "key beside token", "capitals", "empty", "no ascii", "token", "basic"],
)
def test_a_key_is_known_by_its_prefix(headers: dict[str, str], identity: tuple[str, str] | None) -> None:
    assert identify(RequestFactory().get("/api", headers=headers)) == identity


def test_a_token_is_known_by_its_user_and_goes_before_a_key(make_user: Callable[..., User]) -> None:
    user = make_user()
    token = open_session(user=user, now=timezone.now()).access_token
    request = RequestFactory().get("/api", headers={"authorization": f"Bearer {token}", "x-api-key": KEY})
    assert identify(request) == ("user", str(user.pk))
