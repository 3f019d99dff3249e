"""Rows about users: registering, reading, changing, deleting, and who may."""

import uuid

import httpx
import pytest

from tests.live.answers import created, ok, pointers, problem
from tests.live.site import PASSWORD, Site, unique

FIELDS = "SELECT username, email, role, is_active, first_name FROM cms_user WHERE id = %s"


def registration(**changes: object) -> dict[str, object]:
    username = unique("new")
    return {"username": username, "email": f"{username}@example.org", "password": PASSWORD, **changes}


def test_register_201(site: Site) -> None:
    body = registration(first_name="Mia")
    user = created(site.anonymous.post("/users", json=body), "users")
    assert {user[name] for name in ("username", "email", "first_name")} == {
        body[name] for name in ("username", "email", "first_name")
    }
    assert (user["role"], user["is_active"], user["email_verified"], "password" in user) == (
        "subscriber",
        True,
        False,
        False,
    )
    row = site.row("SELECT username, role, password FROM cms_user WHERE id = %s", user["id"])
    assert (row["username"], row["role"]) == (body["username"], "subscriber")
    assert row["password"].startswith("argon2$argon2id$")


@pytest.mark.parametrize("name", ["username", "email"])
def test_register_duplicate_409(site: Site, name: str) -> None:
    taken = site.register()
    answer = site.anonymous.post("/users", json=registration(**{name: taken[name].upper()}))
    assert pointers(problem(answer, 409, "duplicate")) == {f"/{name}": "duplicate"}
    assert site.row("SELECT count(*) FROM cms_user WHERE lower(email) = %s", taken["email"])["count"] == 1


def test_register_invalid_email_422(site: Site) -> None:
    body = registration(email="not-an-address")
    assert set(pointers(problem(site.anonymous.post("/users", json=body), 422, "invalid-input"))) == {"/email"}
    assert site.rows("SELECT 1 FROM cms_user WHERE username = %s", body["username"]) == []


def test_user_get(site: Site) -> None:
    user = site.register()
    answer = site.people["admin"].get(f"/users/{user['id']}")
    assert ok(answer)["email"] == user["email"]
    assert answer.headers["ETag"].startswith('"')
    assert answer.headers["Cache-Control"] == "private, no-cache"
    again = site.people["admin"].get(f"/users/{user['id']}", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_user_missing_404(site: Site) -> None:
    for nobody in (uuid.uuid4(), "not-a-uuid"):
        problem(site.people["admin"].get(f"/users/{nobody}"), 404, "not-found")


def test_user_hidden_404_for_strangers(site: Site) -> None:
    user = site.register()
    for client in (site.anonymous, site.people["subscriber"]):
        problem(client.get(f"/users/{user['id']}"), 404, "not-found")


def test_user_update(site: Site) -> None:
    user = site.register()
    changed = ok(site.people["admin"].patch(f"/users/{user['id']}", json={"first_name": "Ida", "bio": "Writes."}))
    assert (changed["first_name"], changed["bio"], changed["username"]) == ("Ida", "Writes.", user["username"])
    assert site.row(FIELDS, user["id"])["first_name"] == "Ida"


def test_user_update_with_an_old_etag_412(site: Site) -> None:
    user = site.register()
    path = f"/users/{user['id']}"
    old = site.people["admin"].get(path).headers["ETag"]
    new = site.people["admin"].patch(path, json={"first_name": "Ida"}, headers={"If-Match": old})
    assert new.status_code == 200
    late = site.people["admin"].patch(path, json={"first_name": "Late"}, headers={"If-Match": old})
    problem(late, 412, "precondition-failed")
    assert late.headers["ETag"] == new.headers["ETag"] == site.people["admin"].get(path).headers["ETag"]
    assert site.row(FIELDS, user["id"])["first_name"] == "Ida"


def test_user_delete_204(site: Site) -> None:
    user = site.register()
    answer = site.people["admin"].delete(f"/users/{user['id']}")
    assert (answer.status_code, answer.content, "content-type" in answer.headers) == (204, b"", False)
    row = site.row(FIELDS, user["id"])
    assert (row["is_active"], row["username"] == user["username"], row["email"] == user["email"]) == (False,) * 3
    assert site.register(user["username"])["id"] != user["id"]  # the name is free again


def test_user_change_by_another_403_and_by_nobody_401(site: Site) -> None:
    author = ok(site.people["author"].get("/me"))
    site.people["author"].post("/posts", json={"title": "Shows its author", "content": "x"})
    problem(site.people["editor"].delete(f"/users/{author['id']}"), 403, "permission-denied")
    refused = site.anonymous.delete(f"/users/{author['id']}")
    problem(refused, 401, "authentication-required")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert site.row(FIELDS, author["id"])["is_active"]


def test_bad_token_401_even_on_public_reads(site: Site) -> None:
    answer = site.anonymous.get("/posts", headers={"Authorization": "Bearer not.a.token"})
    problem(answer, 401, "invalid-token")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_failed_logins_429(site: Site) -> None:
    wrong = {"email": f"{unique('nobody')}@example.org", "password": "wrong"}
    answers = [site.anonymous.post("/auth/token", json=wrong) for _ in range(11)]
    for answer in answers[:10]:
        problem(answer, 401, "invalid-credentials")
    problem(answers[10], 429, "rate-limited")
    assert 0 < int(answers[10].headers["Retry-After"]) <= 600


def test_suspending_works_on_the_next_request(site: Site) -> None:
    user = site.register()
    body = {"email": user["email"], "password": PASSWORD}
    token = ok(site.anonymous.post("/auth/token", json=body))["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert ok(site.anonymous.get("/me", headers=headers))["id"] == user["id"]
    suspended = ok(site.people["admin"].post(f"/users/{user['id']}/actions/suspend"))
    assert suspended["is_active"] is False
    stored = site.row(FIELDS, user["id"])
    assert (stored["is_active"], stored["username"], stored["email"]) == (False, user["username"], user["email"])
    sessions = site.rows("SELECT revoked_at FROM cms_authsession WHERE user_id = %s", user["id"])
    assert [row["revoked_at"] is not None for row in sessions] == [True]
    problem(site.anonymous.get("/me", headers=headers), 401, "invalid-token")
    problem(site.anonymous.post("/auth/token", json=body), 401, "invalid-credentials")


def test_role_given_by_an_admin_alone(site: Site) -> None:
    user = site.register()
    path, body = f"/users/{user['id']}/actions/set-role", {"role": "author"}
    problem(site.people["editor"].post(path, json=body), 403, "permission-denied")
    assert ok(site.people["admin"].post(path, json=body))["role"] == "author"
    problem(site.people["admin"].post(path, json={"role": "king"}), 422, "invalid-input")
    assert site.row(FIELDS, user["id"])["role"] == "author"


def test_registering_again_with_the_same_key_gives_the_same_answer(site: Site) -> None:
    body, headers = registration(), {"Idempotency-Key": unique("key")}
    first: httpx.Response = site.anonymous.post("/users", json=body, headers=headers)
    again = site.anonymous.post("/users", json=body, headers=headers)
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    other = site.anonymous.post("/users", json=registration(), headers=headers)
    problem(other, 422, "idempotency-key-reused")
