"""Invitations at the admin site: sent, listed, revoked, and accepted by the link of the mail."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.models import BrowserSession, Invitation, Job, User
from cms.services.mails import send_invitation
from tests.conftest import PASSWORD

PAGES, ACCEPT = "/admin/cms/invitation/", "/admin/invitation/"
NEW = {"username": "nia", "password": PASSWORD, "again": PASSWORD}


@pytest.fixture
def admins(admin: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(admin)


@pytest.fixture
def link(admins: Client, send_form: Callable[..., Any], mailoutbox: list[Any]) -> str:
    """The path of the link in the mail of a new invitation."""
    send_form(admins, f"{PAGES}add/", email="nia@example.org", role="editor")
    assert send_invitation.call(*Job.objects.get().args)
    found = re.search(r"http://testserver(/admin/invitation/\S+/)\n", mailoutbox[0].body)
    assert found
    return found[1]


def test_an_admin_is_invited_once_the_address_is_typed(admins: Client, send_form: Callable[..., Any]) -> None:
    page = send_form(admins, f"{PAGES}add/", email="nia@example.org", role="admin")
    assert "Type nia@example.org to confirm" in page.content.decode()
    send_form(admins, f"{PAGES}add/", email="nia@example.org", role="admin", typed_name="nia@example.org")
    assert Invitation.objects.get().role == "admin"


def test_the_link_leads_to_a_page_that_makes_the_account(link: str, client: Client) -> None:
    assert client.get(link).headers["Location"] == ACCEPT
    page = client.get(ACCEPT).content.decode()
    assert "invited as editor" in page
    assert "nia@example.org" in page
    assert "differ" in client.post(ACCEPT, {**NEW, "again": "x"}).content.decode()
    assert "reserved" in client.post(ACCEPT, {**NEW, "username": "root"}).content.decode()
    assert client.post(ACCEPT, NEW).headers["Location"] == "/admin/login/"
    assert "Your account is ready" in client.get("/admin/login/").content.decode()
    client.post("/admin/login/", {"username": "nia", "password": PASSWORD})
    assert client.get("/admin/cms/post/").status_code == 200
    other = Client()
    other.get(link)
    assert "This invitation is not valid" in other.get(ACCEPT).content.decode()
    assert "This invitation is not valid" in other.post(ACCEPT, NEW).content.decode()


def test_an_admin_sees_the_state_and_revokes(link: str, admins: Client, client: Client) -> None:
    invitation = Invitation.objects.get()
    assert "open" in admins.get(PAGES).content.decode()
    admins.post(f"{PAGES}{invitation.pk}/revoke/", {"_form_submitted": "True"})
    invitation.refresh_from_db()
    assert invitation.revoked_at
    assert "revoked" in admins.get(PAGES).content.decode()
    client.get(link)
    assert "This invitation is not valid" in client.get(ACCEPT).content.decode()


def test_a_setting_names_the_address_that_mails_lead_to(
    admins: Client, send_form: Callable[..., Any], settings: Any
) -> None:
    settings.ADMIN_URL = "https://cms.example.org/admin/"
    send_form(admins, f"{PAGES}add/", email="nia@example.org", role="editor")
    admins.post("/admin/password-reset/", {"email": "nia@example.org"})
    assert Job.objects.earliest("pk").args[1] == "https://cms.example.org/admin/"
    assert Job.objects.latest("pk").kwargs == {"page": "https://cms.example.org/admin/password-reset/{token}/"}


def test_a_forged_link_stores_nothing(db: None, client: Client) -> None:
    assert "This invitation is not valid" in client.get(f"{ACCEPT}nonsense/").content.decode()
    assert not BrowserSession.objects.exists()


def test_the_address_of_a_user_is_refused_with_a_sentence(
    admins: Client, send_form: Callable[..., Any], admin: User
) -> None:
    page = send_form(admins, f"{PAGES}add/", email=admin.email, role="editor")
    assert "This e-mail address is taken." in page.content.decode()
    assert not Invitation.objects.exists()
