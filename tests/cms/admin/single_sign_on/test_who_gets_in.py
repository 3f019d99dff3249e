"""Single sign-on at the admin site: who gets in, and who does not."""

import datetime
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from cms.accounts.single_sign_on import COOKIE
from cms.models import BrowserSession, LinkedIdentity, User
from cms.policy import SYSTEM
from cms.services.users import update_user
from tests import oidc_provider as lies
from tests.cms.admin.single_sign_on.conftest import EMAIL
from tests.cms.admin.single_sign_on.signing_in import (
    BEGIN,
    CALLBACK,
    LOGIN,
    actions,
    enter,
    refusal,
)
from tests.oidc_provider import DISCOVERY, Provider
from tests.slow import slow

# -- without the settings ---------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_without_the_settings_nothing_of_it_exists(client: Client) -> None:
    assert client.get(BEGIN).status_code == 404
    assert client.get(CALLBACK, {"code": "x", "state": "y"}).status_code == 404
    assert "Sign in with" not in client.get(LOGIN).content.decode()


# -- who gets in ------------------------------------------------------------------------------------------------------


def test_the_button_leads_to_the_provider_and_from_there_to_the_page_that_was_asked_for(
    provider: Provider, mia: User, client: Client
) -> None:
    page = client.get(f"{LOGIN}?next=/admin/cms/post/").content.decode()
    assert f'href="{BEGIN}?next=%2Fadmin%2Fcms%2Fpost%2F"' in page
    assert "Sign in with Press" in page
    assert enter(client, next="/admin/cms/post/").headers["Location"] == "/admin/cms/post/"
    assert client.get("/admin/cms/post/").wsgi_request.user == mia
    assert actions() == ["auth.identity_linked", "auth.login"]
    linked = LinkedIdentity.objects.get()
    assert (linked.user, linked.issuer, linked.subject) == (mia, provider.issuer, "mia-1")
    assert COOKIE not in {name for name, cookie in client.cookies.items() if cookie.value}


def test_what_is_sent_to_the_provider_is_bound_to_this_sign_in(provider: Provider, client: Client) -> None:
    first, second = (parse_qs(urlsplit(client.get(BEGIN).headers["Location"]).query) for _ in range(2))
    assert first["redirect_uri"] == [f"http://testserver{CALLBACK}"]
    assert first["code_challenge_method"] == ["S256"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) == 43
        assert first[name] != second[name]
    cookie = client.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", BEGIN)
    assert provider.asked == [DISCOVERY]


@pytest.mark.django_db
def test_a_stranger_who_begins_fills_no_table(provider: Provider, client: Client) -> None:
    client.get(BEGIN)
    assert not BrowserSession.objects.exists()


def test_who_is_linked_needs_no_address_any_more(provider: Provider, mia: User, client: Client) -> None:
    enter(client)
    provider.claims = {"sub": "mia-1", "email": "somebody.else@example.org", "email_verified": False}
    again = Client()
    assert enter(again).status_code == 302
    assert again.get("/admin/").wsgi_request.user == mia
    assert actions() == ["auth.identity_linked", "auth.login", "auth.login"]


def test_the_secret_goes_into_the_form_where_the_provider_wants_it_there(
    provider: Provider, mia: User, client: Client
) -> None:
    provider.discovery = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert enter(client).status_code == 302


def test_a_token_may_be_signed_by_an_elliptic_curve(provider: Provider, mia: User, client: Client) -> None:
    provider.sign = lies.by_an_elliptic_curve
    assert enter(client).status_code == 302


@pytest.mark.parametrize("others", [0, 1])
def test_a_token_without_the_name_of_its_key_needs_a_provider_with_one_key(
    provider: Provider, mia: User, client: Client, others: int
) -> None:
    provider.sign = lies.without_a_kid
    key = provider.public_keys()[0]
    provider.jwks = [key, *[{**key, "kid": "next"}] * others]
    assert enter(client).status_code == (200 if others else 302)


