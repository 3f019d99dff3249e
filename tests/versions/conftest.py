"""What both API versions must answer alike, each in its own words: credentials and limits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.utils import timezone

from cms.models import User
from cms.policy import SYSTEM
from cms.services.api_keys import create_api_key
from tests.conftest import PASSWORD


@dataclass(frozen=True)
class Version:
    """One version's paths, and how to read its answers."""

    number: int
    me: str
    login: str
    refresh: str
    register: str

    @property
    def base(self) -> str:
        return f"/api/v{self.number}"

    def send(self, client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
        send = getattr(client, method)
        if method in ("get", "head", "options"):
            return send(f"{self.base}{path}", headers=headers)
        return send(f"{self.base}{path}", body or {}, content_type="application/json", headers=headers)

    def sign_in(self, user: User, client: Client | None = None) -> dict[str, str]:
        response = self.try_password(client or Client(), user.email, PASSWORD)
        assert response.status_code == 200, response.content
        return self.tokens(response)

    def try_password(self, client: Client, email: str, password: str) -> Any:
        return self.send(client, "post", self.login, {"email": email, "password": password})

    def renew(self, refresh_token: str) -> Any:
        return self.send(Client(), "post", self.refresh, {"refresh_token": refresh_token})

    def tokens(self, response: Any) -> dict[str, str]:
        body = response.json()
        return dict(body["data"]["tokens"] if self.number == 1 else body)

    def name_in(self, response: Any) -> str:
        """The username in a profile."""
        body = response.json()
        return str((body["data"] if self.number == 1 else body)["username"])

    def refusal(self, response: Any, status: int) -> str:
        """The sentence of an answer with that status, which wears the version's own shape of errors."""
        body = response.json()
        assert response.status_code == status, response.content
        if self.number == 1:
            assert (body["success"], body["data"]) == (False, None)
            return str(body["error"])
        assert response.headers["Content-Type"] == "application/problem+json"
        assert body["status"] == status
        return str(body["detail"])


VERSIONS = (
    Version(1, me="/auth/profile", login="/auth/login", refresh="/auth/refresh", register="/auth/register"),
    Version(2, me="/me", login="/auth/token", refresh="/auth/token/refresh", register="/users"),
)


@pytest.fixture(params=VERSIONS, ids=["v1", "v2"])
def version(request: pytest.FixtureRequest) -> Version:
    found: Version = request.param
    return found


@pytest.fixture(params=VERSIONS, ids=["other-v1", "other-v2"])
def other_version(request: pytest.FixtureRequest) -> Version:
    found: Version = request.param
    return found


@cache
def _hash() -> str:
    """Of PASSWORD, computed once."""
    return make_password(PASSWORD)


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    """An author whose password is PASSWORD."""
    user = make_user("author", username="mia")
    user.password = _hash()
    user.save()
    return user


@pytest.fixture
def raw_key_of() -> Callable[..., str]:
    """`raw_key_of(user, "posts:read", …)`: a new key of the user's."""

    def make(owner: User, *scopes: str, **fields: Any) -> str:
        values: Any = {"name": "Robot", "scopes": list(scopes), **fields}
        return create_api_key(actor=SYSTEM, owner=owner, fields=values, now=timezone.now()).raw_key

    return make


def with_token(token: str, **more: str) -> Client:
    return Client(headers={"authorization": f"Bearer {token}", **more})


def with_key(raw_key: str, **more: str) -> Client:
    return Client(headers={"x-api-key": raw_key, **more})


@dataclass
class Browser:
    """A browser that has signed in at the admin site, with CSRF checks as they are outside tests."""

    user: User
    client: Client = field(default_factory=lambda: Client(enforce_csrf_checks=True))

    def __post_init__(self) -> None:
        self.client.force_login(self.user)

    def csrf_headers(self) -> dict[str, str]:
        body = self.client.get("/api/v1/csrf-token").json()
        assert (body["success"], body["expires_in"]) == (True, settings.CSRF_COOKIE_AGE)
        return {"X-CSRFToken": body["csrf_token"]}
