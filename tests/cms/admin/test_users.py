from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cms.admin.roles import SENTENCES
from cms.choices import Role
from cms.models import ApiKey, AuditEvent, AuthSession, User
from cms.services.api_keys import create_api_key
from cms.services.second_factors.factors import has_second_factor
from cms.services.sessions import open_session
from tests.conftest import PASSWORD
from tests.second_factors import set_up_app

ADD = "/admin/cms/user/add/"
SUBMITTED = {"_form_submitted": "True"}


@pytest.fixture
def client(admin: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(admin)


def _change(user: User) -> str:
    return f"/admin/cms/user/{user.pk}/change/"


def test_a_new_user_signs_in_with_the_password_an_admin_gave(client: Client, send_form: Callable[..., Any]) -> None:
    send_form(client, ADD, username="nia", email="nia@example.org", role="editor", password=PASSWORD)
    user = User.objects.get(username="nia")
    assert user.password.startswith("argon2$argon2id$")
    assert Client().login(username="nia@example.org", password=PASSWORD)
    assert AuditEvent.objects.filter(object_id=user.pk, action="user.registered").count() == 1


def test_a_user_without_a_password_can_not_sign_in(client: Client, send_form: Callable[..., Any]) -> None:
    send_form(client, ADD, username="nia", email="nia@example.org", role="author")
    assert not User.objects.get(username="nia").has_usable_password()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("username", "CHIEF"), ("username", "a b"), ("username", "root"), ("email", "Chief@Example.org")),
        *(("email", "none"), ("password", "12345678"), ("password", "short")),
    ],
)
def test_a_refused_user_shows_the_error_at_its_field(
    client: Client, send_form: Callable[..., Any], field: str, value: str
) -> None:
    values = {"username": "nia", "email": "nia@example.org", "role": "author", "password": PASSWORD, field: value}
    page = send_form(client, ADD, **values)
    assert field in page.context["adminform"].form.errors
    assert User.objects.count() == 1


def test_no_page_shows_a_password_hash(client: Client, make_user: Callable[..., User]) -> None:
    user = make_user("author", password=PASSWORD)
    for address in (_change(user), "/admin/cms/user/"):
        assert "argon2" not in client.get(address).content.decode()
    # An invented lookup is answered like any wrong one: by the list without it.
    assert client.get("/admin/cms/user/?password__startswith=argon2").status_code in (302, 400)


def test_the_last_admin_is_neither_demoted_nor_suspended(
    client: Client, admin: User, send_form: Callable[..., Any], run_action: Callable[..., list[str]]
) -> None:
    page = send_form(client, _change(admin), role="editor")
    assert "last active admin" in str(page.context["adminform"].form.non_field_errors())
    said = run_action(client, "/admin/cms/user/", "suspend_selected", [admin])
    said += run_action(client, "/admin/cms/user/", "make_author_selected", [admin])
    assert len([text for text in said if "last active admin" in text]) == 2
    admin.refresh_from_db()
    assert admin.is_superuser


def test_roles_are_changed_for_many_at_once_and_each_change_is_on_record(
    client: Client, make_user: Callable[..., User], run_action: Callable[..., list[str]]
) -> None:
    users = [make_user("subscriber") for _ in range(3)]
    assert run_action(client, "/admin/cms/user/", "make_author_selected", users) == ["3 users made author."]
    assert User.objects.filter(role="author").count() == 3
    assert AuditEvent.objects.filter(action="user.role_changed").count() == 3


def test_suspending_and_activating_by_the_buttons_of_the_page(client: Client, make_user: Callable[..., User]) -> None:
    user = make_user("author")
    for name, is_active in (("suspend", False), ("activate", True)):
        titles = [action["title"] for action in client.get(_change(user)).context["actions_detail"]]
        assert titles == ["Set password", "End sessions", name.capitalize(), "Delete"]
        client.post(f"/admin/cms/user/{user.pk}/{name}/", SUBMITTED)
        user.refresh_from_db()
        assert user.is_active is is_active


def test_an_admin_sets_the_password_of_another(client: Client, make_user: Callable[..., User]) -> None:
    user = make_user("author", password=PASSWORD)
    address = f"/admin/cms/user/{user.pk}/set-password/"
    refused = client.post(address, {**SUBMITTED, "password": "12345678"})
    assert "too common" in refused.content.decode()
    assert client.post(address, {**SUBMITTED, "password": "a brand new pass-phrase"}).status_code == 302
    user.refresh_from_db()
    assert user.check_password("a brand new pass-phrase")


