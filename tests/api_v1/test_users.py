"""GET /users; GET, PUT and DELETE /users/{uuid}."""

import datetime
from typing import Any

import pytest
from django.test import Client

from cms.models import AuditEvent, AuthSession, User
from cms.policy import SYSTEM
from cms.services.user_deletion import delete_user
from tests.api_v1.conftest import items_of

PATH = "/api/v1/users"
ABSENT = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def admins_client(client_of: Any, admin: User) -> Client:
    return client_of(admin)  # type: ignore[no-any-return]


def names_of(response: Any) -> list[str]:
    return [item["username"] for item in items_of(response)]


def put(client: Client, user: User, body: Any) -> Any:
    return client.put(f"{PATH}/{user.pk}", body, content_type="application/json")


def test_an_admin_lists_accounts_newest_first(admins_client: Client, make_user: Any) -> None:
    user = make_user("editor", username="mia", first_name="Mia", last_name="M", display_name="hidden in v1")
    data = admins_client.get(PATH).json()["data"]
    assert [item["username"] for item in data["items"]] == ["mia", "chief"]
    assert (data["total"], data["page"], data["limit"], data["total_pages"]) == (2, 1, 20, 1)
    item = data["items"][0]
    assert (item["id"], item["email"], item["role"]) == (str(user.pk), "mia@example.org", "Editor")
    assert (item["is_active"], item["email_verified"], item["last_login"]) == (True, False, None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("role=Author", ["ann"]),
        ("role=author", ["ann"]),
        ("active=false", ["sam"]),
        ("active=true&role=Subscriber", ["kim"]),
        ("role=Wizard&active=maybe", ["sam", "kim", "ann", "chief"]),
        ("sort=username", ["ann", "chief", "kim", "sam"]),
        ("sort=-username", ["sam", "kim", "chief", "ann"]),
        ("sort=email", ["chief", "ann", "kim", "sam"]),
        ("sort=created_at", ["chief", "ann", "kim", "sam"]),
        ("sort=password", ["sam", "kim", "ann", "chief"]),
        ("sort=-last_login", ["chief", "sam", "kim", "ann"]),
        ("limit=1&page=2", ["kim"]),
        ("page=9", []),
    ],
)
def test_a_list_is_filtered_and_sorted(query: str, expected: list[str], admins_client: Client, make_user: Any) -> None:
    make_user("author", username="ann", email="b@example.org")
    make_user(username="kim", email="c@example.org")
    make_user(username="sam", email="d@example.org", is_active=False)
    User.objects.filter(username="chief").update(email="a@example.org")
    assert names_of(admins_client.get(f"{PATH}?{query}")) == expected


@pytest.mark.parametrize("role", ["subscriber", "author", "editor"])
def test_the_list_is_for_admins(role: str, client_of: Any, make_user: Any, anonymous: Client) -> None:
    assert client_of(make_user(role)).get(PATH).status_code == 403
    assert anonymous.get(PATH).status_code == 401


@pytest.mark.parametrize("method", ["get", "put", "delete"])
@pytest.mark.parametrize("role", ["subscriber", "author", "editor"])
def test_to_others_every_account_is_refused_alike(
    role: str, method: str, client_of: Any, make_user: Any, send: Any, admin: User
) -> None:
    client = client_of(make_user(role))
    there = getattr(client, method)(f"{PATH}/{admin.pk}", content_type="application/json")
    absent = getattr(client, method)(f"{PATH}/{ABSENT}", content_type="application/json")
    assert (there.status_code, absent.status_code) == (403, 403)
    assert there.content == absent.content
    assert User.objects.get(pk=admin.pk).is_active


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_who_asks_comes_first_then_the_id(method: str, anonymous: Client, admins_client: Client) -> None:
    for client, path, status in (
        (anonymous, ABSENT, 401),
        (admins_client, "no-uuid", 400),
        (admins_client, ABSENT, 404),
    ):
        assert getattr(client, method)(f"{PATH}/{path}", content_type="application/json").status_code == status


def test_everybody_reads_and_changes_the_own_account(client_of: Any, make_user: Any) -> None:
    user = make_user(username="mia")
    client = client_of(user)
    read = client.get(f"{PATH}/{user.pk}").json()["data"]
    assert read == client.get("/api/v1/auth/profile").json()["data"]
    changes = {"username": "mia2", "email": "mia2@example.org", "first_name": "Mia", "last_name": "M."}
    data = put(client, user, changes | {"bio": "ignored"}).json()["data"]
    assert data == read | changes | {"updated_at": data["updated_at"]}
    assert User.objects.get(pk=user.pk).bio == ""


