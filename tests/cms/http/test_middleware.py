"""The client's real address behind proxies, and the id that every request gets."""

import ipaddress
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from cms.accounts.authentication import client_behind
from cms.http.middleware import ClientAddressMiddleware, RequestIdMiddleware
from cms.models import AuditEvent, User
from cms.services.origin import current_origin

PROXY = "10.0.0.1"


@pytest.fixture(autouse=True)
def _proxies(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network(n) for n in ("10.0.0.0/8", "fd00::/8", "192.0.2.1/32")]


def address(peer: str, forwarded: str | None) -> str:
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)
    ClientAddressMiddleware(lambda request: HttpResponse())(request)
    return str(request.META["REMOTE_ADDR"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        (PROXY, None, PROXY),
        (PROXY, "", PROXY),
        (PROXY, "198.51.100.7", "198.51.100.7"),
        (PROXY, "198.51.100.7, 10.2.3.4", "198.51.100.7"),
        (PROXY, "198.51.100.7,10.2.3.4,192.0.2.1", "198.51.100.7"),
        (PROXY, "10.9.9.9, 10.2.3.4", "10.9.9.9"),
        (PROXY, " 198.51.100.7 ,, 10.2.3.4 ,", "198.51.100.7"),
        ("fd00::1", "2001:db8::7, fd00::2", "2001:db8::7"),
        (PROXY, "2001:DB8:0:0::7", "2001:db8::7"),
        (PROXY, "[2001:db8::7]:4711", "2001:db8::7"),
        (PROXY, "[2001:db8::7]", "2001:db8::7"),
        (PROXY, "198.51.100.7:4711, 10.2.3.4:80", "198.51.100.7"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        (PROXY, "::ffff:198.51.100.7", "198.51.100.7"),
        (PROXY, "fe80::1%eth0", "fe80::1"),
    ],
)
def test_the_address_that_the_last_trusted_proxy_saw(peer: str, forwarded: str | None, expected: str) -> None:
    assert address(peer, forwarded) == expected


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.9", "203.0.113.5", "198.51.100.9"),
        ("198.51.100.9", "203.0.113.5, 10.0.0.1", "198.51.100.9"),
        (PROXY, "203.0.113.5, 198.51.100.7", "198.51.100.7"),
        (PROXY, "10.0.0.5, 198.51.100.7", "198.51.100.7"),
        (PROXY, "127.0.0.1, 10.0.0.5, 198.51.100.7, 10.2.3.4", "198.51.100.7"),
        ("2001:db8::9", "fd00::1", "2001:db8::9"),
        ("192.0.2.2", "203.0.113.5", "192.0.2.2"),
        ("", "203.0.113.5", ""),
    ],
)
def test_what_a_client_wrote_itself_is_not_believed(peer: str, forwarded: str, expected: str) -> None:
    assert address(peer, forwarded) == expected


@pytest.mark.parametrize(
    "garbage",
    ["unknown", "_hidden", "1.2.3.4.5", "<script>", "' OR 1=1", "1.2.3.4:", "[::1", "é", "0x7f.1", "9" * 9_000],
)
def test_garbage_is_no_address(garbage: str) -> None:
    assert address(PROXY, garbage) == PROXY
    assert address(PROXY, f"198.51.100.7, {garbage}, 10.2.3.4") == "10.2.3.4"
    assert address(PROXY, f"{garbage}, 198.51.100.7") == "198.51.100.7"


def test_without_trusted_proxies_nothing_is_believed(settings: Any) -> None:
    settings.TRUSTED_PROXIES = []
    assert address(PROXY, "203.0.113.5") == PROXY


# -- request ids ------------------------------------------------------------------------------------------------------


def answer(given: str | None, **meta: Any) -> tuple[HttpRequest, HttpResponse]:
    headers = {} if given is None else {"x-request-id": given}
    request = RequestFactory().get("/", headers=headers, **meta)
    return request, RequestIdMiddleware(lambda request: HttpResponse())(request)


@pytest.mark.parametrize(
    "given", ["a", "a" * 128, "0197a0c0-0000-7000-8000-0123456789ab", "Root=1-67891233-abc/x+y@z:1.2_3"]
)
def test_a_harmless_id_is_kept_and_returned(given: str) -> None:
    request, response = answer(given)
    assert response.headers["X-Request-ID"] == given == request.request_id  # type: ignore[attr-defined]
    assert current_origin().request_id == given


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "a" * 129,
        "a b",
        "a\nb",
        "a\r\nSet-Cookie: x=1",
        "a\n",
        "<script>",
        "é",
        "a\x00",
        '"a"',
        "a;b",
        "a,b",
        "${jndi:x}",
        "\u0661",
    ],
)
def test_any_other_id_is_replaced_by_a_uuid(given: str | None) -> None:
    _, response = answer(given)
    assert uuid.UUID(response.headers["X-Request-ID"]).version == 7


def test_every_request_gets_an_id_of_its_own() -> None:
    assert answer(None)[1].headers["X-Request-ID"] != answer(None)[1].headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("peer", "ip"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("", None),
        ("unix:", None),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
    ],
)
def test_the_origin_holds_an_address_that_can_be_stored(peer: str, ip: str | None) -> None:
    answer("r", REMOTE_ADDR=peer)
    assert current_origin().ip == ip


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("fields", "is_known"),
    [
        ({"role": "subscriber", "is_vouched_for": False}, False),
        ({"role": "subscriber", "is_vouched_for": True}, True),
        ({"role": "author", "is_vouched_for": False}, True),
    ],
)
def test_a_person_is_a_client_if_somebody_knows_the_person(
    fields: dict[str, Any], is_known: bool, make_user: Callable[..., User], client_of: Callable[[User], Client]
) -> None:
    """A stranger spent the credit of each of 95 accounts that it had registered."""
    user = make_user(fields.pop("role"))
    User.objects.filter(pk=user.pk).update(**fields)
    answer = client_of(user).get("/api/v2/me")
    assert answer.status_code == 200
    assert client_behind(answer.wsgi_request, "2001:db8:0:1::1") == (user.pk if is_known else "2001:db8::/48")


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("address", "client"), [("192.0.2.1", "192.0.2.1"), ("2001:db8:0:1::1", "2001:db8::/48"), (None, None)]
)
def test_a_stranger_is_a_client_by_its_network(address: str | None, client: str | None) -> None:
    assert client_behind(Client().get("/api/v2/tags").wsgi_request, address) == client


@pytest.mark.django_db
def test_the_audit_trail_names_the_client_behind_the_proxy() -> None:
    body = {"username": "mia", "email": "mia@example.org", "password": "tall trees in a row"}
    response = Client().post(
        "/api/v1/auth/register",
        body,
        content_type="application/json",
        REMOTE_ADDR=PROXY,
        headers={"x-forwarded-for": "203.0.113.5, 198.51.100.7", "x-request-id": "r-1"},
    )
    event = AuditEvent.objects.get(action="user.registered")
    assert (event.ip, event.request_id, event.api_version) == ("198.51.100.7", "r-1", 1)
    assert response.headers["X-Request-ID"] == "r-1"
