"""Browser sessions that were ended or logged out: no request that was under way revives one under another key."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import update_session_auth_hash
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from cms.accounts.sessions import SessionStore
from cms.accounts.signing_in import open_browser_session
from cms.errors import NotFound
from cms.models import AuditEvent, BrowserSession, User
from cms.services.browser_sessions import end_browser_session, end_other_logins, name_of
from tests.conftest import PASSWORD
from tests.second_factors import App, set_up_app

LOGIN, PROFILE = "/admin/login/", "/admin/profile/"


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user("editor", username="mia", password=PASSWORD)


@pytest.fixture
def thief(make_user: Callable[..., User]) -> User:
    thief = make_user("author", username="thief", password=PASSWORD)
    set_up_app(thief, timezone.now())
    return thief


def browser(user: User) -> Client:
    client = Client()
    assert client.post(LOGIN, {"username": user.username, "password": PASSWORD}).status_code == 302
    return client


def other_name(client: Client) -> str:
    [name] = [one.name for one in client.get(PROFILE).context["browsers"] if not one.is_current]
    return str(name)


def end(client: Client, name: str) -> str:
    page: Any = client.post(f"{PROFILE}browsers/{name}/end/", follow=True)
    return str(page.content.decode())


def loaded(client: Client) -> SessionStore:
    store = SessionStore(client.session.session_key)
    assert store["device"]
    return store


def request_of(user: User, session: SessionStore) -> HttpRequest:
    request = HttpRequest()
    request.session, request.user = session, user  # type: ignore[assignment]
    return request


@pytest.mark.parametrize("how", ["key", "password"])
def test_a_session_that_has_ended_gets_no_other_key(mia: User, how: str) -> None:
    store = loaded(browser(mia))
    BrowserSession.objects.all().delete()
    with pytest.raises(SessionInterrupted):
        store.cycle_key() if how == "key" else update_session_auth_hash(request_of(mia, store), mia)
    assert not BrowserSession.objects.exists()


def test_a_session_goes_on_under_another_key(mia: User) -> None:
    client = browser(mia)
    old, store = client.session.session_key, loaded(client)
    store.cycle_key()
    store.save()
    assert "device" not in SessionStore(old)
    assert SessionStore(store.session_key)["device"] == store["device"]
    assert BrowserSession.objects.get().user == mia
    new = SessionStore()
    new["here"] = True
    new.cycle_key()
    new.save()
    assert SessionStore(new.session_key)["here"]


def test_a_logout_ends_a_session_that_has_just_got_another_key(mia: User) -> None:
    client = browser(mia)
    copy = loaded(client)
    loaded(client).cycle_key()
    copy.flush()
    assert not BrowserSession.objects.exists()


def test_the_first_step_of_another_account_ends_the_session_of_the_one_before(mia: User, thief: User) -> None:
    owner, stolen = browser(mia), browser(mia)
    name, key = other_name(owner), stolen.session.session_key
    browser_login = {"username": "thief", "password": PASSWORD}
    assert stolen.post(LOGIN, browser_login).headers["Location"] == "/admin/login/second-step/"
    assert stolen.session.session_key != key
    assert {*stolen.session.keys()} == {"first_step", "_session_expiry"}
    assert stolen.get("/admin/").status_code == 302
    assert "is not in the list any more" in end(owner, name)


def test_a_session_that_ends_during_a_first_step_has_ended(mia: User, thief: User, meanwhile: Any) -> None:
    owner, stolen = browser(mia), browser(mia)
    name = other_name(owner)
    meanwhile(lambda: end_browser_session(user=mia, name=name, now=timezone.now()))
    stolen.post(LOGIN, {"username": "thief", "password": PASSWORD})
    assert stolen.get("/admin/").status_code == 302
    assert BrowserSession.objects.get(user=mia).session_key == owner.session.session_key


@pytest.mark.parametrize("path", ["/admin/password_change/", "/api/v2/me/password"])
def test_a_session_that_ends_during_a_change_of_the_password_has_ended(
    mia: User, meanwhile: Any, client: Client, path: str
) -> None:
    stolen, new = browser(mia), "another long pass-phrase"
    meanwhile(BrowserSession.objects.all().delete)
    if path.startswith("/api/"):
        sent = {"current_password": PASSWORD, "new_password": new}
        answer = stolen.post(path, sent, content_type="application/json")
        assert answer.status_code == 204  # for the password has changed
    else:
        sent = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
        assert stolen.post(path, sent).status_code == 400
    mia.refresh_from_db()
    assert mia.check_password(new)
    assert not BrowserSession.objects.exists()
    assert stolen.get("/admin/").status_code == 302


def test_a_browser_is_ended_by_the_name_that_a_page_gave_it_before_its_key_changed(
    mia: User, settings: Any, events_of: Any
) -> None:
    owner, other = browser(mia), browser(mia)
    name, key = other_name(owner), other.session.session_key
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret key, as long as one has to be"
    assert other.get(PROFILE).status_code == 200
    assert other.session.session_key != key  # Django changes it for a session of the earlier SECRET_KEY
    assert "That browser is signed out." in end(owner, name)
    assert other.get(PROFILE).status_code == 302
    assert events_of(mia)[-1] == "user.sessions_closed"


@pytest.mark.parametrize("is_of_earlier_release", [False, True])
def test_ending_a_browser_twice_says_that_it_is_gone(mia: User, is_of_earlier_release: bool) -> None:
    owner, other = browser(mia), browser(mia)
    if is_of_earlier_release:
        session: Any = other.session
        del session["device"]["id"]
        session.save()
    name = other_name(owner)
    assert re.fullmatch("[0-9a-f]{32}", name)
    assert "That browser is signed out." in end(owner, name)
    page = end(owner, name)
    assert "That browser is not in the list any more." in page
    assert "That browser is signed out." not in page
    assert AuditEvent.objects.filter(action="user.sessions_closed").count() == 1


def test_ending_all_others_twice_at_once_leaves_the_own_session(mia: User) -> None:
    """Each ended the session that the other had just given another key."""
    owner, other = browser(mia), browser(mia)
    key = owner.session.session_key
    assert owner.post(f"{PROFILE}sessions/end-others/").status_code == 302
    with pytest.raises(NotFound):  # the second one, which was loaded before
        end_other_logins(user=mia, current_key=key, now=timezone.now())
    assert owner.get(PROFILE).status_code == 200
    assert other.get(PROFILE).status_code == 302


@pytest.mark.parametrize("is_logout", [False, True])
def test_no_session_outlives_an_end_while_its_key_changes(in_threads: Any, mia: User, is_logout: bool) -> None:
    for _ in range(10):
        request = request_of(mia, SessionStore())
        open_browser_session(request, mia, timezone.now())
        request.session.save()
        key = request.session.session_key
        changing, copy = SessionStore(key), SessionStore(key)
        assert changing["device"] == copy["device"]
        name = name_of(BrowserSession.objects.get(pk=key))

        def finish(name: str = name, copy: SessionStore = copy) -> None:
            copy.flush() if is_logout else end_browser_session(user=mia, name=name, now=timezone.now())

        results = in_threads([changing.cycle_key, finish])
        assert {type(one) for one in results} <= {type(None), SessionInterrupted}
        assert not BrowserSession.objects.filter(user=mia).exists()


def test_a_set_up_that_is_sent_three_times_at_once_is_no_error(in_threads: Any, mia: User, settings: Any) -> None:
    """The others were let in before the first had set the factor up."""
    settings.REQUIRE_SECOND_FACTOR = "staff"
    client, set_up = Client(), "/admin/login/set-up/"
    client.post(LOGIN, {"username": "mia", "password": PASSWORD})
    [key] = re.findall(r'id="app-key">(\w+)<', client.get(set_up).content.decode())

    def send() -> int:
        twin = Client(raise_request_exception=False)
        twin.cookies.update(client.cookies)
        return twin.post(set_up, {"code": App(key, []).code(timezone.now())}).status_code

    statuses = in_threads([send] * 3)
    assert statuses.count(200) == 1
    assert {*statuses} <= {200, 302, 400}