def test_the_session_key_is_a_new_one(provider: Provider, mia: User, client: Client) -> None:
    session = client.session
    session["planted"] = True
    session.save()
    planted = session.session_key
    enter(client)
    assert client.session.session_key != planted
    assert "planted" not in client.session


@pytest.mark.parametrize(
    "evil", ["https://evil.example/", slow("//evil.example/"), slow("javascript:alert(1)"), "/" + "x" * 4_000]
)
def test_it_leads_to_no_other_site(provider: Provider, mia: User, client: Client, evil: str) -> None:
    assert enter(client, next=evil).headers["Location"] == "/admin/"


def test_an_address_is_no_name_of_a_page(provider: Provider, mia: User, client: Client) -> None:
    assert enter(client, next="posts").headers["Location"] == "posts"


def test_logging_out_stays_here(provider: Provider, mia: User, client: Client) -> None:
    enter(client)
    asked = len(provider.asked)
    client.post("/admin/logout/")
    assert client.get("/admin/").status_code == 302
    assert len(provider.asked) == asked
    assert actions()[-1] == "auth.logout"


# -- who does not -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_nobody_gets_an_account_by_signing_in(provider: Provider, client: Client) -> None:
    page = refusal(client)
    assert "Ask an admin of this site to create a user with the same e-mail address" in page
    assert not User.objects.exists()
    assert actions() == []  # nobody's account is concerned


@pytest.mark.parametrize(
    "state", [{"is_active": False}, {"role": "subscriber"}, {"email_verified": False}], ids=["off", "role", "address"]
)
def test_an_account_that_may_not_is_refused_and_the_failure_noted(
    provider: Provider, mia: User, client: Client, now: datetime.datetime, state: Any
) -> None:
    update_user(actor=SYSTEM, user=mia, changes=state, now=now)
    assert "Ask an admin" in refusal(client)
    assert actions() == ["auth.login_failed"]
    assert not LinkedIdentity.objects.exists()


@pytest.mark.parametrize(
    "said",
    [{"email_verified": False}, {"email_verified": None}, slow({"email_verified": "true"}), slow({"email": None})],
)
def test_an_address_that_the_provider_has_not_verified_links_nobody(
    provider: Provider, mia: User, client: Client, said: Any
) -> None:
    provider.claims |= said
    assert "Verify it there, then try again" in refusal(client)
    assert not LinkedIdentity.objects.exists()


def test_another_identity_with_the_same_address_is_that_of_somebody_else(
    provider: Provider, mia: User, client: Client
) -> None:
    enter(client)
    client.post("/admin/logout/")
    provider.claims["sub"] = "mia-2"
    assert "unlink the user from an earlier account" in refusal(client)
    assert LinkedIdentity.objects.get().subject == "mia-1"


def test_an_identity_of_another_issuer_is_not_the_linked_one(provider: Provider, mia: User, client: Client) -> None:
    LinkedIdentity.objects.create(user=mia, issuer="https://elsewhere.example", subject="mia-1")
    provider.claims |= {"email_verified": False}
    assert "Verify it there" in refusal(client)


def test_a_suspension_ends_what_was_linked(
    provider: Provider, mia: User, client: Client, now: datetime.datetime
) -> None:
    enter(client)
    update_user(actor=SYSTEM, user=mia, changes={"is_active": False}, now=now)
    refused = enter(client)
    assert refused.status_code == 200
    assert client.get("/admin/").status_code == 302


def test_the_provider_gives_no_role(provider: Provider, make_user: Callable[..., User], client: Client) -> None:
    mia = make_user("author", email=EMAIL, email_verified=True)
    provider.claims |= {"roles": ["admin"], "groups": ["admin"], "realm_access": {"roles": ["admin"]}}
    enter(client)
    assert client.get("/admin/").wsgi_request.user == mia
    mia.refresh_from_db()
    assert mia.role == "author"
    assert client.get("/admin/cms/user/").status_code == 403
