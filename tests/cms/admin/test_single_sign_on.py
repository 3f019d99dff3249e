"""Single sign-on at the admin site, with a real provider on loopback: who gets in, and which lies are found out."""

import datetime
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from cms.accounts.single_sign_on import COOKIE
from cms.costs.turns import Bounded
from cms.errors import PermissionRefused
from cms.models import AuditEvent, BrowserSession, LinkedIdentity, User
from cms.policy import SYSTEM
from cms.services.single_sign_on import provider as asking
from cms.services.single_sign_on.identities import link_subject, unlink_identities
from cms.services.user_deletion import delete_user
from cms.services.users import update_user
from tests import oidc_provider as lies
from tests.conftest import PASSWORD
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, DISCOVERY, KEYS, TOKEN, Provider, providing
from tests.second_factors import set_up_app
from tests.slow import slow

LOGIN, BEGIN, CALLBACK = "/admin/login/", "/admin/login/single-sign-on/", "/admin/login/single-sign-on/callback/"
STEP, SETUP = "/admin/login/second-step/", "/admin/login/set-up/"
EMAIL = "mia@example.org"
SUBMITTED = {"_form_submitted": "True"}


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    """Says that it has signed Mia in, whose address it has verified."""
    with providing() as provider:
        settings.OIDC_ISSUER, settings.OIDC_NAME = provider.issuer, "Press"
        settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        provider.claims |= {"email": EMAIL, "email_verified": True}
        yield provider


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    make_user("admin")  # or she would be the last one
    return make_user("admin", username="mia", email=EMAIL, email_verified=True, password=PASSWORD)


def return_from(url: str) -> str:
    """Be the browser at the provider; return the address that it leads back to."""
    back = urlsplit(httpx.get(url).headers["location"])
    return f"{back.path}?{back.query}"


def enter(client: Client, **query: str) -> Any:
    """From the button to the end."""
    begun = client.get(BEGIN, query)
    assert begun.status_code == 302
    return client.get(return_from(begun.headers["Location"]))


def refusal(client: Client) -> str:
    """The page of a sign-in that opens nothing."""
    answer = enter(client)
    assert answer.status_code == 200
    assert client.get("/admin/").status_code == 302
    assert not BrowserSession.objects.exclude(user=None).exists()
    page: str = answer.content.decode()
    assert "Back to the login" in page
    return page


def actions() -> list[str]:
    return [*AuditEvent.objects.filter(action__startswith="auth.").order_by("pk").values_list("action", flat=True)]


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
    assert enter(client).status_code == 302
    assert client.get("/admin/").wsgi_request.user == mia
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
    assert "Ask an admin of this site to make a user with the same e-mail address" in page
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


# -- the provider lies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        slow({"nonce": None}),
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "another-client"]},
        slow({"aud": None}),
        slow({"azp": "another-client"}),
        {"iss": "https://elsewhere.example"},
        slow({"iss": None}),
        {"exp": 1_700_000_000},
        slow({"exp": None}),
        slow({"exp": "never"}),
        {"nbf": 9_000_000_000},
        slow({"sub": None}),
        {"sub": ""},
        slow({"sub": "x" * 256}),
        slow({"sub": 7}),
    ],
    ids=str,
)
def test_a_token_of_another_kind_is_refused(provider: Provider, mia: User, client: Client, claims: Any) -> None:
    provider.claims |= claims
    assert "Press could not be asked who you are" in refusal(client)
    assert actions() == []


@pytest.mark.parametrize(
    "sign", [lies.unsigned, lies.by_the_public_key, lies.by_another_key, slow(lambda claims: "x.y.z")]
)
def test_a_token_that_nobody_has_signed_is_refused(provider: Provider, mia: User, client: Client, sign: Any) -> None:
    provider.sign = sign
    assert "could not be asked" in refusal(client)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [{"kty": "oct", "k": "c2VjcmV0", "kid": "rsa", "alg": "RS256"}],
        slow([{"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB"}]),
        slow([{"kty": "RSA", "kid": "rsa", "n": 7, "e": None}]),
        slow(["rsa"]),
        slow(None),
        slow(7),
    ],
    ids=str,
)
def test_keys_that_do_not_fit_are_refused(provider: Provider, mia: User, client: Client, keys: Any) -> None:
    provider.answers[KEYS] = lies.say({"keys": keys})
    assert "could not be asked" in refusal(client)


@pytest.mark.parametrize("path", [TOKEN, slow(KEYS)])
@pytest.mark.parametrize("answer", [lies.never_end, lies.lead_elsewhere, slow(lies.say([])), slow(lies.say({}))])
def test_answers_that_are_huge_or_lead_elsewhere_or_say_nothing_are_refused(
    provider: Provider, mia: User, client: Client, path: str, answer: Any
) -> None:
    provider.answers[path] = answer
    assert "could not be asked" in refusal(client)
    assert provider.asked.count(KEYS) <= 1


