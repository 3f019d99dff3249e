"""Rate limits as clients meet them, in each version's shape."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.models import AuditEvent, AuthSession, User
from cms.rate_limits import LOGIN_RUNNING, Quota, give_back, name_quota, quota_within, take
from tests.conftest import PASSWORD
from tests.versions.conftest import Browser, Version, with_key, with_token

pytestmark = pytest.mark.django_db
ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}


def refused(version: Version, response: Any) -> int:
    """The seconds to wait that a 429 tells."""
    assert "try again in" in version.refusal(response, 429)
    return int(response.headers["Retry-After"])


@pytest.fixture
def newcomer() -> Callable[[int], dict[str, str]]:
    return lambda n: {"username": f"new_{n}", "email": f"new{n}@example.org", "password": PASSWORD}


# -- requests ---------------------------------------------------------------------------------------------------------


def test_an_address_may_ask_so_often_and_another_is_not_touched(version: Version, settings: Any) -> None:
    settings.RATE_LIMIT_ANONYMOUS = 3
    assert [version.send(Client(), "get", "/tags").status_code for _ in range(3)] == [200] * 3
    assert 0 < refused(version, version.send(Client(), "get", "/tags")) <= 120
    assert version.send(Client(**ELSEWHERE), "get", "/tags").status_code == 200


def test_both_versions_count_together(version: Version, other_version: Version, settings: Any) -> None:
    settings.RATE_LIMIT_ANONYMOUS = 2
    assert version.send(Client(), "get", "/tags").status_code == 200
    assert other_version.send(Client(), "get", "/tags").status_code == 200
    refused(version, version.send(Client(), "get", "/tags"))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/no-such-path", 404),
        ("get", "/posts/019a0000-0000-7000-8000-000000000000", 404),
        ("delete", "/tags", 405),
        ("post", "/posts", 401),
        ("options", "/tags", 204),
    ],
)
def test_whatever_is_answered_counts(version: Version, settings: Any, method: str, path: str, status: int) -> None:
    settings.RATE_LIMIT_ANONYMOUS = 2
    statuses = [version.send(Client(), method, path).status_code for _ in range(3)]
    assert statuses == [status, status, 429]


def test_bad_credentials_count_by_address(version: Version, settings: Any) -> None:
    settings.RATE_LIMIT_ANONYMOUS = 3
    clients = [with_token("nonsense"), with_key("nonsense"), with_key("tdm_" + "a" * 16 + "_" + "b" * 40)]
    assert [version.send(client, "get", "/tags").status_code for client in clients] == [401] * 3
    for client in (*clients, Client()):
        refused(version, version.send(client, "get", "/tags"))


@pytest.mark.parametrize("kind", ["token", "key", "browser"])
def test_a_credential_has_a_limit_of_its_own(
    version: Version, settings: Any, mia: User, editor: User, raw_key_of: Callable[..., str], kind: str
) -> None:
    clients = {
        "token": lambda user: with_token(version.sign_in(user)["access_token"]),
        "key": lambda user: with_key(raw_key_of(user, "posts:read")),
        "browser": lambda user: Browser(user).client,
    }
    editor.set_password(PASSWORD)
    editor.save()
    mine, other = clients[kind](mia), clients[kind](editor)
    settings.RATE_LIMIT_ANONYMOUS, settings.RATE_LIMIT_CREDENTIAL = 1, 3
    assert [version.send(mine, "get", "/tags").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert version.send(other, "get", "/tags").status_code == 200


def test_all_credentials_of_a_user_count_together(
    version: Version, settings: Any, mia: User, editor: User, raw_key_of: Callable[..., str]
) -> None:
    keys = [with_key(raw_key_of(mia, "posts:read")) for _ in range(2)]
    clients = [*keys, Browser(mia).client, *(with_token(version.sign_in(mia)["access_token"]) for _ in range(2))]
    settings.RATE_LIMIT_CREDENTIAL = len(clients)
    assert [version.send(client, "get", "/tags").status_code for client in clients] == [200] * len(clients)
    for client in clients:
        refused(version, version.send(client, "get", "/tags"))
    assert version.send(with_key(raw_key_of(editor, "posts:read")), "get", "/tags").status_code == 200


def test_a_refreshed_token_counts_on(version: Version, settings: Any, mia: User) -> None:
    first = version.sign_in(mia)
    second = version.tokens(version.renew(first["refresh_token"]))
    settings.RATE_LIMIT_CREDENTIAL = 2
    statuses = [
        version.send(with_token(t["access_token"]), "get", "/tags").status_code for t in (first, second, second)
    ]
    assert statuses == [200, 200, 429]


def test_what_is_refused_for_its_number_asks_the_database_nothing(
    version: Version, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.RATE_LIMIT_ANONYMOUS = 1
    version.send(Client(), "get", "/tags")
    with django_assert_num_queries(0):
        refused(version, version.send(Client(), "get", "/tags"))


def test_zero_is_no_limit(version: Version, settings: Any) -> None:
    settings.RATE_LIMIT_ANONYMOUS = 0
    responses = [version.send(Client(), "get", "/tags") for _ in range(5)]
    assert {response.status_code for response in responses} == {200}
    assert not any("RateLimit" in name for name in responses[0].headers)


def test_without_its_redis_nothing_fails_and_limits_hold(version: Version, settings: Any, tmp_path: Any) -> None:
    settings.RATE_LIMIT_ANONYMOUS, settings.REDIS_URL = 2, f"unix://{tmp_path}/{version.number}?db=0"
    assert [version.send(Client(), "get", "/tags").status_code for _ in range(3)] == [200, 200, 429]


def test_probes_of_health_are_never_refused(settings: Any) -> None:
    settings.RATE_LIMIT_ANONYMOUS = 1
    for path in ("/health", "/health/liveness", "/health/readiness") * 2:
        assert Client().get(f"/api/v1{path}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/posts", 200),
        ("head", "/posts", 200),
        ("get", "/posts/nothing", 404),
        ("get", "/nothing", 404),
        ("put", "/posts", 405),
        ("post", "/posts", 401),
        ("options", "/posts", 204),
        ("post", "/auth/token", 422),
    ],
)
def test_every_answer_of_v2_tells_the_limit_and_what_is_left(method: str, path: str, status: int) -> None:
    answers = [getattr(Client(), method)(f"/api/v2{path}", content_type="application/json") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status] * 2
    assert answers[1].headers["RateLimit-Policy"] == '"anonymous";q=6000;w=60'
    found = re.fullmatch(r'"anonymous";r=(5\d{3});t=(\d+)', answers[1].headers["RateLimit"])
    assert found
    assert (int(found[1]), 1 <= int(found[2]) <= 60) == (5998, True)


def test_a_request_for_an_unknown_host_counts_as_every_other(settings: Any) -> None:
    settings.RATE_LIMIT_ANONYMOUS = 2
    answers = [Client().get("/api/v2/posts", headers={"host": "evil.example"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert answers[1].headers["RateLimit"].startswith('"anonymous";r=0;t=')
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"anonymous";q=2;w=60'}


def test_a_304_and_a_429_of_v2_tell_it_too(settings: Any, mia: User) -> None:
    client = with_token(Version(2, "", "/auth/token", "", "").sign_in(mia)["access_token"])
    settings.RATE_LIMIT_CREDENTIAL = 2
    etag = client.get("/api/v2/tags").headers["ETag"]
    unchanged = client.get("/api/v2/tags", headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.headers["RateLimit"][:18]) == (304, '"credential";r=0;t')
    answer = client.get("/api/v2/tags")
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:problem-type:tandem:rate-limited")
    assert answer.headers["RateLimit-Policy"] == '"credential";q=2;w=60'
    assert answer.headers["Cache-Control"] == "no-store"


# -- logins and registrations -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mia@example.org", "nobody@example.org"])
def test_the_eleventh_failed_login_of_a_name_is_429_whether_it_is_known_or_not(
    version: Version, mia: User, name: str
) -> None:
    names = [name, name.upper(), name.title()] * 4
    answers = [version.try_password(Client(), each, "a wrong pass-phrase") for each in names[:11]]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert 0 < refused(version, answers[-1]) <= 600
    refused(version, version.try_password(Client(), name, PASSWORD))  # a right password too
    assert not AuthSession.objects.exists()
    elsewhere = version.try_password(Client(**ELSEWHERE), name, PASSWORD)
    assert elsewhere.status_code == (200 if name == mia.email else 401)


def test_failures_of_one_version_count_on_the_other(version: Version, other_version: Version, mia: User) -> None:
    for each in (version, other_version) * 5:
        assert each.try_password(Client(), mia.email, "wrong").status_code == 401
    refused(other_version, other_version.try_password(Client(), mia.email, PASSWORD))


def test_the_fifty_first_failed_login_of_an_address_is_429(version: Version, mia: User, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = 2
    answers = [version.try_password(Client(), f"u{n}@example.org", "wrong").status_code for n in range(11)]
    assert answers == [401] * 10 + [429]
    refused(version, version.try_password(Client(), mia.email, PASSWORD))
    assert version.try_password(Client(**ELSEWHERE), mia.email, PASSWORD).status_code == 200


def test_a_login_that_succeeds_counts_neither_for_its_name_nor_for_its_address(
    version: Version, mia: User, settings: Any
) -> None:
    settings.RATE_LIMIT_LOGIN = 1  # for a name; five for an address
    assert [version.try_password(Client(), mia.email, PASSWORD).status_code for _ in range(6)] == [200] * 6
    assert version.try_password(Client(), mia.email, "wrong").status_code == 401
    refused(version, version.try_password(Client(), mia.email, PASSWORD))


def test_who_finds_all_places_taken_by_logins_that_are_being_checked_may_try_again_at_once(
    version: Version, mia: User
) -> None:
    typed = quota_within(name_quota(mia.email), "127.0.0.1")
    being_checked = [typed, Quota(LOGIN_RUNNING, typed.subject)]
    for _ in range(10):
        assert take(being_checked, timezone.now()).retry_after_s == 0
    assert refused(version, version.try_password(Client(), mia.email, PASSWORD)) == 1
    give_back(being_checked)
    assert version.try_password(Client(), mia.email, PASSWORD).status_code == 200


def test_failures_at_the_admin_site_count_with_the_others_and_it_says_so(version: Version, mia: User) -> None:
    for _ in range(10):
        Client().post("/admin/login/", {"username": mia.email, "password": "wrong"})
    refused(version, version.try_password(Client(), mia.email, PASSWORD))
    page = Client().post("/admin/login/", {"username": mia.email, "password": PASSWORD})
    assert "Too many failed logins" in str(page.context["form"].non_field_errors())


def test_an_address_registers_so_many_and_wrong_ones_do_not_count(
    version: Version, settings: Any, newcomer: Callable[[int], dict[str, str]]
) -> None:
    settings.RATE_LIMIT_REGISTER = 2
    for n in range(3):
        assert version.send(Client(), "post", version.register, {**newcomer(n), "email": "nowhere"}).status_code == 422
    statuses = [version.send(Client(), "post", version.register, newcomer(n)).status_code for n in range(2)]
    assert statuses == [201, 201]
    assert 0 < refused(version, version.send(Client(), "post", version.register, newcomer(2))) <= 7_200
    assert version.send(Client(**ELSEWHERE), "post", version.register, newcomer(3)).status_code == 201
    assert (User.objects.count(), AuditEvent.objects.filter(action="user.registered").count()) == (3, 3)


def test_asking_who_is_here_by_registering_counts(
    version: Version, settings: Any, newcomer: Callable[[int], dict[str, str]]
) -> None:
    settings.RATE_LIMIT_REGISTER = 2
    statuses = [version.send(Client(), "post", version.register, newcomer(0)).status_code for _ in range(3)]
    assert statuses == [201, 409, 429]
