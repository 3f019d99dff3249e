"""A real provider on loopback, and the user whom it signs in."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cms.models import User
from tests.conftest import PASSWORD
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, providing

EMAIL = "mia@example.org"


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    """Says that it has signed Mia in, whose address it has verified."""
    with providing() as provider:
        settings.OIDC_ISSUER, settings.OIDC_NAME = provider.issuer, "Press"
        settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        provider.claims |= {"email": EMAIL, "email_verified": True}
        yield provider


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    make_user("admin")  # or she would be the last one
    return make_user("admin", username="mia", email=EMAIL, email_verified=True, password=PASSWORD)