@pytest.mark.parametrize("path", [DISCOVERY, TOKEN])
def test_a_provider_that_does_not_answer_is_not_waited_for(
    provider: Provider, mia: User, client: Client, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.answers[path] = lies.hang
    answer = client.get(BEGIN) if path == TOKEN else None
    with monkeypatch.context() as patch:
        patch.setattr(asking, "TIMEOUT_S", 0.1)
        answer = client.get(return_from(answer.headers["Location"]) if answer else BEGIN)
    assert "could not be asked" in answer.content.decode()
    provider.answers.clear()  # and once it does, it is asked again
    assert enter(client).status_code == 302


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "http://provider.example/token"},
        slow({"jwks_uri": "file:///etc/passwd"}),
        slow({"authorization_endpoint": "javascript:alert(1)"}),
        slow({"authorization_endpoint": None}),
    ],
    ids=str,
)
@pytest.mark.django_db
def test_a_provider_that_names_other_addresses_than_https_is_not_gone_to(
    provider: Provider, client: Client, said: Any
) -> None:
    provider.discovery = said
    assert "could not be asked" in client.get(BEGIN).content.decode()


def test_a_host_that_the_provider_names_has_to_be_a_public_one(provider: Provider, mia: User, client: Client) -> None:
    """It would lead our requests into the own network."""
    provider.discovery = {"jwks_uri": f"{provider.issuer.replace('127.0.0.1', 'localhost')}{KEYS}"}
    assert "could not be asked" in refusal(client)
    assert KEYS not in provider.asked


# -- the way back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"state": "another"}, slow({"state": ""}), slow({"state": "ü"})])
def test_another_state_is_refused_before_the_provider_is_asked(
    provider: Provider, mia: User, client: Client, change: dict[str, str]
) -> None:
    back = parse_qs(urlsplit(return_from(client.get(BEGIN).headers["Location"])).query)
    answer = client.get(CALLBACK, {"code": back["code"][0], "state": back["state"][0], **change})
    assert "Begin again" in answer.content.decode()
    assert TOKEN not in provider.asked


def test_a_sign_in_of_another_browser_is_not_ended_in_this_one(provider: Provider, mia: User, client: Client) -> None:
    """Or somebody could sign others in to an account of his own, by a link."""
    back = return_from(client.get(BEGIN).headers["Location"])
    assert "another browser" in Client().get(back).content.decode()
    assert client.get(back).status_code == 302
    assert "another browser" in client.get(back).content.decode()  # once


def test_a_forged_cookie_begins_nothing(provider: Provider, client: Client) -> None:
    client.cookies[COOKIE] = "e30:1:x"
    assert "Begin again" in client.get(CALLBACK, {"code": "x", "state": "y"}).content.decode()


@pytest.mark.parametrize("more", [{"error": "access_denied"}, {"code": "x", "iss": "https://elsewhere.example"}])
def test_a_refusal_of_the_provider_and_an_answer_of_another_one_open_nothing(
    provider: Provider, mia: User, client: Client, more: dict[str, str]
) -> None:
    state = parse_qs(urlsplit(client.get(BEGIN).headers["Location"]).query)["state"][0]
    answer = client.get(f"{CALLBACK}?{urlencode({'state': state, **more})}")
    assert "Press did not sign you in" in answer.content.decode()
    assert TOKEN not in provider.asked


# -- second factors ---------------------------------------------------------------------------------------------------


def test_the_own_second_factor_is_asked_for_all_the_same(provider: Provider, mia: User, client: Client) -> None:
    app = set_up_app(mia, timezone.now() - datetime.timedelta(hours=1))
    provider.claims |= {"amr": ["mfa", "otp"], "acr": "2"}
    assert enter(client, next="/admin/cms/post/").headers["Location"] == STEP
    assert client.get("/admin/").status_code == 302
    assert "auth.login" not in actions()
    assert client.post(STEP, {"code": app.code(timezone.now())}).headers["Location"] == "/admin/cms/post/"
    assert client.get("/admin/").status_code == 200