@pytest.mark.parametrize(
    "body", [{"role": "Admin"}, {"is_active": False}, {"role": "Wizard"}, {"role": "Admin", "bio": 1}]
)
def test_a_subscriber_changes_neither_role_nor_state(body: Any, client_of: Any, make_user: Any) -> None:
    user = make_user()
    response = put(client_of(user), user, body | {"first_name": "Not stored"})
    assert response.status_code == 403
    stored = User.objects.get(pk=user.pk)
    assert (stored.role, stored.is_active, stored.first_name) == ("subscriber", True, "")


def test_an_account_can_be_sent_back_as_it_was_read(client_of: Any, make_user: Any) -> None:
    user = make_user(username="mia")
    client = client_of(user)
    read = client.get(f"{PATH}/{user.pk}").json()["data"]
    assert put(client, user, read).json()["data"] == read
    assert put(client, user, {}).json()["data"] == read


def test_an_admin_changes_roles_and_suspends_and_activates(
    admins_client: Client, make_user: Any, client_of: Any
) -> None:
    user = make_user()
    client = client_of(user)
    assert put(admins_client, user, {"role": "Author"}).json()["data"]["role"] == "Author"
    assert put(admins_client, user, {"is_active": False}).json()["data"]["is_active"] is False
    assert client.get("/api/v1/posts").status_code == 401
    assert not AuthSession.objects.filter(user=user, revoked_at=None).exists()
    assert put(admins_client, user, {"is_active": True}).json()["data"]["is_active"] is True
    actions = list(
        AuditEvent.objects.filter(object_id=user.pk, api_version=1).order_by("pk").values_list("action", flat=True)
    )
    assert actions == ["user.role_changed", "user.suspended", "user.activated"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": "x"}, "username"),
        ({"username": "root"}, "username"),
        ({"username": 5}, "username"),
        ({"email": "no-address"}, "email"),
        ({"first_name": "x" * 151}, "first_name"),
        ({"role": "Wizard"}, "role"),
        ({"role": 5}, "role"),
        ({"is_active": "yes"}, "is_active"),
    ],
)
def test_a_wrong_field_is_422(change: Any, field: str, admins_client: Client, make_user: Any) -> None:
    response = put(admins_client, make_user(), change)
    assert response.status_code == 422
    assert {wrong["field"] for wrong in response.json()["validation_errors"]} == {field}


@pytest.mark.parametrize("change", [{"username": "CHIEF"}, {"email": "Chief@Example.org"}])
def test_what_somebody_else_has_is_409(change: Any, admins_client: Client, make_user: Any) -> None:
    assert put(admins_client, make_user(), change).status_code == 409


def test_deleting_deactivates_and_erases_nothing(admins_client: Client, make_user: Any, client_of: Any) -> None:
    user = make_user(username="mia", first_name="Mia")
    client = client_of(user)
    response = admins_client.delete(f"{PATH}/{user.pk}")
    assert (response.status_code, response.json()["data"]) == (200, {"message": "User deactivated"})
    stored = User.objects.get(pk=user.pk)
    assert (stored.is_active, stored.username, stored.first_name, stored.deleted_at) == (False, "mia", "Mia", None)
    assert client.get("/api/v1/auth/profile").status_code == 401
    assert admins_client.delete(f"{PATH}/{user.pk}").status_code == 200
    assert AuditEvent.objects.filter(action="user.suspended").count() == 1


def test_everybody_may_deactivate_the_own_account(client_of: Any, make_user: Any) -> None:
    user = make_user()
    client = client_of(user)
    assert client.delete(f"{PATH}/{user.pk}").status_code == 200
    assert not User.objects.get(pk=user.pk).is_active
    assert client.get("/api/v1/posts").status_code == 401


@pytest.mark.parametrize("body", [None, {"is_active": False}, {"role": "Editor"}])
def test_the_last_admin_stays(body: Any, admins_client: Client, admin: User) -> None:
    response = put(admins_client, admin, body) if body else admins_client.delete(f"{PATH}/{admin.pk}")
    assert response.status_code == 409
    assert User.objects.get().is_superuser


def test_a_deleted_user_is_not_found(admins_client: Client, make_user: Any, now: datetime.datetime) -> None:
    user = make_user()
    delete_user(actor=SYSTEM, user=user, now=now)
    assert names_of(admins_client.get(PATH)) == ["chief"]
    for method in ("get", "put", "delete"):
        response = getattr(admins_client, method)(f"{PATH}/{user.pk}", content_type="application/json")
        assert response.status_code == 404