def test_the_own_password_is_set_where_the_current_one_is_asked_for(client: Client, admin: User) -> None:
    address, new = f"/admin/cms/user/{admin.pk}/set-password/", "a brand new pass-phrase"
    assert "asks for the current one" in client.post(address, {**SUBMITTED, "password": new}).content.decode()
    admin.refresh_from_db()
    assert not admin.check_password(new)


def test_an_admins_own_address_waits_until_the_old_one_agrees(
    client: Client, admin: User, send_form: Callable[..., Any]
) -> None:
    assert send_form(client, _change(admin), email="chief@example.net", bio="Moved.").status_code == 302
    admin.refresh_from_db()
    assert (admin.email, admin.pending_email, admin.bio) == ("chief@example.org", "chief@example.net", "Moved.")
    assert "chief@example.net" in client.get(_change(admin)).content.decode()


def test_history_leads_to_the_audit_trail_of_the_object(
    client: Client, make_user: Callable[..., User], editor: User, signed_in: Callable[[User], Client]
) -> None:
    user = make_user("author")
    page = client.get(f"/admin/cms/user/{user.pk}/history/", follow=True)
    assert [event.action for event in page.context["cl"].result_list] == ["user.registered"]
    assert signed_in(editor).get(f"/admin/cms/user/{user.pk}/history/").status_code == 403


def test_an_admin_resets_the_second_factor_of_another_user(client: Client, make_user: Callable[..., User]) -> None:
    user = make_user("editor")

    def titles() -> list[str]:
        return [action["title"] for action in client.get(_change(user)).context["actions_detail"]]

    assert "Reset second factor" not in titles()
    set_up_app(user, timezone.now())
    assert "Reset second factor" in titles()
    client.post(f"/admin/cms/user/{user.pk}/reset-second-factor/", SUBMITTED)
    assert "Reset second factor" not in titles()
    assert not has_second_factor(user)


def test_a_user_is_signed_out_everywhere_and_the_keys_stay(
    client: Client, author: User, signed_in: Callable[[User], Client]
) -> None:
    other = signed_in(author)
    session = open_session(user=author, now=timezone.now())
    key: Any = {"name": "Robot", "scopes": ["posts:read"]}
    create_api_key(actor=author, owner=author, fields=key, now=timezone.now())
    page = client.get(_change(author)).content.decode()
    assert "An app, through the API" in page
    assert "Robot: posts:read" in page
    client.post(f"/admin/cms/user/{author.pk}/end-sessions/", SUBMITTED)
    assert other.get("/admin/").status_code == 302
    assert AuthSession.objects.get(pk=session.session_id).revoked_at
    assert ApiKey.objects.get().is_active
    assert AuditEvent.objects.get(action="user.sessions_closed").actor == User.objects.get(username="chief")


def test_the_list_says_who_has_a_second_factor_in_one_query(
    client: Client, author: User, make_user: Callable[..., User]
) -> None:
    set_up_app(author, timezone.now())
    rows = client.get("/admin/cms/user/").context["cl"].result_list
    assert {user.username: user.has_second_factor for user in rows} == {"chief": False, author.username: True}
    with CaptureQueriesContext(connection) as few:
        client.get("/admin/cms/user/")
    for _number in range(3):
        make_user("author")
    with CaptureQueriesContext(connection) as many:
        client.get("/admin/cms/user/")
    assert len(many) == len(few)


@pytest.mark.parametrize(("typed", "role"), [("nia", "admin"), (" nia ", "admin"), ("Nia", "author"), ("", "author")])
def test_the_form_makes_an_admin_once_the_name_is_typed(
    client: Client, make_user: Callable[..., User], send_form: Callable[..., Any], typed: str, role: str
) -> None:
    nia = make_user("author", username="nia")
    page = send_form(client, _change(nia), role="admin", typed_name=typed)
    assert (page.status_code == 200 and "Type nia to confirm" in page.content.decode()) is (role == "author")
    nia.refresh_from_db()
    assert nia.role == role


@pytest.mark.parametrize(("typed", "count"), [("nia", 1), ("mia", 0)])
def test_a_new_admin_is_named_twice(client: Client, send_form: Callable[..., Any], typed: str, count: int) -> None:
    send_form(client, ADD, username="nia", email="nia@example.org", role="admin", typed_name=typed)
    assert User.objects.filter(username="nia", role="admin").count() == count


def test_the_page_of_an_admin_asks_for_no_name(client: Client, admin: User, send_form: Callable[..., Any]) -> None:
    assert "typed_name" not in client.get(_change(admin)).content.decode()
    assert send_form(client, _change(admin), bio="Still here.").status_code == 302


def test_the_form_says_what_each_role_may_do(client: Client) -> None:
    page = client.get(ADD).content.decode()
    assert set(SENTENCES) == set(Role)
    assert str(SENTENCES[Role.EDITOR]) in page
