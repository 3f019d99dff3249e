"""Users: the admins' list, public profiles, changing, suspending, promoting and deleting accounts."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.models import AuditEvent, AuthSession, Job, Post, User
from cms.services.api_keys import create_api_key
from tests.api_v2.sending import codes_of, problem_of, send
from tests.conftest import PASSWORD

PUBLIC = ["id", "created_at", "updated_at", "username", "display_name", "bio"]
MISSING = "0197a0b0-0000-7000-8000-000000000000"


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user("author", username="mia", first_name="Mia", last_name="Secretname", password=PASSWORD)


@pytest.fixture
def as_admin(client_of: Callable[[User], Client], admin: User) -> Client:
    return client_of(admin)


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [user["username"] for user in answer.json()["data"]]


def test_admins_list_users_newest_first(as_admin: Client, make_user: Callable[..., User]) -> None:
    for number in range(3):
        make_user(username=f"user_{number}")
    page = send(as_admin, "get", "/users?limit=2&count=exact")
    assert names(page) == ["user_2", "user_1"]
    assert page.json()["page"]["total"] == 4
    assert page.json()["data"][0]["email"] == "user_2@example.org"
    assert names(as_admin.get(page.json()["page"]["next"])) == ["user_0", "chief"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("role=editor,author", ["edna", "mia"]),
        ("is_active=false", ["gone"]),
        ("is_active=true&role=subscriber", ["sub"]),
        ("q=SECRET", ["mia"]),
        ("q=mia@", ["mia"]),
        ("q=%25", []),
    ],
)
def test_the_list_is_filtered(
    as_admin: Client, make_user: Callable[..., User], mia: User, query: str, found: list[str]
) -> None:
    make_user("editor", username="edna")
    make_user(username="sub")
    make_user(username="gone", is_active=False)
    assert sorted(names(send(as_admin, "get", f"/users?{query}"))) == found


@pytest.mark.parametrize("query", ["role=Editor", "is_active=yes", "active=true", "fields=password", "q="])
def test_what_the_list_does_not_know_is_a_400_with_what_is_allowed(as_admin: Client, query: str) -> None:
    answer = send(as_admin, "get", f"/users?{query}")
    assert problem_of(answer) == (400, "invalid-parameter")


def test_only_admins_list_users(client: Client, client_of: Callable[[User], Client], editor: User) -> None:
    assert problem_of(send(client, "get", "/users")) == (401, "authentication-required")
    assert problem_of(send(client_of(editor), "get", "/users")) == (403, "permission-denied")


def test_the_public_sees_authors_of_public_posts_and_nobody_else(
    client: Client, make_post: Callable[..., Post], make_user: Callable[..., User], mia: User
) -> None:
    assert problem_of(send(client, "get", f"/users/{mia.pk}")) == (404, "not-found")
    make_post(by=mia, is_published=False)
    assert send(client, "get", f"/users/{mia.pk}").status_code == 404
    co_author = make_user("author")
    make_post(by=mia, co_authors=[co_author])
    answer = send(client, "get", f"/users/{mia.pk}")
    assert list(answer.json()) == PUBLIC
    assert "Secretname" not in answer.content.decode()
    assert (answer.headers["Cache-Control"], answer.headers["ETag"][0]) == ("public, max-age=0, must-revalidate", '"')
    assert send(client, "get", f"/users/{co_author.pk}").status_code == 200
    assert problem_of(send(client, "get", f"/users/{mia.pk}?fields=email")) == (400, "invalid-parameter")


@pytest.mark.parametrize("user_id", [MISSING, "no-uuid", "mia"])
def test_no_such_user_is_a_404(as_admin: Client, mia: User, user_id: str) -> None:
    for method in ("get", "delete"):
        assert problem_of(send(as_admin, method, f"/users/{user_id}")) == (404, "not-found")
    assert problem_of(send(as_admin, "patch", f"/users/{user_id}", {"bio": "x"})) == (404, "not-found")


def test_one_sees_more_of_oneself_and_admins_of_everybody(
    as_admin: Client, client_of: Callable[[User], Client], mia: User
) -> None:
    for reader in (as_admin, client_of(mia)):
        body = send(reader, "get", f"/users/{mia.pk}").json()
        assert (body["last_name"], body["role"], body["is_active"]) == ("Secretname", "author", True)
    assert list(send(as_admin, "get", f"/users/{mia.pk}?fields=email,id").json()) == ["email", "id"]


def test_a_patch_changes_what_it_names(client_of: Callable[[User], Client], mia: User) -> None:
    changes = {"bio": "Writes.", "first_name": None, "display_name": "Mia M."}
    own = client_of(mia)
    answer = send(own, "patch", f"/users/{mia.pk}", changes)
    assert answer.status_code == 200
    mia.refresh_from_db()
    assert (mia.bio, mia.first_name, mia.last_name, mia.display_name) == ("Writes.", "", "Secretname", "Mia M.")
    assert answer.headers["ETag"] == send(own, "get", f"/users/{mia.pk}").headers["ETag"]
    assert AuditEvent.objects.filter(action="user.updated").get().api_version == 2


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"role": "admin"}, [("/role", "unknown_member")]),
        ({"is_active": False, "password": "x"}, [("/is_active", "unknown_member"), ("/password", "unknown_member")]),
        ({"username": None}, [("/username", "invalid_type")]),
        ({"username": "a b c", "email": "nobody"}, [("/username", "invalid_username"), ("/email", "invalid_email")]),
        ({"bio": 1}, [("/bio", "invalid_type")]),
        ([], [("", "invalid_type")]),
    ],
)
def test_a_patch_that_cannot_be_taken_is_a_422(
    client_of: Callable[[User], Client], mia: User, changes: Any, errors: list[tuple[str, str]]
) -> None:
    answer = send(client_of(mia), "patch", f"/users/{mia.pk}", changes)
    assert (answer.status_code, codes_of(answer)) == (422, errors)
    mia.refresh_from_db()
    assert (mia.username, mia.role) == ("mia", "author")


def test_a_taken_name_is_a_409(as_admin: Client, mia: User) -> None:
    answer = send(as_admin, "patch", f"/users/{mia.pk}", {"username": "CHIEF"})
    assert (problem_of(answer), codes_of(answer)) == ((409, "duplicate"), [("/username", "duplicate")])


def test_others_may_not_change_an_account(
    client: Client, client_of: Callable[[User], Client], make_post: Callable[..., Post], editor: User, mia: User
) -> None:
    hidden = client_of(editor)
    assert problem_of(send(hidden, "patch", f"/users/{mia.pk}", {"bio": "x"})) == (404, "not-found")
    make_post(by=mia)
    assert problem_of(send(hidden, "patch", f"/users/{mia.pk}", {"bio": "x"})) == (403, "permission-denied")
    assert problem_of(send(hidden, "delete", f"/users/{mia.pk}")) == (403, "permission-denied")
    assert problem_of(send(client, "delete", f"/users/{mia.pk}")) == (401, "authentication-required")
    mia.refresh_from_db()
    assert (mia.bio, mia.deleted_at) == ("", None)


def test_a_changed_address_is_unverified_and_gets_a_mail(as_admin: Client, make_user: Callable[..., User]) -> None:
    leo = make_user(username="leo", email_verified=True)
    body = send(as_admin, "patch", f"/users/{leo.pk}", {"email": "leo@example.net"}).json()
    assert (body["email"], body["email_verified"]) == ("leo@example.net", False)
    event = AuditEvent.objects.get(action="user.email_changed")
    assert list(Job.objects.values_list("queue_name", "args")) == [
        ("mail", [str(leo.pk)]),
        ("mail", [str(leo.pk), str(event.pk)]),
    ]


def test_deleting_erases_the_person_and_keeps_the_posts(
    client: Client, client_of: Callable[[User], Client], make_post: Callable[..., Post], mia: User
) -> None:
    own, post = client_of(mia), make_post(by=mia)
    answer = send(own, "delete", f"/users/{mia.pk}", {"current_password": PASSWORD})
    assert (answer.status_code, answer.content) == (204, b"")
    assert send(own, "get", "/me").status_code == 401
    body = send(client, "get", f"/users/{mia.pk}").json()
    assert (body["display_name"], "mia" in body["username"]) == ("deleted user", False)
    assert send(client, "get", f"/posts/{post.pk}").status_code == 200
    mia.refresh_from_db()
    assert (mia.first_name, mia.email.endswith("@deleted.invalid"), mia.is_active) == ("", True, False)


def test_a_deleted_user_without_posts_is_found_no_more(as_admin: Client, mia: User) -> None:
    assert send(as_admin, "delete", f"/users/{mia.pk}").status_code == 204
    for method in ("get", "delete"):
        assert problem_of(send(as_admin, method, f"/users/{mia.pk}")) == (404, "not-found")
    assert names(send(as_admin, "get", "/users")) == ["chief"]


def test_a_deleted_author_is_changed_no_more(as_admin: Client, make_post: Callable[..., Post], mia: User) -> None:
    make_post(by=mia)
    send(as_admin, "delete", f"/users/{mia.pk}")
    assert problem_of(send(as_admin, "delete", f"/users/{mia.pk}")) == (409, "invalid-transition")
    assert problem_of(send(as_admin, "post", f"/users/{mia.pk}/actions/activate")) == (409, "invalid-transition")


def test_suspending_ends_everything_at_once_and_activating_brings_none_of_it_back(
    as_admin: Client, client_of: Callable[[User], Client], mia: User
) -> None:
    own = client_of(mia)
    answer = send(as_admin, "post", f"/users/{mia.pk}/actions/suspend")
    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    assert send(own, "get", "/me").status_code == 401
    assert AuthSession.objects.get(user=mia).revoked_at is not None
    assert send(as_admin, "post", f"/users/{mia.pk}/actions/suspend", {}).status_code == 200
    assert send(as_admin, "post", f"/users/{mia.pk}/actions/activate").json()["is_active"] is True
    assert send(own, "get", "/me").status_code == 401
    actions = AuditEvent.objects.filter(object_id=mia.pk).order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["user.registered", "auth.login", "user.suspended", "user.activated"]


def test_set_role_changes_the_role(as_admin: Client, mia: User) -> None:
    answer = send(as_admin, "post", f"/users/{mia.pk}/actions/set-role", {"role": "editor"})
    assert (answer.status_code, answer.json()["role"]) == (200, "editor")
    bad = send(as_admin, "post", f"/users/{mia.pk}/actions/set-role", {"role": "Owner"})
    assert (bad.status_code, codes_of(bad)) == (422, [("/role", "invalid_choice")])
    missing = send(as_admin, "post", f"/users/{mia.pk}/actions/set-role", {})
    assert codes_of(missing) == [("/role", "required")]


@pytest.mark.parametrize(
    ("action", "body"), [("suspend", None), ("set-role", {"role": "editor"}), ("delete", None)], ids=str
)
def test_the_last_admin_stays(as_admin: Client, admin: User, action: str, body: Any) -> None:
    if action == "delete":
        admin.set_password(PASSWORD)
        admin.save()
        answer = send(as_admin, "delete", f"/users/{admin.pk}", {"current_password": PASSWORD})
    else:
        answer = send(as_admin, "post", f"/users/{admin.pk}/actions/{action}", body)
    assert problem_of(answer) == (409, "last-admin")
    admin.refresh_from_db()
    assert (admin.role, admin.is_active) == ("admin", True)


@pytest.mark.parametrize("action", ["suspend", "activate", "set-role"])
def test_only_admins_act_on_accounts(
    client: Client, client_of: Callable[[User], Client], mia: User, action: str
) -> None:
    path = f"/users/{mia.pk}/actions/{action}"
    assert problem_of(send(client_of(mia), "post", path, {})) == (403, "permission-denied")
    assert problem_of(send(client, "post", path, {})) == (401, "authentication-required")
    assert problem_of(send(client_of(mia), "get", path)) == (405, "method-not-allowed")


def test_an_admins_key_does_what_its_scopes_name(admin: User, mia: User, now: datetime.datetime) -> None:
    def robot(*scopes: str) -> Client:
        fields: Any = {"name": "Robot", "scopes": scopes}
        return Client(headers={"x-api-key": create_api_key(actor=admin, owner=admin, fields=fields, now=now).raw_key})

    reader, writer = robot("users:read"), robot("users:write")
    assert names(send(reader, "get", "/users?role=author")) == ["mia"]
    assert send(reader, "get", f"/users/{mia.pk}").json()["email"] == mia.email
    assert problem_of(send(reader, "patch", f"/users/{mia.pk}", {"bio": "x"})) == (403, "insufficient-scope")
    assert send(writer, "post", f"/users/{mia.pk}/actions/suspend").status_code == 200
    assert problem_of(send(writer, "get", "/users")) == (403, "insufficient-scope")


def test_if_match_guards_changes_and_actions(as_admin: Client, mia: User) -> None:
    path = f"/users/{mia.pk}"
    etag = send(as_admin, "get", path).headers["ETag"]
    assert send(as_admin, "patch", path, {"bio": "One"}, **{"If-Match": etag}).status_code == 200
    current = send(as_admin, "get", path).headers["ETag"]
    for method, where, body in (
        ("patch", path, {"bio": "Two"}),
        ("delete", path, None),
        ("post", f"{path}/actions/suspend", None),
    ):
        answer = send(as_admin, method, where, body, **{"If-Match": etag})
        assert problem_of(answer) == (412, "precondition-failed")
        assert answer.headers["ETag"] == current
    mia.refresh_from_db()
    assert (mia.bio, mia.is_active, mia.deleted_at) == ("One", True, None)


def test_a_repeated_registration_with_its_key_makes_one_user(client: Client, db: None) -> None:
    body = {"username": "leo", "email": "leo@example.org", "password": "a long enough pass-phrase"}
    first, again = (send(client, "post", "/users", body, **{"Idempotency-Key": "k1"}) for _ in range(2))
    assert (first.status_code, again.status_code, first.content) == (201, 201, again.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.headers["Location"] == f"/api/v2/users/{first.json()['id']}"
    assert (User.objects.count(), Job.objects.count()) == (1, 1)
