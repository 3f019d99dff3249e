"""GET and POST /api-keys, DELETE /api-keys/{uuid}. What a key then opens is the business of authentication's tests."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms import limits
from cms.models import ApiKey, User
from cms.services.api_keys import create_api_key, find_api_key
from tests.api_v1.conftest import items_of
from tests.api_v1.documented import DocumentedClient

PATH = "/api/v1/api-keys"
BODY = {"name": "My script", "permissions": ["posts:write", "posts:read", "posts:read"]}


def make_key(owner: User, name: str = "A key") -> ApiKey:
    fields: Any = {"name": name, "scopes": ["posts:read"]}
    return create_api_key(actor=owner, owner=owner, fields=fields, now=timezone.now()).api_key


def test_a_key_is_issued_and_its_secret_shown_once(client_of: Any, author: User, send: Any) -> None:
    client = client_of(author)
    response = send(client, "post", PATH, BODY | {"is_active": False, "owner": "x"})
    assert response.status_code == 201
    data = response.json()["data"]
    assert data["api_key"]["permissions"] == ["posts:read", "posts:write"]
    assert (data["api_key"]["name"], data["api_key"]["is_active"], data["api_key"]["last_used_at"]) == (
        "My script",
        True,
        None,
    )
    listed = client.get(PATH)
    assert items_of(listed) == [data["api_key"]]
    raw_key, key = data["raw_key"], ApiKey.objects.get()
    assert find_api_key(raw_key=raw_key, now=timezone.now()) == key
    assert raw_key not in listed.text
    assert key.digest not in response.text + listed.text
    assert raw_key not in str(ApiKey.objects.values().get())


def test_a_list_holds_ones_own_keys_the_newest_first(client_of: Any, author: User, make_user: Any) -> None:
    admin = make_user("admin")
    for name in ("first", "second", "third"):
        make_key(author, name)
    make_key(admin, "another's")
    assert [item["name"] for item in items_of(client_of(author).get(PATH))] == ["third", "second", "first"]
    assert [item["name"] for item in items_of(client_of(author).get(f"{PATH}?limit=1&page=2"))] == ["second"]
    assert [item["name"] for item in items_of(client_of(admin).get(PATH))] == ["another's"]
    assert items_of(client_of(make_user()).get(PATH)) == []


def test_a_revoked_key_stays_in_the_list_and_opens_nothing(client_of: Any, author: User, send: Any) -> None:
    client = client_of(author)
    data = send(client, "post", PATH, BODY).json()["data"]
    with_key = DocumentedClient(headers={"x-api-key": data["raw_key"]})
    assert with_key.get("/api/v1/posts").status_code == 200
    for _ in range(2):
        response = client.delete(f"{PATH}/{data['api_key']['id']}")
        assert (response.status_code, response.json()["data"]) == (200, {"message": "API key revoked"})
    assert [item["is_active"] for item in items_of(client.get(PATH))] == [False]
    assert with_key.get("/api/v1/posts").status_code == 401


def test_a_key_of_somebody_else_is_not_found_but_for_admins(client_of: Any, author: User, make_user: Any) -> None:
    key = make_key(author)
    assert client_of(make_user("editor")).delete(f"{PATH}/{key.pk}").status_code == 404
    assert ApiKey.objects.get().is_active
    assert client_of(make_user("admin")).delete(f"{PATH}/{key.pk}").status_code == 200
    assert not ApiKey.objects.get().is_active


def test_a_key_issues_lists_and_revokes_no_keys(client_of: Any, author: User, send: Any) -> None:
    data = send(client_of(author), "post", PATH, BODY).json()["data"]
    with_key = DocumentedClient(headers={"x-api-key": data["raw_key"]})
    assert send(with_key, "post", PATH, BODY).status_code == 403
    assert with_key.get(PATH).status_code == 403
    assert with_key.delete(f"{PATH}/{data['api_key']['id']}").status_code == 403
    assert ApiKey.objects.count() == 1


def test_without_a_user_there_are_no_keys(anonymous: Client, author: User) -> None:
    key = make_key(author)
    assert anonymous.get(PATH).status_code == 401
    assert anonymous.post(PATH, "{", content_type="application/json").status_code == 401
    assert anonymous.delete(f"{PATH}/{key.pk}").status_code == 401


def test_an_id_that_is_no_uuid_is_400(client_of: Any, author: User) -> None:
    assert client_of(author).delete(f"{PATH}/1").status_code == 400


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": None}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"permissions": []}, "permissions"),
        ({"permissions": None}, "permissions"),
        ({"permissions": "posts:read"}, "permissions"),
        ({"permissions": [1]}, "permissions"),
        ({"permissions": ["posts:burn"]}, "permissions"),
        ({"permissions": ["posts:read", "users:write"]}, "permissions"),
    ],
)
def test_a_wrong_field_is_422_by_v1s_name(change: Any, field: str, client_of: Any, author: User, send: Any) -> None:
    response = send(client_of(author), "post", PATH, BODY | change)
    assert response.status_code == 422
    assert {wrong["field"] for wrong in response.json()["validation_errors"]} == {field}
    assert not ApiKey.objects.exists()


def test_one_key_too_many_is_a_conflict(
    client_of: Any, author: User, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LIVE_KEYS_MAX", 1)
    make_key(author)
    response = send(client_of(author), "post", PATH, BODY)
    assert response.status_code == 409
    assert response.json()["error"] == "An owner has at most 1 live API keys. Revoke one that is no longer needed."
