"""A forgotten password at the admin site: alike for every address, by the mail's link, and not past the second factor."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from cms.models import BrowserSession, Job, User
from cms.rate_limits import LINKS_OPENED
from cms.services.mails import send_password_reset
from tests.conftest import PASSWORD
from tests.second_factors import set_up_app

FORGOTTEN, NEW, LOGIN = "/admin/password-reset/", "/admin/password-reset/new/", "/admin/login/"
BETTER = "another long pass-phrase"


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user("editor", username="mia", password=PASSWORD)


@pytest.fixture
def ask(client: Client, mailoutbox: list[Any]) -> Callable[[], str]:
    """The path of the link in the mail that was asked for."""

    def make() -> str:
        assert client.post(FORGOTTEN, {"email": "Mia@example.org"}).headers["Location"] == f"{FORGOTTEN}sent/"
        job = Job.objects.latest("pk")
        mailoutbox.clear()
        assert send_password_reset.call(*job.args, **job.kwargs)
        link = re.search(r"http://testserver(/admin/password-reset/\S+/)\n", mailoutbox[0].body)
        assert link
        return link[1]

    return make


def set_password(client: Client, password: str = BETTER, again: str = BETTER) -> Any:
    return client.post(NEW, {"password": password, "again": again})


def test_the_login_page_leads_to_the_page_for_forgotten_passwords(client: Client, db: None) -> None:
    assert f'href="{FORGOTTEN}"' in client.get(LOGIN).content.decode()
    assert client.get(FORGOTTEN).status_code == 200
    assert client.get(f"{FORGOTTEN}sent/").status_code == 200


def test_the_link_of_the_mail_sets_a_new_password_once(mia: User, client: Client, ask: Callable[[], str]) -> None:
    link = ask()
    assert client.get(link).headers["Location"] == NEW
    page = client.get(NEW).content.decode()
    assert link.split("/")[-2] not in page
    assert set_password(client).headers["Location"] == LOGIN
    assert "Your new password is set" in client.get(LOGIN).content.decode()
    mia.refresh_from_db()
    assert mia.check_password(BETTER)
    client.get(link)
    assert "not valid" in client.get(NEW).content.decode()
    assert "not valid, was used already" in set_password(client).content.decode()


def test_a_link_fills_no_table_however_often_it_is_opened(mia: User, ask: Callable[[], str]) -> None:
    """By browsers without a cookie, which get a session each."""
    links = [ask(), ask()]
    assert LINKS_OPENED.most is not None
    for number in range(2 * LINKS_OPENED.most):
        Client().get(links[number % 2])
    sessions = BrowserSession.objects.all()
    assert sessions.count() == LINKS_OPENED.most
    assert max(each.expire_date for each in sessions) <= timezone.now() + datetime.timedelta(hours=1)
    assert "not valid" in Client().get(links[0]).content.decode()


def test_a_link_leaves_the_session_of_somebody_who_is_signed_in_as_long_as_it_was(
    mia: User, admin: User, ask: Callable[[], str]
) -> None:
    link, browser = ask(), Client()
    browser.force_login(admin)
    browser.get(link)
    assert browser.session.get_expiry_age() > 24 * 3_600


def test_the_answer_is_the_same_for_unknown_addresses(mia: User, client: Client) -> None:
    answers = [client.post(FORGOTTEN, {"email": f"{name}@example.org"}) for name in ("mia", "nobody")]
    assert len({(each.status_code, each.headers["Location"]) for each in answers}) == 1
    assert [len(job.args) for job in Job.objects.all()] == [1, 1]


def page_in_the_mail() -> str:
    page: str = Job.objects.latest("pk").kwargs["page"]
    return page


@pytest.mark.parametrize(
    ("origin", "environ"),
    [
        ("http://testserver", {"HTTP_HOST": "testserver:6666"}),
        ("http://testserver", {"HTTP_HOST": "testserver:6666", "SERVER_PORT": "8000"}),
        ("http://testserver:8000", {"HTTP_HOST": "testserver:8000", "SERVER_PORT": "8000"}),
        ("http://testserver", {"HTTP_HOST": "testserver:443"}),
        ("https://testserver", {"HTTP_HOST": "testserver:6666", "wsgi.url_scheme": "https", "SERVER_PORT": "443"}),
        ("http://[::1]", {"HTTP_HOST": "[::1]:6666", "SERVER_PORT": "8000"}),
        # gunicorn behind a Unix socket repeats the header's port as its own.
        ("http://testserver", {"HTTP_HOST": "testserver:6666", "SERVER_PORT": "6666", "REMOTE_ADDR": ""}),
    ],
)
def test_a_stranger_does_not_choose_the_port_of_the_link(
    mia: User, client: Client, settings: Settings, origin: str, environ: dict[str, str]
) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "[::1]"]
    assert client.post(FORGOTTEN, {"email": "mia@example.org"}, **environ).status_code == 302  # type: ignore[arg-type]
    assert page_in_the_mail() == f"{origin}/admin/password-reset/{{token}}/"


def test_the_setting_decides_where_the_link_leads(mia: User, client: Client, settings: Settings) -> None:
    settings.ADMIN_URL = "https://cms.example.org/admin/"
    client.post(FORGOTTEN, {"email": "mia@example.org"}, headers={"host": "testserver:6666"})
    assert page_in_the_mail() == "https://cms.example.org/admin/password-reset/{token}/"


def test_mails_are_limited_as_at_the_api(mia: User, client: Client) -> None:
    for name in ("mia", "nobody"):
        answers = [client.post(FORGOTTEN, {"email": f"{name}@example.org"}) for _ in range(6)]
        assert [each.status_code for each in answers] == [302] * 5 + [200]
        assert "try again in" in answers[-1].content.decode()


@pytest.mark.parametrize("email", ["", "no address", "mia@", "x" * 300])
def test_what_is_no_address_is_refused(db: None, client: Client, email: str) -> None:
    assert client.post(FORGOTTEN, {"email": email}).status_code == 200
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [("short", "short", "At least 8 characters"), ("password", "password", "too common"), (BETTER, "x", "differ")],
)
def test_a_bad_password_is_refused_and_the_link_stays_good(
    mia: User, client: Client, ask: Callable[[], str], password: str, again: str, said: str
) -> None:
    client.get(ask())
    assert said in set_password(client, password, again).content.decode()
    assert set_password(client).headers["Location"] == LOGIN


@pytest.mark.parametrize("token", ["x", "0" * 32, f"{'0' * 32}:1:x", "%ED%A0%80"])
def test_a_wrong_link_is_a_page_that_says_so(db: None, client: Client, token: str) -> None:
    for page in (client.get(f"{FORGOTTEN}{token}/"), client.get(NEW)):
        assert "This link is not valid" in page.content.decode()
    assert not BrowserSession.objects.exists()  # strangers fill no table


def test_a_new_password_does_not_switch_off_the_second_factor(
    mia: User, client: Client, ask: Callable[[], str]
) -> None:
    set_up_app(mia, timezone.now())
    client.get(ask())
    set_password(client)
    answer = client.post(LOGIN, {"username": "mia", "password": BETTER})
    assert answer.headers["Location"] == "/admin/login/second-step/"