def test_a_role_that_needs_a_factor_sets_one_up_first(
    provider: Provider, mia: User, client: Client, settings: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = "admins"
    assert enter(client).headers["Location"] == STEP
    assert client.get(STEP).headers["Location"] == SETUP
    assert "QR code" in client.get(SETUP).content.decode()
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize("has_factor", [True, False])
def test_a_provider_that_is_trusted_for_it_takes_the_place_of_the_second_factor(
    provider: Provider, mia: User, client: Client, settings: Any, has_factor: bool
) -> None:
    settings.REQUIRE_SECOND_FACTOR, settings.OIDC_SECOND_FACTOR = "admins", "provider"
    if has_factor:
        set_up_app(mia, timezone.now())
    assert enter(client).headers["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


# -- limits -----------------------------------------------------------------------------------------------------------


def test_an_account_that_is_locked_stays_so(provider: Provider, mia: User, client: Client, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = 2
    for _ in range(2):
        client.post(LOGIN, {"username": "mia", "password": "wrong"})
    assert "Too many failed logins: try again in" in refusal(client)
    assert actions()[-1] == "auth.locked"


@pytest.mark.django_db
def test_failed_sign_ins_are_limited_before_the_provider_is_asked(
    provider: Provider, client: Client, settings: Any
) -> None:
    settings.RATE_LIMIT_LOGIN = 1  # five of an address
    pages = []
    for number in range(6):
        provider.claims["sub"] = f"mia-{number}"  # or the first one would be locked
        pages.append(enter(client).content.decode())
    assert ["Too many failed logins" in page for page in pages] == [False] * 5 + [True]
    assert provider.asked.count(TOKEN) == 5


@pytest.mark.django_db
def test_beginning_is_limited(provider: Provider, client: Client, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = 1  # fifty times as many of an address
    assert {client.get(BEGIN).status_code for _ in range(50)} == {302}
    assert "Too many logins" in client.get(BEGIN).content.decode()


def test_failures_lock_an_account_and_its_password_with_it(
    provider: Provider, mia: User, client: Client, settings: Any, now: datetime.datetime
) -> None:
    update_user(actor=SYSTEM, user=mia, changes={"email_verified": False}, now=now)
    settings.RATE_LIMIT_LOGIN = 2
    for _ in range(2):
        refusal(client)
    assert actions() == ["auth.login_failed", "auth.login_failed", "auth.locked"]
    client.post(LOGIN, {"username": "mia", "password": PASSWORD})
    assert client.get("/admin/").status_code == 302


def test_a_crowd_that_waits_for_the_provider_is_refused_at_once(
    provider: Provider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "ASKING", Bounded("sign-ins wait for the provider", at_once=0, patience_s=0))
    answer = client.get(BEGIN)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert provider.asked == []


# -- links ------------------------------------------------------------------------------------------------------------


def test_deleting_a_user_deletes_the_link(
    provider: Provider, mia: User, client: Client, now: datetime.datetime
) -> None:
    enter(client)
    delete_user(actor=SYSTEM, user=mia, now=now)
    assert not LinkedIdentity.objects.exists()
    assert "mia-1" not in str([*AuditEvent.objects.values_list("before", "after")])


def test_an_admin_unlinks_a_user_whose_next_sign_in_links_again(
    provider: Provider, mia: User, make_user: Callable[..., User], signed_in: Callable[[User], Client], client: Client
) -> None:
    admin, page = signed_in(make_user("admin", username="chief")), f"/admin/cms/user/{mia.pk}/change/"

    def titles() -> list[str]:
        return [action["title"] for action in admin.get(page).context["actions_detail"]]

    assert "Unlink single sign-on" not in titles()
    enter(client)
    assert "Unlink single sign-on" in titles()
    admin.post(f"/admin/cms/user/{mia.pk}/unlink-single-sign-on/", SUBMITTED)
    assert "Unlink single sign-on" not in titles()
    assert client.get("/admin/").status_code == 302  # sessions end
    provider.claims["sub"] = "mia-2"
    assert enter(client).status_code == 302
    assert LinkedIdentity.objects.get().subject == "mia-2"


def test_others_link_and_unlink_nobody(
    provider: Provider, mia: User, make_user: Callable[..., User], client: Client
) -> None:
    enter(client)
    editor = make_user("editor")
    with pytest.raises(PermissionRefused):
        unlink_identities(actor=editor, user=mia, now=timezone.now())
    with pytest.raises(PermissionRefused):
        link_subject(actor=editor, user=editor, issuer=provider.issuer, subject="x")
    assert LinkedIdentity.objects.get().user == mia


def test_the_shell_links_users_of_a_provider_that_verifies_no_address(
    provider: Provider, mia: User, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    provider.claims = {"sub": "mia-1"}
    refusal(client)
    assert f"no user may sign in as the subject 'mia-1' of {provider.issuer}" in caplog.text
    call_command("users", "link-single-sign-on", "mia", "mia-1")
    assert enter(client).headers["Location"] == "/admin/"
    call_command("users", "unlink-single-sign-on", "mia")
    assert client.get("/admin/").status_code == 302
    assert not LinkedIdentity.objects.exists()


@pytest.mark.parametrize(("name", "subject"), [("mia", "mia-2"), ("ben", "mia-1"), ("ben", "é"), ("ben", "x" * 256)])
def test_the_shell_links_neither_twice_nor_what_cannot_be(
    provider: Provider, mia: User, make_user: Callable[..., User], name: str, subject: str
) -> None:
    make_user("author", username="ben")
    link_subject(actor=SYSTEM, user=mia, issuer=provider.issuer, subject="mia-1")
    with pytest.raises(CommandError):
        call_command("users", "link-single-sign-on", name, subject)
    assert LinkedIdentity.objects.count() == 1


@pytest.mark.django_db
def test_without_a_provider_the_shell_links_nobody(make_user: Callable[..., User]) -> None:
    make_user(username="ben")
    with pytest.raises(CommandError, match="OIDC_ISSUER is not set"):
        call_command("users", "link-single-sign-on", "ben", "x")
