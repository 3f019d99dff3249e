import datetime
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms import limits
from cms.models import AuditEvent, BrowserSession, User
from cms.policy import SYSTEM
from cms.services.browser_sessions import end_all_logins
from cms.services.users import set_password
from tests.conftest import PASSWORD
from tests.second_factors import set_up_app

LOGIN, SECOND_STEP = "/admin/login/", "/admin/login/second-step/"


@pytest.mark.parametrize("name", ["mia", "MIA", "mia@example.org", "Mia@Example.Org"])
def test_an_editor_signs_in_with_username_or_address_in_any_case(
    make_user: Callable[..., User], client: Client, name: str
) -> None:
    make_user("editor", username="mia", password=PASSWORD)
    response = client.post(LOGIN, {"username": name, "password": PASSWORD, "next": "/admin/"})
    assert response.status_code == 302
    assert response.headers["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_a_wrong_password_is_refused_without_saying_which_part_was_wrong(
    make_user: Callable[..., User], client: Client
) -> None:
    make_user("editor", username="mia", password=PASSWORD)
    pages = [client.post(LOGIN, {"username": name, "password": "wrong"}) for name in ("mia", "nobody")]
    errors = [str(page.context["form"].non_field_errors()) for page in pages]
    assert errors[0] == errors[1]
    assert "username, e-mail address" in errors[0]
    assert client.get("/admin/").status_code == 302


def test_the_login_form_says_that_it_takes_an_address_and_has_room_for_a_long_one(db: None, client: Client) -> None:
    page = client.get(LOGIN).content.decode()
    assert "Username or e-mail address" in page
    assert 'maxlength="254"' in page


@pytest.mark.parametrize("has_factor", [True, False])
def test_a_user_has_a_hundred_browsers_with_the_one_of_the_new_login(
    make_user: Callable[..., User], client: Client, has_factor: bool
) -> None:
    mia, now = make_user("editor", username="mia", password=PASSWORD), timezone.now()
    app = set_up_app(mia, now - datetime.timedelta(hours=1)) if has_factor else None
    BrowserSession.objects.bulk_create(
        BrowserSession(session_key=f"{number:032}", expire_date=now + datetime.timedelta(hours=number + 1), user=mia)
        for number in range(limits.OPEN_SESSIONS_MAX)
    )
    client.post(LOGIN, {"username": "mia", "password": PASSWORD})
    if app:
        client.post(SECOND_STEP, {"code": app.code(now)})
    kept = {f"{number:032}" for number in range(1, limits.OPEN_SESSIONS_MAX)}
    assert {*BrowserSession.objects.values_list("pk", flat=True)} == {*kept, client.session.session_key}
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("is_by_admin", [True, False])
def test_a_login_that_was_overtaken_opens_no_page(
    make_user: Callable[..., User], client: Client, now: Any, meanwhile: Any, is_by_admin: bool
) -> None:
    mia = make_user("editor", username="mia", password=PASSWORD)
    new = partial(set_password, actor=SYSTEM, user=mia, password="another long pass-phrase", now=now)
    meanwhile(new if is_by_admin else partial(end_all_logins, actor=SYSTEM, user=mia, now=now))
    client.post(LOGIN, {"username": "mia", "password": PASSWORD})
    assert client.get("/admin/").status_code == 302


def test_a_second_step_that_was_overtaken_is_none(
    make_user: Callable[..., User], client: Client, now: Any, meanwhile: Any
) -> None:
    mia = make_user("editor", username="mia", password=PASSWORD)
    set_up_app(mia, now)
    meanwhile(partial(set_password, actor=SYSTEM, user=mia, password="another long pass-phrase", now=now))
    assert client.post(LOGIN, {"username": "mia", "password": PASSWORD}).headers["Location"] == SECOND_STEP
    assert client.get(SECOND_STEP).headers["Location"] == LOGIN


def test_a_subscriber_stays_outside(make_user: Callable[..., User], client: Client) -> None:
    make_user("subscriber", username="sub", password=PASSWORD)
    page = client.post(LOGIN, {"username": "sub", "password": PASSWORD})
    assert page.status_code == 200
    assert client.get("/admin/cms/post/").status_code == 302


def test_a_suspended_editor_is_out_at_the_next_request(
    make_user: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    editor = make_user("editor")
    client = signed_in(editor)
    assert client.get("/admin/").status_code == 200
    User.objects.filter(pk=editor.pk).update(is_active=False)
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize("page", ["login/", "profile/", "password_change/", "password_change/done/", "session/"])
def test_no_cache_keeps_a_page_of_the_account(
    make_user: Callable[..., User], signed_in: Callable[[User], Client], page: str
) -> None:
    response = signed_in(make_user("author")).get(f"/admin/{page}")
    assert {"no-store", "private"} <= set(response.headers.get("Cache-Control", "").split(", "))


def test_the_own_password_is_changed_by_the_service_and_the_session_goes_on(
    make_user: Callable[..., User], client: Client
) -> None:
    make_user("author", username="mia", password=PASSWORD)
    client.post(LOGIN, {"username": "mia", "password": PASSWORD})
    new = "another long pass-phrase"
    sent = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/admin/password_change/", sent).status_code == 302
    assert client.get("/admin/").status_code == 200
    assert User.objects.get(username="mia").check_password(new)


def test_wrong_current_passwords_have_the_limit_of_failed_logins(
    make_user: Callable[..., User], client: Client, settings: Any
) -> None:
    settings.RATE_LIMIT_LOGIN = 2
    make_user("author", username="mia", password=PASSWORD)
    client.post(LOGIN, {"username": "mia", "password": PASSWORD})
    new = "another long pass-phrase"
    errors = []
    for old in ("wrong", "wrong", PASSWORD):
        page = client.post("/admin/password_change/", {"old_password": old, "new_password1": new, "new_password2": new})
        errors.append(str(page.context["form"].errors["old_password"]))
    assert ["incorrectly" in error for error in errors] == [True, True, False]
    assert "Too many failed logins: try again in" in errors[-1]
    assert User.objects.get().check_password(PASSWORD)
    actions = AuditEvent.objects.filter(action__startswith="auth.").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["auth.login", "auth.login_failed", "auth.login_failed", "auth.locked"]


def test_a_password_that_only_the_service_refuses_is_an_error_of_the_form(
    make_user: Callable[..., User], client: Client
) -> None:
    make_user("author", username="mia", password=PASSWORD)
    client.post(LOGIN, {"username": "mia", "password": PASSWORD})
    new = "long pass-phrase " * 300
    sent = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    page = client.post("/admin/password_change/", sent)
    assert "1024" in str(page.context["form"].errors["new_password1"])
    assert User.objects.get(username="mia").check_password(PASSWORD)
